//! Plans: what a period costs, and what may be used in it without paying more.

mod period;
mod subscribe;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tenfold_kernel::{Currency, OrganizationId, Timestamp};

use crate::error::BillingError;
use crate::ledger::Metric;

pub(crate) use period::prorated;
pub use period::{Period, Span};
pub(crate) use subscribe::Covers;
pub use subscribe::When;

/// What an organisation can subscribe to. A plan is never changed; who has one keeps it as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its id.
    pub id: Arc<str>,
    /// Who offers it.
    pub issuer: OrganizationId,
    /// For people.
    pub name: String,
    /// Of its price, and of windows that count spending.
    pub currency: Currency,
    /// What a period costs, in nano-units.
    pub nanos: i64,
    /// How long a period is.
    pub period: Period,
    /// What may be used. A call is covered by the first that has room for all of it in every window.
    pub allowances: Vec<Allowance>,
    /// What happens to a call that none has room for.
    pub overage: Overage,
    /// Whether nobody can subscribe to it any more.
    pub is_archived: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What may be used of some models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// Names of deployments; all of them when empty.
    pub models: Vec<Arc<str>>,
    /// Each has to have room.
    pub windows: Vec<Window>,
}

/// How much may be used for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// What is counted: calls, tokens, or nano-units of what the calls would cost.
    pub metric: Metric,
    /// How much there is.
    pub amount: i64,
    /// For how long.
    pub span: Span,
}

/// What happens to a call that no allowance has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overage {
    /// It is paid like any other.
    Pay,
    /// It is refused until there is room again.
    Stop,
}

/// How a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its period is paid.
    Active,
    /// Its period is not paid; it covers nothing, and is tried again.
    PastDue,
    /// It is over.
    Ended,
}

impl Status {
    /// The name on the wire and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Ended => "ended",
        }
    }
}

/// An organisation's plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its id.
    pub id: Arc<str>,
    /// Whose.
    pub organization: OrganizationId,
    /// The plan, as it was when it was chosen.
    pub plan: Arc<Plan>,
    /// How it stands.
    pub status: Status,
    /// From when periods are counted: the n-th begins n months, or years, later in the organisation's time zone.
    pub anchor: Timestamp,
    /// How many periods have begun since the anchor.
    pub since_anchor: u32,
    /// How many periods were charged ever: names the next charge, so that it is made once.
    pub charged: u32,
    /// The first moment of the period that is paid.
    pub period_start: Timestamp,
    /// The first moment after it.
    pub period_end: Timestamp,
    /// The plan of the next period, where that is another.
    pub next_plan: Option<Arc<Plan>>,
    /// Whether there is no next period.
    pub ends: bool,
    /// When it began.
    pub created_at: Timestamp,
    /// Counts its changes: of two at the same time one is made.
    pub revision: i64,
}

impl Plan {
    /// Checks a plan that came from outside.
    ///
    /// # Errors
    /// [`BillingError::InvalidPrice`] naming the field at fault.
    pub fn check(&self) -> Result<(), BillingError> {
        let invalid =
            |field, reason: &str| Err(BillingError::InvalidPrice { field, reason: reason.to_owned() });
        if self.name.is_empty() || self.name.chars().count() > 128 {
            return invalid("name", "a plan's name has 1 to 128 characters");
        }
        if self.nanos < 0 {
            return invalid("amount", "an amount is zero or more");
        }
        for allowance in &self.allowances {
            if allowance.windows.is_empty() {
                return invalid("allowances", "an allowance has one window at least");
            }
            for window in &allowance.windows {
                if !matches!(window.metric, Metric::Requests | Metric::Tokens | Metric::Spend) {
                    return invalid("allowances", "a window counts `requests`, `tokens` or `spend`");
                }
                if window.amount <= 0 {
                    return invalid("allowances", "a window's amount is above zero");
                }
                if matches!(window.span, Span::Rolling { hours } if !(1..=8784).contains(&hours)) {
                    return invalid("allowances", "a rolling window has 1 to 8784 hours");
                }
            }
        }
        Ok(())
    }
}

impl Allowance {
    /// Whether calls of a deployment count.
    pub fn is_of(&self, deployment: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|model| **model == *deployment)
    }
}
