//! `/v1/organization/billing/plans` and `/v1/organization/billing/subscriptions`: what a period costs and may be used in it.
//!
//! Amounts are decimal texts, as everywhere in billing; of calls and tokens they are whole.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What can be subscribed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanObject {
    /// Its id.
    pub id: String,
    /// `billing.plan`.
    pub object: String,
    /// For people.
    pub name: String,
    /// What a period costs.
    pub amount: String,
    /// In which currency.
    pub currency: String,
    /// `month` or `year`.
    pub period: String,
    /// What may be used; a call is covered by the first that has room for all of it in every window.
    pub allowances: Vec<PlanAllowance>,
    /// What happens to a call that none has room for: `pay` for it, or `stop` until there is room again.
    pub overage: String,
    /// `open`, or `archived`: nobody can subscribe any more.
    pub status: String,
    /// Seconds since the epoch.
    pub created_at: i64,
}

/// A plan to offer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePlan {
    /// For people.
    pub name: String,
    /// What a period costs.
    pub amount: String,
    /// In which currency.
    pub currency: String,
    /// `month` (when left out) or `year`.
    pub period: Option<String>,
    /// What may be used.
    #[serde(default)]
    pub allowances: Vec<PlanAllowance>,
    /// `pay` (when left out) or `stop`.
    pub overage: Option<String>,
}

/// What may be used of some models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanAllowance {
    /// Names of models; all of them when empty.
    #[serde(default)]
    pub models: Vec<String>,
    /// Each has to have room for a call.
    pub windows: Vec<PlanWindow>,
}

/// How much may be used for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanWindow {
    /// `requests`, `tokens`, or `spend`: what calls would cost in the plan's currency.
    pub metric: String,
    /// How much there is.
    pub amount: String,
    /// `rolling` (some hours from the first use on), `day`, `week` or `month` of the organisation's time zone, or the
    /// subscription's `period`.
    pub window: String,
    /// How many hours, of a `rolling` window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
}

/// An organisation's plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubscriptionObject {
    /// Its id.
    pub id: String,
    /// `billing.subscription`.
    pub object: String,
    /// `active`; `past_due`: its period is not paid, and it covers nothing; `ended`.
    pub status: String,
    /// The plan, as it was when it was chosen.
    pub plan: PlanObject,
    /// The first second of the period that is paid.
    pub current_period_start: i64,
    /// The first second after it.
    pub current_period_end: i64,
    /// The plan of the next period, where that is another.
    pub next_plan_id: Option<String>,
    /// Whether there is no next period.
    pub cancel_at_period_end: bool,
    /// What is left of the plan's allowances, in their order.
    pub allowances: Vec<AllowanceLevel>,
    /// Seconds since the epoch.
    pub created_at: i64,
}

/// What was used of an allowance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AllowanceLevel {
    /// Names of models; all of them when empty.
    pub models: Vec<String>,
    /// Its windows, in their order.
    pub windows: Vec<WindowLevel>,
}

/// What was used in a window: the number that is enforced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WindowLevel {
    /// The window as the plan has it.
    #[serde(flatten)]
    pub window: PlanWindow,
    /// What was used.
    pub used: String,
    /// What is held for calls that run.
    pub held: String,
    /// When it begins anew, in seconds since the epoch; nothing for a rolling window that nothing was used of.
    pub resets_at: Option<i64>,
}

/// Subscribes to a plan.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSubscription {
    /// The plan.
    pub plan: String,
}

/// Changes a subscription's plan.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifySubscription {
    /// The other plan, of the same currency.
    pub plan: String,
    /// `now` (when left out), in which case the difference for what is left of the period is paid or given back; or
    /// `period_end`.
    pub when: Option<String>,
}
