//! Amounts as providers write them. All of it is integer arithmetic; nothing is rounded.

use tenfold_kernel::{Currency, Money};

/// The digits of a nano-unit.
const NANO_DIGITS: u32 = 9;

/// The amount in units of `10^-digits`, or nothing if it is not a whole number of them.
pub(crate) fn to_minor(amount: Money, digits: u32) -> Option<i64> {
    let nanos = nanos_of_minor(digits)?;
    (amount.nanos % nanos == 0).then_some(amount.nanos / nanos)
}

/// The amount of `minor` units of `10^-digits`, or nothing if it does not fit.
pub(crate) fn from_minor(minor: i64, digits: u32, currency: Currency) -> Option<Money> {
    Some(Money::new(minor.checked_mul(nanos_of_minor(digits)?)?, currency))
}

fn nanos_of_minor(digits: u32) -> Option<i64> {
    10_i64.checked_pow(NANO_DIGITS.checked_sub(digits)?)
}

/// The renminbi, or nothing: the code is one, but a parser cannot promise it.
pub(crate) fn cny() -> Option<Currency> {
    Currency::parse("CNY").ok()
}

/// Writes fen as decimal yuan: `1234` is `12.34`.
pub(crate) fn yuan_text(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, (fen % 100).abs())
}

/// Reads decimal yuan of at most two places into fen: digits, then at most a point and one or two digits.
pub(crate) fn fen_of_yuan(text: &str) -> Option<i64> {
    let (whole, places) = match text.split_once('.') {
        Some((whole, places)) if (1..=2).contains(&places.len()) => (whole, places),
        Some(_) => return None,
        None => (text, ""),
    };
    // Signs and spaces are no digits; nine of these are more than any provider moves.
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !(1..=9).contains(&whole.len()) || !digits(whole) || !digits(places) {
        return None;
    }
    let fen: i64 = format!("{places:0<2}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(fen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn yuan_are_read_exactly_or_not_at_all() {
        for (text, fen) in [("0.01", 1), ("88.88", 8888), ("100", 10_000), ("7.5", 750), ("0.00", 0)] {
            assert_eq!(fen_of_yuan(text), Some(fen), "{text}");
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "1.234",
            "-1.00",
            "+1.00",
            "1e3",
            " 1.00",
            "1.0 ",
            "1,00",
            "١.00",
            "9999999999",
        ] {
            assert_eq!(fen_of_yuan(text), None, "{text}");
        }
    }

    #[test]
    fn half_a_minor_unit_is_refused() {
        assert_eq!(to_minor(Money::new(19_990_000_000, Currency::USD), 2), Some(1999));
        assert_eq!(to_minor(Money::new(19_995_000_000, Currency::USD), 2), None);
        assert_eq!(to_minor(Money::new(1, Currency::USD), 0), None);
        assert_eq!(from_minor(i64::MAX, 2, Currency::USD), None);
    }

    proptest! {
        #[test]
        fn minor_units_survive_the_way_there_and_back(minor in 0..900_000_000_i64, digits in 0..=3_u32) {
            let money = from_minor(minor, digits, Currency::USD).unwrap();
            prop_assert_eq!(to_minor(money, digits), Some(minor));
        }

        #[test]
        fn yuan_survive_the_way_there_and_back(fen in 0..90_000_000_000_i64) {
            prop_assert_eq!(fen_of_yuan(&yuan_text(fen)), Some(fen));
        }

        #[test]
        fn no_text_makes_the_reader_of_yuan_panic(text: String) {
            let _ = fen_of_yuan(&text);
        }
    }
}
