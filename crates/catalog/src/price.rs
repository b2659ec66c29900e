//! Default price lists: decimal text in, integers out.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer};
use tenfold_kernel::{Currency, Unit};

/// A text that is not an exact price: not a plain decimal, finer than a nano-unit, or too large.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a price: write a plain decimal with at most nine digits after the point, such as \"0.15\""
)]
pub struct InvalidDecimal {
    /// What was written.
    pub text: String,
}

/// Reads a decimal such as `0.15` as a count of nano-units, exactly.
///
/// # Errors
/// [`InvalidDecimal`] for signs, exponents, more than nine digits after the point, and amounts that do not fit.
pub fn nanos_from_decimal(text: &str) -> Result<i64, InvalidDecimal> {
    let invalid = || InvalidDecimal { text: text.chars().take(64).collect() };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 || whole.len() > 10 {
        return Err(invalid());
    }
    let whole: i64 = whole.parse().map_err(|_| invalid())?;
    let nanos: i64 = format!("{fraction:0<9}").parse().map_err(|_| invalid())?;
    whole.checked_mul(1_000_000_000).and_then(|w| w.checked_add(nanos)).ok_or_else(invalid)
}

/// What a model costs unless the operator says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The currency of all of them.
    pub currency: Currency,
    /// Nano-units of the currency for one million of each unit.
    #[serde(deserialize_with = "by_unit")]
    pub per_million: BTreeMap<Unit, Nanos>,
}

/// Keys are read as text first, so that an error names the unit whose price is wrong.
fn by_unit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Unit, Nanos>, D::Error> {
    let by_name: BTreeMap<String, Nanos> = BTreeMap::deserialize(deserializer)?;
    let unit = |(name, price): (String, Nanos)| Ok((name.parse().map_err(serde::de::Error::custom)?, price));
    by_name.into_iter().map(unit).collect()
}

/// Nano-units of a currency, written as a decimal text of whole units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nanos(pub i64);

impl fmt::Display for Nanos {
    /// Writes whole units as an exact decimal without needless zeros: `0.02`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        let digits = format!("{rest:09}");
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() { write!(f, "{whole}") } else { write!(f, "{whole}.{digits}") }
    }
}

impl<'de> Deserialize<'de> for Nanos {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        nanos_from_decimal(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_exact_nanos() {
        assert_eq!(nanos_from_decimal("0.15"), Ok(150_000_000));
        assert_eq!(nanos_from_decimal("12"), Ok(12_000_000_000));
        assert_eq!(nanos_from_decimal("0.000000001"), Ok(1));
        assert_eq!(nanos_from_decimal("9223372036.854775807"), Ok(i64::MAX));
    }

    #[test]
    fn prices_are_written_as_they_are_read() {
        for text in ["0", "0.02", "12", "3.000000001", "9223372036.854775807"] {
            assert_eq!(nanos_from_decimal(text).map(|n| Nanos(n).to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn anything_but_an_exact_plain_decimal_is_refused() {
        for bad in
            ["", ".", "1.", ".5", "-1", "+1", "1e3", "0.0000000001", "9223372036.854775808", "1,5", "٣", " 1"]
        {
            assert!(nanos_from_decimal(bad).is_err(), "{bad}");
        }
    }
}
