//! `/v1/organization/usage/...`, `/v1/organization/costs`, and `/v1/prices`: what was used and what it costs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tenfold_kernel::Money;
use utoipa::ToSchema;

/// A page of time buckets, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsagePage<R> {
    /// `page`.
    pub object: String,
    /// The buckets, the empty ones among them.
    pub data: Vec<UsageBucket<R>>,
    /// Whether there are more.
    pub has_more: bool,
    /// What to send as `page` for the next one.
    pub next_page: Option<String>,
}

/// What happened in a stretch of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsageBucket<R> {
    /// `bucket`.
    pub object: String,
    /// Seconds since the epoch, inclusive.
    pub start_time: i64,
    /// Seconds since the epoch, exclusive.
    pub end_time: i64,
    /// One for each group; none when nothing happened.
    pub results: Vec<R>,
}

/// What generating text used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CompletionsUsage {
    /// `organization.usage.completions.result`.
    pub object: String,
    /// All tokens of prompts: cached ones, sound and pictures included.
    pub input_tokens: i64,
    /// All tokens that were generated, thinking, sound and pictures included.
    pub output_tokens: i64,
    /// Tokens of prompts that were found in a cache.
    pub input_cached_tokens: i64,
    /// Tokens of sound in prompts, which are among `input_tokens`.
    pub input_audio_tokens: i64,
    /// Tokens of sound in answers, which are among `output_tokens`.
    pub output_audio_tokens: i64,
    /// Tokens of thinking, which are among `output_tokens`. Not in the OpenAI API.
    pub output_reasoning_tokens: i64,
    /// Calls for which a model was asked.
    pub num_model_requests: i64,
    /// The project, when grouped by it.
    pub project_id: Option<String>,
    /// The person, when grouped by it.
    pub user_id: Option<String>,
    /// The key, when grouped by it.
    pub api_key_id: Option<String>,
    /// The model, when grouped by it.
    pub model: Option<String>,
    /// Whether in batches, when grouped by it.
    pub batch: Option<bool>,
    /// The service tier, when grouped by it.
    pub service_tier: Option<String>,
}

/// What embedding used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EmbeddingsUsage {
    /// `organization.usage.embeddings.result`.
    pub object: String,
    /// Tokens that were embedded.
    pub input_tokens: i64,
    /// Calls for which a model was asked.
    pub num_model_requests: i64,
    /// The project, when grouped by it.
    pub project_id: Option<String>,
    /// The person, when grouped by it.
    pub user_id: Option<String>,
    /// The key, when grouped by it.
    pub api_key_id: Option<String>,
    /// The model, when grouped by it.
    pub model: Option<String>,
}

/// What calls cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CostsResult {
    /// `organization.costs.result`.
    pub object: String,
    /// The sum; nothing for calls whose cost is not known.
    pub amount: Option<Amount>,
    /// The model, when grouped by it.
    pub line_item: Option<String>,
    /// The project, when grouped by it.
    pub project_id: Option<String>,
    /// The key, when grouped by it.
    pub api_key_id: Option<String>,
    /// The value of the label that was asked for; absent for calls without it. Not in the OpenAI API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// How many calls the sum is of. Not in the OpenAI API.
    pub num_model_requests: i64,
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Amount {
    /// In units of the currency, as near as a floating-point number comes: to be shown, not to be added up.
    pub value: f64,
    /// The ISO 4217 code, in small letters.
    pub currency: String,
    /// The exact amount, in billionths of one unit. Not in the OpenAI API.
    pub nanos: i64,
}

impl From<Money> for Amount {
    #[expect(clippy::cast_precision_loss, reason = "the exact amount is told beside it")]
    fn from(money: Money) -> Self {
        Self {
            value: money.nanos as f64 / 1e9,
            currency: money.currency.code().to_ascii_lowercase(),
            nanos: money.nanos,
        }
    }
}

