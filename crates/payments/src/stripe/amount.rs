//! The smallest units of currencies, as Stripe counts them.
//!
//! # Source
//! <https://docs.stripe.com/currencies>, "Zero-decimal currencies", "Three-decimal currencies", "Special cases".

use tenfold_kernel::{Currency, Money};

use crate::amount::{from_minor, to_minor};
use crate::error::PaymentError;
use crate::order::refused;

const ZERO_DECIMAL: &[&str] = &[
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
];
const THREE_DECIMAL: &[&str] = &["BHD", "JOD", "KWD", "OMR", "TND"];
/// Written with two digits that must be zero.
const WHOLE_WITH_TWO_DIGITS: &[&str] = &["ISK"];
/// The document lists it both as without digits and with two. A factor of a hundred is not to be guessed.
const CONTRADICTED: &[&str] = &["UGX"];

/// The amount as Stripe takes it.
pub(crate) fn of_order(amount: Money) -> Result<i64, PaymentError> {
    let code = amount.currency.code();
    let digits =
        digits(code).ok_or(refused("amount", "is in a currency that Stripe's documents contradict"))?;
    let minor =
        to_minor(amount, digits).ok_or(refused("amount", "is not a whole number of the smallest unit"))?;
    if minor % step(code) != 0 {
        return Err(refused("amount", "has more digits than Stripe takes in its currency"));
    }
    Ok(minor)
}

/// The money of an amount of Stripe's, if it is one that we could have asked for.
pub(crate) fn of_event(minor: i64, currency: Currency) -> Option<Money> {
    from_minor(minor, digits(currency.code())?, currency).filter(|money| money.nanos > 0)
}

fn digits(code: &str) -> Option<u32> {
    if CONTRADICTED.contains(&code) {
        None
    } else if ZERO_DECIMAL.contains(&code) {
        Some(0)
    } else if THREE_DECIMAL.contains(&code) {
        Some(3)
    } else {
        Some(2)
    }
}

/// What an amount must be a multiple of.
fn step(code: &str) -> i64 {
    if WHOLE_WITH_TWO_DIGITS.contains(&code) {
        100
    } else if THREE_DECIMAL.contains(&code) {
        10
    } else {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(nanos: i64, code: &str) -> Money {
        Money::new(nanos, Currency::parse(code).unwrap())
    }

    #[test]
    fn each_currency_has_its_own_smallest_unit() {
        assert_eq!(of_order(money(10_990_000_000, "USD")).unwrap(), 1099);
        assert_eq!(of_order(money(500_000_000_000, "JPY")).unwrap(), 500);
        assert_eq!(of_order(money(5_120_000_000, "KWD")).unwrap(), 5120);
        assert_eq!(of_order(money(5_000_000_000, "ISK")).unwrap(), 500);
        assert_eq!(of_event(500, Currency::parse("JPY").unwrap()), Some(money(500_000_000_000, "JPY")));
    }

    #[test]
    fn what_stripe_cannot_charge_exactly_is_refused() {
        for (nanos, code) in [
            (10_995_000_000, "USD"),
            (500_500_000_000, "JPY"),
            (5_124_000_000, "KWD"),
            (5_500_000_000, "ISK"),
            (5_000_000_000, "UGX"),
        ] {
            assert!(of_order(money(nanos, code)).is_err(), "{code} {nanos}");
        }
    }
}
