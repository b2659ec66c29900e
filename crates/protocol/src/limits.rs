//! `/v1/organization/billing/limits`: what may be called, by whom, in which window.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Sets a limit, in place of one of the same scope, subject, metric and window.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetCallLimit {
    /// `organization`, `project`, `user`, `api_key` or `model`.
    pub scope: String,
    /// The id of the project, user or key, or the model's name; left out for the organisation.
    pub subject: Option<String>,
    /// `requests`, `tokens`, `images`, or `concurrency`: calls at a time.
    pub metric: String,
    /// `minute`, or `day` of the organisation's time zone; left out for `concurrency`.
    pub window: Option<String>,
    /// How much.
    pub limit: u64,
    /// Whether a call beyond it is refused (when left out); otherwise it is counted alone.
    pub hard: Option<bool>,
}

/// A limit of calls, and what is left of it: the number that is enforced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallLimitObject {
    /// Its id.
    pub id: String,
    /// `billing.limit`.
    pub object: String,
    /// Whose calls.
    pub scope: String,
    /// The id of the project, user or key, or the model's name.
    pub subject: Option<String>,
    /// What is counted.
    pub metric: String,
    /// For how long.
    pub window: Option<String>,
    /// How much.
    pub limit: u64,
    /// Whether a call beyond it is refused.
    pub hard: bool,
    /// What was used, and is held for calls that run.
    pub used: u64,
    /// What is left.
    pub remaining: u64,
    /// When all of it is there again, in seconds since the epoch.
    pub resets_at: Option<i64>,
    /// Seconds since the epoch.
    pub created_at: i64,
}
