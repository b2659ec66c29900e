//! Price lists, and the price of one call.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tenfold_kernel::{Currency, Money, Timestamp, Unit, Units};

use crate::error::BillingError;

/// How many units a price is for.
const PER: i128 = 1_000_000;

/// What the units of a deployment cost from a moment on. A version is never changed; a new one replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceList {
    /// The deployment's name.
    pub deployment: Arc<str>,
    /// Names this version. Events carry it.
    pub version: Arc<str>,
    /// Of all its prices.
    pub currency: Currency,
    /// Nano-units of currency for a million of each unit, never negative. A unit that is not here is free.
    pub prices: BTreeMap<Unit, i64>,
    /// From when it is in force, until a later one is.
    pub effective_at: Timestamp,
    /// When it was written.
    pub created_at: Timestamp,
}

impl PriceList {
    /// The price of `units`: the sum over units of count times price, divided by a million **once** and
    /// rounded half up to the nano-unit. So a call's error is at most half a nano-unit, however many units
    /// it has.
    ///
    /// # Errors
    /// [`BillingError::CostOverflow`] when the sum does not fit in [`Money`].
    pub fn cost(&self, units: &Units) -> Result<Money, BillingError> {
        let overflow = || BillingError::CostOverflow { deployment: self.deployment.to_string() };
        let mut total: i128 = 0;
        for (unit, count) in units.iter() {
            let price = self.prices.get(&unit).copied().unwrap_or(0);
            // u64 times i64 always fits in 127 bits; a sum of several may not.
            total = total.checked_add(i128::from(count) * i128::from(price)).ok_or_else(overflow)?;
        }
        let rounded = total.checked_add(PER / 2).ok_or_else(overflow)?.div_euclid(PER);
        Ok(Money::new(i64::try_from(rounded).map_err(|_| overflow())?, self.currency))
    }

    /// Checks a price list that came from outside.
    ///
    /// # Errors
    /// [`BillingError::InvalidPrice`] for a negative price, or a deployment without a name.
    pub fn check(&self) -> Result<(), BillingError> {
        if self.deployment.is_empty() {
            let reason = "a price list names a model".to_owned();
            return Err(BillingError::InvalidPrice { field: "model", reason });
        }
        if let Some((unit, price)) = self.prices.iter().find(|(_, price)| **price < 0) {
            let reason = format!("the price of {} is {price}, and prices are never negative", unit.as_str());
            return Err(BillingError::InvalidPrice { field: "prices", reason });
        }
        Ok(())
    }
}

/// The prices of one call, frozen when it was admitted: what is put in force meanwhile does not touch it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The list in force; nothing when the deployment has none.
    pub list: Option<Arc<PriceList>>,
    /// The currency of a call that is free for want of a list.
    pub currency: Currency,
}

impl Quote {
    /// The cost of a call that used `units`, or of one whose use is not known.
    ///
    /// A deployment **without a price list is free**: the cost is zero, known, and without a version. A
    /// deployment with one whose use is not known has **no known cost**, rather than a guess.
    ///
    /// # Errors
    /// [`BillingError::CostOverflow`] when the cost does not fit in [`Money`].
    pub fn cost(&self, units: Option<&Units>) -> Result<Option<Money>, BillingError> {
        match (&self.list, units) {
            (None, _) => Ok(Some(Money::new(0, self.currency))),
            (Some(list), Some(units)) => list.cost(units).map(Some),
            (Some(_), None) => Ok(None),
        }
    }

    /// The currency of the call.
    pub fn currency(&self) -> Currency {
        self.list.as_ref().map_or(self.currency, |list| list.currency)
    }

    /// What a call costs at most that uses no more than `most`: prompt tokens may turn out to be cached or written to a
    /// cache, and tokens of the answer to be thinking, whichever is dearest.
    ///
    /// # Errors
    /// [`BillingError::CostOverflow`] when the cost does not fit in [`Money`].
    pub fn worst_case(&self, most: &Units) -> Result<Money, BillingError> {
        let Some(list) = &self.list else { return Ok(Money::new(0, self.currency)) };
        let price = |unit: &Unit| list.prices.get(unit).copied().unwrap_or(0);
        let dearest = |units: &[Unit]| units.iter().max_by_key(|unit| price(unit)).copied();
        let mut worst = Units::new();
        for (unit, count) in most.iter() {
            let group: &[Unit] = match unit {
                Unit::InputTokens => &[Unit::InputTokens, Unit::CachedInputTokens, Unit::CacheWriteTokens],
                Unit::OutputTokens => &[Unit::OutputTokens, Unit::ReasoningTokens],
                _ => std::slice::from_ref(&unit),
            };
            let dearest = dearest(group).unwrap_or(unit);
            let count = worst.get(dearest).unwrap_or(0).saturating_add(count);
            worst = worst.with(dearest, count);
        }
        list.cost(&worst)
    }