/// What a model costs from a moment on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PriceListObject {
    /// `price_list`.
    pub object: String,
    /// Names this version. Events carry it.
    pub id: String,
    /// The deployment's name.
    pub model: String,
    /// The ISO 4217 code of all its prices.
    pub currency: String,
    /// Exact decimal prices of one million of each unit, such as `{"input_tokens": "0.15"}`. What is not here is free.
    pub per_million: BTreeMap<String, UnitPrice>,
    /// Prices in their place for a variant of what is asked for, such as `1024x1024/high` of a picture.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variants: BTreeMap<String, BTreeMap<String, UnitPrice>>,
    /// When a call costs less, or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discounts: Option<PriceDiscounts>,
    /// From when it is in force: seconds since the epoch.
    pub effective_at: i64,
    /// When it was written: seconds since the epoch.
    pub created_at: i64,
    /// The lists that are in force for organisations that pay in another currency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub other_currencies: Vec<Self>,
    /// The lists that will follow, each from its own `effective_at` on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub scheduled: Vec<Self>,
}

/// A new price list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPriceList {
    /// The ISO 4217 code of all its prices.
    pub currency: String,
    /// Exact decimal prices of one million of each unit, such as `{"input_tokens": "0.15"}`. What is not here is free.
    pub per_million: BTreeMap<String, UnitPrice>,
    /// Prices in their place for a variant of what is asked for, such as `1024x1024/high` of a picture. A unit that is
    /// here has a price in `per_million` too.
    #[serde(default)]
    pub variants: BTreeMap<String, BTreeMap<String, UnitPrice>>,
    /// When a call costs less, or more.
    #[serde(default)]
    pub discounts: Option<PriceDiscounts>,
    /// From when it is in force, in seconds since the epoch; now when absent, and never in the past.
    #[serde(default)]
    pub effective_at: Option<i64>,
}

/// What a unit costs: exact decimal texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum UnitPrice {
    /// A million of them, however many they are.
    Flat(String),
    /// A million of those in each tier of a call.
    Graduated {
        /// In order; the last one without `up_to`.
        graduated: Vec<PriceTier>,
    },
    /// A million of all of a call, at the price of the tier that their number falls into.
    Volume {
        /// In order; the last one without `up_to`.
        volume: Vec<PriceTier>,
    },
    /// Each package of a call that is begun.
    Package {
        /// How many units are in a package, and what it costs.
        package: PricePackage,
    },
}

/// A tier of a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceTier {
    /// Its last unit; absent in the last tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<u64>,
    /// The price of a million units.
    pub per_million: String,
}

/// A package of units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PricePackage {
    /// How many units are in one.
    pub size: u64,
    /// What one costs.
    pub price: String,
}

/// When a call costs less, or more. Of several discounts the largest counts, alone; a service tier is multiplied with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceDiscounts {
    /// Per cent off for calls of a batch, such as `"50"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_percent: Option<String>,
    /// Quiet times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub off_peak: Vec<OffPeakTime>,
    /// What is paid of the price in a service tier, in per cent, such as `{"flex": "50", "priority": "175"}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub service_tier_percent: BTreeMap<String, String>,
}

/// A quiet time of the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OffPeakTime {
    /// Per cent off.
    pub percent: String,
    /// On which days it begins: `mon` to `sun`; on every day when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<String>,
    /// From when, such as `22:00`.
    pub from: String,
    /// To when, exclusive; of the next day when it is not after `from`.
    pub to: String,
    /// The time zone of day and hour, such as `Asia/Shanghai`.
    pub time_zone: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenfold_kernel::Currency;

    #[test]
    fn an_amount_tells_what_is_shown_and_what_is_exact() {
        let amount = Amount::from(Money::new(1_234_567_891, Currency::USD));
        let json = serde_json::to_string(&amount).unwrap();
        assert_eq!(json, r#"{"value":1.234567891,"currency":"usd","nanos":1234567891}"#);
    }
}
