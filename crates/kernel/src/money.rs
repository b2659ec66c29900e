//! Money: an integer count of nano-units of a currency. Never a float.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A currency by its ISO 4217 code, in capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// A text that is not a currency code of three letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a currency code of three letters, such as USD")]
pub struct InvalidCurrency(pub String);

impl Currency {
    /// The US dollar: what built-in price lists are written in.
    pub const USD: Self = Self(*b"USD");
    /// The renminbi.
    pub const CNY: Self = Self(*b"CNY");

    /// Takes a code such as `USD` or `usd`.
    ///
    /// # Errors
    /// [`InvalidCurrency`] unless it is three ASCII letters.
    pub fn parse(text: &str) -> Result<Self, InvalidCurrency> {
        match text.as_bytes() {
            [a, b, c] if text.bytes().all(|x| x.is_ascii_alphabetic()) => {
                Ok(Self([a.to_ascii_uppercase(), b.to_ascii_uppercase(), c.to_ascii_uppercase()]))
            }
            _ => Err(InvalidCurrency(text.to_owned())),
        }
    }

    /// The code in capital letters.
    pub fn code(&self) -> &str {
        // Three ASCII letters by construction.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

/// An amount: `nanos` billionths of one unit of `currency`. Range: about nine thousand million units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Billionths of one unit.
    pub nanos: i64,
    /// Of which currency.
    pub currency: Currency,
}

impl Money {
    /// `nanos` billionths of `currency`.
    pub fn new(nanos: i64, currency: Currency) -> Self {
        Self { nanos, currency }
    }

    /// The sum, or nothing when the currencies differ or the sum does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        Some(Self { nanos: self.nanos.checked_add(other.nanos)?, ..self })
    }
}

impl fmt::Display for Money {
    /// Writes every digit that counts: `USD 0.000000150`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.nanos < 0 { "-" } else { "" };
        let whole = self.nanos.unsigned_abs() / 1_000_000_000;
        let rest = self.nanos.unsigned_abs() % 1_000_000_000;
        write!(f, "{} {sign}{whole}.{rest:09}", self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn money_is_written_with_all_nine_digits() {
        assert_eq!(Money::new(150, Currency::USD).to_string(), "USD 0.000000150");
        assert_eq!(Money::new(-1_500_000_000, Currency::USD).to_string(), "USD -1.500000000");
        assert_eq!(Money::new(i64::MIN, Currency::USD).to_string(), "USD -9223372036.854775808");
    }

    #[test]
    fn currencies_do_not_mix() {
        let cny = Currency::parse("cny").unwrap();
        assert_eq!(Money::new(1, Currency::USD).checked_add(Money::new(1, cny)), None);
        assert!(Currency::parse("dollar").is_err());
    }

    proptest! {
        #[test]
        fn addition_never_wraps(a: i64, b: i64) {
            let sum = Money::new(a, Currency::USD).checked_add(Money::new(b, Currency::USD));
            prop_assert_eq!(sum.map(|m| i128::from(m.nanos)), Some(i128::from(a) + i128::from(b)).filter(|s| i64::try_from(*s).is_ok()));
        }
    }
}
