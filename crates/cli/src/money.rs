//! Amounts of money as the platform writes them: exact in `nanos`, for people in `value`.

use std::collections::BTreeMap;

use serde::Deserialize;
use tenfold_kernel::{Currency, Money};

use crate::failure::Failure;

/// An amount in a cost report.
#[derive(Debug, Deserialize)]
pub(crate) struct Amount {
    /// Billionths of one unit.
    nanos: i64,
    /// The currency's code, in either case.
    currency: String,
}

/// Sums, one for each currency: they are never added up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sums(BTreeMap<Currency, Money>);

impl Sums {
    /// Adds an amount.
    pub(crate) fn add(&mut self, amount: &Amount) -> Result<(), Failure> {
        let wrong = |reason: String| Failure::Answer { reason };
        let currency = Currency::parse(&amount.currency).map_err(|e| wrong(e.to_string()))?;
        let sum = self.0.entry(currency).or_insert(Money::new(0, currency));
        *sum = sum
            .checked_add(Money::new(amount.nanos, currency))
            .ok_or_else(|| wrong("a sum of money does not fit".to_owned()))?;
        Ok(())
    }

    /// Adds all of another's.
    pub(crate) fn add_all(&mut self, other: &Self) -> Result<(), Failure> {
        other
            .0
            .values()
            .try_for_each(|m| self.add(&Amount { nanos: m.nanos, currency: m.currency.to_string() }))
    }
}

impl std::fmt::Display for Sums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let texts: Vec<String> = self.0.values().map(Money::to_string).collect();
        f.write_str(&if texts.is_empty() { "-".to_owned() } else { texts.join(" + ") })
    }
}
