//! `/v1/organization/usage/...`, `/v1/organization/costs`, and `/v1/prices`: what was used and what it costs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tenfold_kernel::Money;
use utoipa::ToSchema;

use crate::billing::LedgerEntry;

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

/// A single call. Extension: the OpenAI API has no such list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsageCall {
    /// The request's id, or, for a request with an `Idempotency-Key`, its project's id, a slash and that key.
    pub id: String,
    /// `organization.usage.call`.
    pub object: String,
    /// The event that was written of it.
    pub event_id: String,
    /// The request that asked for it.
    pub request_id: String,
    /// When it was admitted, in seconds since the epoch.
    pub created_at: i64,
    /// When it ended, in seconds since the epoch.
    pub completed_at: i64,
    /// On whose behalf.
    pub project_id: String,
    /// With which key.
    pub api_key_id: String,
    /// The person, for a person's key.
    pub user_id: Option<String>,
    /// The program, for a service account's key.
    pub service_account_id: Option<String>,
    /// What was asked for, such as `chat_completions`.
    pub operation: String,
    /// The model that was asked.
    pub model: String,
    /// The version that answered; absent when none did.
    pub model_version: Option<String>,
    /// The replica that answered.
    pub replica_id: Option<String>,
    /// The machine that it ran on.
    pub node: Option<String>,
    /// `completed`, `client_gone`, `failed`, `timed_out` or `rejected`.
    pub status: String,
    /// Why it failed or was refused.
    pub error_code: Option<String>,
    /// What it used, by unit; disjoint. A unit that is not known is absent.
    pub units: BTreeMap<String, u64>,
    /// Whether `units` is all that was used.
    pub usage_known: bool,
    /// What it cost; absent when that is not known.
    pub cost: Option<Amount>,
    /// The version of the price list.
    pub price_version: Option<String>,
    /// Milliseconds from admission to a replica's start of work.
    pub queue_ms: u64,
    /// Milliseconds from admission to the first token.
    pub first_token_ms: Option<u64>,
    /// Milliseconds from admission to the end.
    pub duration_ms: u64,
    /// Whether it was part of a batch.
    pub batch: bool,
    /// The service tier that was served.
    pub service_tier: Option<String>,
    /// What the caller attached.
    pub metadata: BTreeMap<String, String>,
    /// Energy that it took, where that was measured or modelled.
    pub energy_millijoules: Option<u64>,
    /// Where that figure comes from.
    pub energy_source: Option<String>,
}

/// A single call, with what it moved in the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsageCallDetails {
    /// The call.
    #[serde(flatten)]
    pub call: UsageCall,
    /// Its entries; none when nothing was charged.
    pub entries: Vec<LedgerEntry>,
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
