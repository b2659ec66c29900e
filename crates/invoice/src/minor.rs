//! How amounts are written.

/// Nano-units are this many digits behind the point.
const NANO_DIGITS: u32 = 9;
/// Minor units with a point before the last `digits`, for programs: `-1234.50`.
pub fn write_minor(minor: i128, digits: u32) -> String {
    decimal(minor, digits, None)
}

/// The same for people, with a comma at every thousand: `-1,234.50`.
pub(crate) fn print_minor(minor: i128, digits: u32) -> String {
    decimal(minor, digits, Some(','))
}

/// Nano-units with all nine digits: `0.000000150`.
pub(crate) fn write_nanos(nanos: i128) -> String {
    decimal(nanos, NANO_DIGITS, None)
}

/// Parts per million as percent, without zeros at the end: `6`, `8.875`.
pub(crate) fn write_percent(parts_per_million: u32) -> String {
    let text = decimal(i128::from(parts_per_million), 4, None);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn decimal(number: i128, digits: u32, group: Option<char>) -> String {
    let scale = 10_u128.pow(digits);
    let (whole, rest) = (number.unsigned_abs() / scale, number.unsigned_abs() % scale);
    let mut text = String::from(if number < 0 { "-" } else { "" });
    let whole = whole.to_string();
    for (index, digit) in whole.chars().enumerate() {
        if let Some(group) = group.filter(|_| index > 0 && (whole.len() - index).is_multiple_of(3)) {
            text.push(group);
        }
        text.push(digit);
    }
    if digits > 0 {
        let rest = format!(".{rest:0width$}", width = digits as usize);
        text.push_str(&rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_for_programs_and_for_people() {
        assert_eq!(write_minor(-123_450, 2), "-1234.50");
        assert_eq!(print_minor(-123_450, 2), "-1,234.50");
        assert_eq!(print_minor(1_234_567, 0), "1,234,567");
        assert_eq!(print_minor(5, 3), "0.005");
        assert_eq!(print_minor(99_999, 2), "999.99");
        assert_eq!(write_nanos(150), "0.000000150");
        assert_eq!([0, 60_000, 88_750, 1_000_000].map(write_percent), ["0", "6", "8.875", "100"]);
    }
}
