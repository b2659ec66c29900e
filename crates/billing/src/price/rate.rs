//! What a number of units costs.

use serde::{Deserialize, Serialize};

/// How many units a price is for.
pub(super) const PER: i128 = 1_000_000;

/// The price of one kind of unit. All prices are nano-units of currency, never negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Rate {
    /// For a million of them, however many they are.
    Flat(i64),
    /// For a million of those that fall into each tier: the first ones at the first price, those beyond at the next.
    Graduated {
        /// In order, the last one without an end.
        graduated: Vec<Tier>,
    },
    /// For a million of all of them, at the price of the tier that their number falls into. So a long prompt may cost
    /// more for each of its tokens.
    Volume {
        /// In order, the last one without an end.
        volume: Vec<Tier>,
    },
    /// For every package that is begun.
    Package {
        /// How many units are in one; above zero.
        size: u64,
        /// What one costs.
        nanos: i64,
    },
}

/// Units from the end of the tier before on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// The last unit of the tier, counted within one call; nothing for no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<u64>,
    /// For a million units.
    pub per_million: i64,
}

impl From<i64> for Rate {
    fn from(per_million: i64) -> Self {
        Self::Flat(per_million)
    }
}

impl Rate {
    /// What `count` units of one call cost, in millionths of a nano-unit; nothing when that does not fit.
    pub(super) fn parts(&self, count: u64) -> Option<i128> {
        let times = |count: u64, price: i64| i128::from(count).checked_mul(i128::from(price));
        match self {
            Self::Flat(price) => times(count, *price),
            Self::Graduated { graduated } => {
                let mut begin = 0;
                graduated.iter().try_fold(0_i128, |sum, tier| {
                    let end = tier.up_to.unwrap_or(u64::MAX);
                    let within = count.min(end).saturating_sub(begin);
                    begin = end;
                    sum.checked_add(times(within, tier.per_million)?)
                })
            }
            Self::Volume { volume } => {
                let holds = |tier: &&Tier| tier.up_to.is_none_or(|end| count <= end);
                times(count, volume.iter().find(holds).or(volume.last())?.per_million)
            }
            Self::Package { size, nanos } => times(count.div_ceil((*size).max(1)), *nanos)?.checked_mul(PER),
        }
    }

    /// What up to `count` units cost at most, in millionths of a nano-unit: fewer may cost more, where a tier beyond
    /// others is cheaper.
    pub(super) fn ceiling(&self, count: u64) -> Option<i128> {
        match self {
            Self::Graduated { graduated: tiers } | Self::Volume { volume: tiers } => {
                let dearest = tiers.iter().map(|tier| tier.per_million).max().unwrap_or(0);
                Self::Flat(dearest).parts(count)
            }
            Self::Flat(_) | Self::Package { .. } => self.parts(count),
        }
    }

    /// What a package that is begun costs more than its units, in millionths of a nano-unit.
    pub(super) fn begun(&self) -> i128 {
        match self {
            Self::Package { nanos, .. } => i128::from(*nanos) * PER,
            _ => 0,
        }
    }

    /// What is wrong with it.
    pub(super) fn fault(&self) -> Option<String> {
        let negative = |price: i64| format!("a price is {price}, and prices are never negative");
        match self {
            Self::Flat(price) => (*price < 0).then(|| negative(*price)),
            Self::Package { size: 0, .. } => Some("a package has one unit at least".to_owned()),
            Self::Package { nanos, .. } => (*nanos < 0).then(|| negative(*nanos)),
            Self::Graduated { graduated: tiers } | Self::Volume { volume: tiers } => {
                if let Some(tier) = tiers.iter().find(|tier| tier.per_million < 0) {
                    return Some(negative(tier.per_million));
                }
                let ends: Vec<u64> = tiers.iter().map_while(|tier| tier.up_to).collect();
                let is_open = ends.len() + 1 == tiers.len();
                let ascend = ends.is_sorted_by(|a, b| a < b) && ends.first() != Some(&0);
                let wrong = "tiers have an `up_to` that grows, and the last one has none";
                (!is_open || !ascend).then(|| wrong.to_owned())
            }
        }
    }
}
