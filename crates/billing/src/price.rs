//! Price lists, and the price of one call.

mod discount;
mod rate;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tenfold_kernel::{Currency, Money, Timestamp, Unit, Units};

use crate::error::BillingError;

pub use discount::{Discounts, Occasion, OffPeak};
pub use rate::{Rate, Tier};

use discount::WHOLE;
use rate::PER;

/// What the units of a deployment cost from a moment on. A version is never changed; a new one replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceList {
    /// The deployment's name.
    pub deployment: Arc<str>,
    /// Names this version. Events carry it.
    pub version: Arc<str>,
    /// Of all its prices. A deployment may have a list in each of several currencies.
    pub currency: Currency,
    /// What units cost, and when that differs.
    pub terms: Terms,
    /// From when it is in force, until a later one of its currency is.
    pub effective_at: Timestamp,
    /// When it was written.
    pub created_at: Timestamp,
}

/// What a price list says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// What each unit costs. A unit that is not here is free.
    pub prices: BTreeMap<Unit, Rate>,
    /// What units cost instead in a variant of the call, such as `1024x1024/high` of pictures.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variants: BTreeMap<Arc<str>, BTreeMap<Unit, Rate>>,
    /// Less, or more, than that.
    pub discounts: Discounts,
}

/// The denominator of a cost: prices are for a million, and a factor is in hundred-millionths.
const PARTS: i128 = PER * (WHOLE as i128) * (WHOLE as i128);

/// What a prompt token may turn out to be.
const PROMPT: [Unit; 7] = [
    Unit::InputTokens,
    Unit::CachedInputTokens,
    Unit::CacheWriteTokens,
    Unit::AudioInputTokens,
    Unit::CachedAudioInputTokens,
    Unit::ImageInputTokens,
    Unit::CachedImageInputTokens,
];

/// What a token of the answer may turn out to be.
const ANSWER: [Unit; 4] =
    [Unit::OutputTokens, Unit::ReasoningTokens, Unit::AudioOutputTokens, Unit::ImageOutputTokens];

impl Terms {
    /// The price of a unit in a variant.
    fn rate(&self, unit: Unit, variant: Option<&str>) -> Option<&Rate> {
        let special = variant.and_then(|variant| self.variants.get(variant)?.get(&unit));
        special.or_else(|| self.prices.get(&unit))
    }

    /// Checks terms that came from outside.
    ///
    /// # Errors
    /// [`BillingError::InvalidPrice`] for a negative price, tiers that do not ascend, a variant's price for a unit that
    /// has none of its own (so that a variant that nobody thought of is not free), or a discount of more than all.
    pub fn check(&self) -> Result<(), BillingError> {
        let invalid = |field, reason: String| Err(BillingError::InvalidPrice { field, reason });
        for (unit, rate) in &self.prices {
            if let Some(fault) = rate.fault() {
                return invalid("prices", format!("{}: {fault}", unit.as_str()));
            }
        }
        for (variant, prices) in &self.variants {
            for (unit, rate) in prices {
                let fault = rate.fault().or_else(|| {
                    let missing = !self.prices.contains_key(unit);
                    missing.then(|| "it has a price for all other variants too".to_owned())
                });
                if let Some(fault) = fault {
                    return invalid("variants", format!("{} of `{variant}`: {fault}", unit.as_str()));
                }
            }
        }
        self.discounts.check()
    }
}

impl PriceList {
    /// The price of `units` at the list's own prices, as [`Quote::cost`] rounds it.
    ///
    /// # Errors
    /// [`BillingError::CostOverflow`] when the sum does not fit in [`Money`].
    pub fn cost(&self, units: &Units) -> Result<Money, BillingError> {
        self.cost_of(units, None, u64::from(WHOLE) * u64::from(WHOLE))
    }

