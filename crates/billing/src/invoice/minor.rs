//! Minor units: the smallest amounts that a currency is paid in, and rounding to them.

use tenfold_kernel::Currency;

/// Nano-units are this many digits behind the point.
const NANO_DIGITS: u32 = 9;

/// Currencies that do not have two digits behind the point.
///
/// # Source
/// ISO 4217:2015, list one (currency, fund and precious metal codes), column "minor unit", as amended up to number 179.
/// Codes without a minor unit there (metals, `XTS`, `XXX`) are written with two, as any other.
const EXCEPTIONS: &[(u32, &[&str])] = &[
    (
        0,
        &[
            "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV",
            "XAF", "XOF", "XPF",
        ],
    ),
    (3, &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]),
    (4, &["CLF", "UYW"]),
];

/// How many digits behind the point amounts of `currency` are paid in: 2 for USD, 0 for JPY, 3 for KWD.
pub fn minor_digits(currency: Currency) -> u32 {
    let code = currency.code();
    EXCEPTIONS.iter().find(|(_, codes)| codes.contains(&code)).map_or(2, |(digits, _)| *digits)
}

/// `nanos` nano-units in minor units of `digits` digits (at most 9), rounded half away from zero.
pub fn round_to_minor(nanos: i128, digits: u32) -> i128 {
    divide(nanos, 10_i128.pow(NANO_DIGITS.saturating_sub(digits)))
}

/// `numerator / denominator`, rounded half away from zero; so that a credit note is the negative of its invoice.
/// `denominator` is above zero and far below the largest number.
pub(super) fn divide(numerator: i128, denominator: i128) -> i128 {
    let (whole, rest) = (numerator / denominator, numerator % denominator);
    if rest.unsigned_abs() * 2 >= denominator.unsigned_abs() { whole + numerator.signum() } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_currency_has_the_digits_of_iso_4217() {
        let digits = |code| minor_digits(Currency::parse(code).unwrap());
        assert_eq!(["USD", "EUR", "CNY", "XXX"].map(digits), [2; 4]);
        assert_eq!(["JPY", "KRW", "VND", "XOF"].map(digits), [0; 4]);
        assert_eq!(["BHD", "KWD", "TND"].map(digits), [3; 3]);
        assert_eq!(digits("CLF"), 4);
    }

    #[test]
    fn halves_go_away_from_zero() {
        let cents = |nanos| round_to_minor(nanos, 2);
        assert_eq!([5_000_000, 4_999_999, 15_000_000, 0].map(cents), [1, 0, 2, 0]);
        assert_eq!([-5_000_000, -4_999_999, -15_000_000].map(cents), [-1, 0, -2]);
        assert_eq!(round_to_minor(1_500_000_000, 0), 2);
        assert_eq!(round_to_minor(i128::MAX, 9), i128::MAX);
        assert_eq!(round_to_minor(i128::MIN, 9), i128::MIN);
    }
}