    /// The version that the event carries.
    pub fn version(&self) -> Option<Arc<str>> {
        self.list.as_ref().map(|list| list.version.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(prices: &[(Unit, i64)]) -> PriceList {
        PriceList {
            deployment: "m".into(),
            version: "v1".into(),
            currency: Currency::USD,
            prices: prices.iter().copied().collect(),
            effective_at: Timestamp(0),
            created_at: Timestamp(0),
        }
    }

    #[test]
    fn a_price_is_rounded_half_up_once_for_the_whole_call() {
        // 0.15 USD a million input tokens and 0.60 USD a million output tokens.
        let list = list(&[(Unit::InputTokens, 150_000_000), (Unit::OutputTokens, 600_000_000)]);
        let cost = list.cost(&Units::new().with(Unit::InputTokens, 7).with(Unit::OutputTokens, 3)).unwrap();
        assert_eq!(cost, Money::new(7 * 150 + 3 * 600, Currency::USD));

        // Two halves of a nano-unit make one, since they are not rounded apart.
        let halves = self::list(&[(Unit::InputTokens, 500_000), (Unit::OutputTokens, 500_000)]);
        let cost = |i, o| {
            halves.cost(&Units::new().with(Unit::InputTokens, i).with(Unit::OutputTokens, o)).unwrap().nanos
        };
        assert_eq!((cost(1, 1), cost(1, 0), cost(0, 0), cost(3, 0)), (1, 1, 0, 2));
    }

    #[test]
    fn what_has_no_price_is_free_and_what_is_not_known_has_no_cost() {
        let priced =
            Quote { list: Some(Arc::new(list(&[(Unit::OutputTokens, 1)]))), currency: Currency::USD };
        let free = Quote { list: None, currency: Currency::USD };
        let units = Units::new().with(Unit::InputTokens, 1_000_000);
        assert_eq!(priced.cost(Some(&units)).unwrap(), Some(Money::new(0, Currency::USD)));
        assert_eq!(priced.cost(None).unwrap(), None);
        assert_eq!(free.cost(None).unwrap(), Some(Money::new(0, Currency::USD)));
        assert_eq!(free.version(), None);
        assert_eq!(priced.version().as_deref(), Some("v1"));
    }

    #[test]
    fn a_cost_beyond_all_money_is_an_error() {
        let list = list(&[(Unit::InputTokens, i64::MAX), (Unit::OutputTokens, i64::MAX)]);
        let units = Units::new().with(Unit::InputTokens, u64::MAX).with(Unit::OutputTokens, u64::MAX);
        assert!(matches!(list.cost(&units), Err(BillingError::CostOverflow { .. })));
        let most = Units::new().with(Unit::InputTokens, 1_000_000);
        assert_eq!(list.cost(&most).unwrap().nanos, i64::MAX);
        let more = Units::new().with(Unit::InputTokens, 1_000_001);
        assert!(matches!(list.cost(&more), Err(BillingError::CostOverflow { .. })));
    }

    #[test]
    fn negative_prices_are_refused() {
        let error = list(&[(Unit::InputTokens, -1)]).check().unwrap_err();
        assert!(matches!(error, BillingError::InvalidPrice { field: "prices", .. }));
    }

    fn some_units() -> impl Strategy<Value = Units> {
        proptest::collection::vec(0_u64..1_000_000_000, Unit::ALL.len()).prop_map(|counts| {
            Unit::ALL.into_iter().zip(counts).fold(Units::new(), |units, (unit, n)| units.with(unit, n))
        })
    }

    fn some_list() -> impl Strategy<Value = PriceList> {
        proptest::collection::vec(0_i64..1_000_000_000_000, Unit::ALL.len())
            .prop_map(|prices| list(&Unit::ALL.into_iter().zip(prices).collect::<Vec<_>>()))
    }

    proptest! {
        #[test]
        fn the_rounded_cost_is_within_half_a_nano_unit_of_the_exact_one(list in some_list(), units in some_units()) {
            let exact: i128 = units.iter().map(|(u, n)| i128::from(n) * i128::from(list.prices[&u])).sum();
            let rounded = i128::from(list.cost(&units).unwrap().nanos) * PER;
            prop_assert!((rounded - exact).abs() <= PER / 2, "{rounded} {exact}");
        }

        #[test]
        fn costs_add_up_to_a_nano_unit(list in some_list(), a in some_units(), b in some_units()) {
            let both = Unit::ALL.into_iter().fold(Units::new(), |units, unit| {
                units.with(unit, a.get(unit).unwrap() + b.get(unit).unwrap())
            });
            let apart = list.cost(&a).unwrap().nanos + list.cost(&b).unwrap().nanos;
            prop_assert!((list.cost(&both).unwrap().nanos - apart).abs() <= 1);
        }

        #[test]
        fn more_units_never_cost_less(list in some_list(), units in some_units(), more in 0_u64..1_000_000, which in 0..Unit::ALL.len()) {
            let unit = Unit::ALL[which];
            let larger = units.clone().with(unit, units.get(unit).unwrap() + more);
            prop_assert!(list.cost(&larger).unwrap().nanos >= list.cost(&units).unwrap().nanos);
        }
    }
}