    /// The sum over units of what they cost, times `factor` in hundred-millionths, divided **once** and rounded half up
    /// to the nano-unit. So a call's error is at most half a nano-unit, however many units it has.
    fn cost_of(&self, units: &Units, variant: Option<&str>, factor: u64) -> Result<Money, BillingError> {
        let parts = units.iter().try_fold(0_i128, |sum, (unit, count)| {
            let parts = self.terms.rate(unit, variant).map_or(Some(0), |rate| rate.parts(count));
            sum.checked_add(parts?)
        });
        self.round(parts, factor)
    }

    fn round(&self, parts: Option<i128>, factor: u64) -> Result<Money, BillingError> {
        let nanos = parts
            .and_then(|parts| parts.checked_mul(i128::from(factor))?.checked_add(PARTS / 2))
            .and_then(|parts| i64::try_from(parts.div_euclid(PARTS)).ok());
        let overflow = || BillingError::CostOverflow { deployment: self.deployment.to_string() };
        Ok(Money::new(nanos.ok_or_else(overflow)?, self.currency))
    }

    /// Checks a price list that came from outside.
    ///
    /// # Errors
    /// [`BillingError::InvalidPrice`] for a deployment without a name, or as [`Terms::check`].
    pub fn check(&self) -> Result<(), BillingError> {
        if self.deployment.is_empty() {
            let reason = "a price list names a model".to_owned();
            return Err(BillingError::InvalidPrice { field: "model", reason });
        }
        self.terms.check()
    }
}

/// The prices of one call, frozen when it was admitted: what is put in force meanwhile does not touch it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The list in force; nothing when the deployment has none.
    pub list: Option<Arc<PriceList>>,
    /// The currency of a call that is free for want of a list.
    pub currency: Currency,
    variant: Option<Arc<str>>,
    /// What is paid of the list's prices, in hundred-millionths.
    factor: u64,
}

impl Quote {
    /// The prices of a call that is admitted at `now`.
    pub fn new(
        list: Option<Arc<PriceList>>,
        currency: Currency,
        occasion: &Occasion,
        now: Timestamp,
    ) -> Self {
        let whole = u64::from(WHOLE) * u64::from(WHOLE);
        let factor = list.as_ref().map_or(whole, |list| list.terms.discounts.factor(occasion, now));
        Self { list, currency, variant: occasion.variant.clone(), factor }
    }

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
            (Some(list), Some(units)) => list.cost_of(units, self.variant.as_deref(), self.factor).map(Some),
            (Some(_), None) => Ok(None),
        }
    }

    /// The currency of the call.
    pub fn currency(&self) -> Currency {
        self.list.as_ref().map_or(self.currency, |list| list.currency)
    }

    /// What a call costs at most that uses no more than `most`: a prompt token may turn out to be cached, written to a
    /// cache, or one of a picture, and one of the answer to be thinking, whichever is dearest, in its dearest tier.
    ///
    /// # Errors
    /// [`BillingError::CostOverflow`] when the cost does not fit in [`Money`].
    pub fn worst_case(&self, most: &Units) -> Result<Money, BillingError> {
        let Some(list) = &self.list else { return Ok(Money::new(0, self.currency)) };
        let parts = most.iter().try_fold(0_i128, |sum, (unit, count)| {
            let group =
                [PROMPT.as_slice(), ANSWER.as_slice()].into_iter().find(|group| group.contains(&unit));
            let group = group.unwrap_or(std::slice::from_ref(&unit));
            let rates = || group.iter().filter_map(|unit| list.terms.rate(*unit, self.variant.as_deref()));
            let dearest = rates().map(|rate| rate.ceiling(count)).try_fold(0, |a, b| Some(b?.max(a)))?;
            // Units of several kinds may each begin a package.
            let begun: i128 = rates().skip(1).map(Rate::begun).sum();
            sum.checked_add(dearest)?.checked_add(begun)
        });
        list.round(parts, self.factor)
    }

    /// The version that the event carries.
    pub fn version(&self) -> Option<Arc<str>> {
        self.list.as_ref().map(|list| list.version.clone())
    }
}

#[cfg(test)]
mod tests;
