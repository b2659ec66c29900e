//! Limits of calls for whoever can be limited: calls, tokens and images by the minute and the day, and calls at a time.

use std::sync::Arc;

use jiff::tz::TimeZone;
use tenfold_kernel::{OrganizationId, Timestamp, base62};

use super::{MOST, Reached};
use crate::billing::Billing;
use crate::error::BillingError;
use crate::funds::{SpendScope, SpendWindow};
use crate::ledger::{Check, Counter, Metric, Rule};
use crate::reserve::Demand;

/// How long a limit of calls counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallWindow {
    /// A bucket of a minute's worth that fills evenly.
    Minute,
    /// A day of the organisation's zone.
    Day,
    /// What runs now: of [`Metric::Running`] alone.
    Now,
}

impl CallWindow {
    /// The name on the wire and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Day => "day",
            Self::Now => "now",
        }
    }

    /// The window of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Minute, Self::Day, Self::Now].into_iter().find(|window| window.as_str() == text)
    }
}

/// What may be called in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallLimit {
    /// Its id.
    pub id: Arc<str>,
    /// Whose calls.
    pub scope: SpendScope,
    /// What is counted: requests, tokens, images, or calls that run.
    pub metric: Metric,
    /// For how long.
    pub window: CallWindow,
    /// How much.
    pub most: u64,
    /// Whether a call beyond it is refused; otherwise it is counted alone.
    pub is_hard: bool,
    /// When it was set. What was called before is not counted.
    pub created_at: Timestamp,
}

impl CallLimit {
    /// The counter that counts towards it.
    fn counter(&self, organization: &OrganizationId) -> Arc<str> {
        let (metric, window) = (self.metric.as_str(), self.window.as_str());
        format!("calls/{organization}/{}/{metric}/{window}", self.scope).into()
    }

    fn rule(&self, now: Timestamp, zone: &TimeZone) -> Rule {
        match self.window {
            CallWindow::Minute => Rule::PerMinute,
            CallWindow::Day => {
                let (start, end) = SpendWindow::Day.span(now, zone);
                Rule::Window { start: start.0, end: end.0 }
            }
            CallWindow::Now => Rule::Running,
        }
    }

    fn reached(&self) -> Reached {
        match (self.metric, self.window) {
            (Metric::Running, _) => Reached::Concurrency,
            (Metric::Tokens, CallWindow::Day) => Reached::TokensPerDay,
            (Metric::Tokens, _) => Reached::Tokens,
            (Metric::Images, CallWindow::Day) => Reached::ImagesPerDay,
            (Metric::Images, _) => Reached::Images,
            (_, CallWindow::Day) => Reached::RequestsPerDay,
            (_, _) => Reached::Requests,
        }
    }

    /// What a call takes of it at most.
    pub(crate) fn check(
        &self,
        organization: &OrganizationId,
        demand: &Demand,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Check {
        let amount = match self.metric {
            Metric::Tokens => demand.tokens,
            Metric::Images => demand.images(),
            _ => 1,
        };
        Check {
            counter: self.counter(organization),
            rule: self.rule(now, zone),
            metric: self.metric,
            amount: i64::try_from(amount).unwrap_or(i64::MAX),
            limit: self.limit(),
            is_hard: self.is_hard,
            reached: self.reached(),
            subject: self.scope.to_string().into(),
        }
    }

    fn limit(&self) -> i64 {
        i64::try_from(self.most).unwrap_or(i64::MAX)
    }

    /// Checks a limit that came from outside.
    fn validate(&self) -> Result<(), BillingError> {
        let invalid = |field, reason: String| Err(BillingError::InvalidLimit { field, reason });
        if self.most > MOST {
            return invalid("limit", format!("a limit is at most {MOST}"));
        }
        match (self.metric, self.window) {
            (Metric::Running, CallWindow::Now)
            | (Metric::Requests | Metric::Tokens | Metric::Images, CallWindow::Minute | CallWindow::Day) => {
                Ok(())
            }
            (Metric::Running, _) => invalid("window", "calls at a time have the window `now`".to_owned()),
            (Metric::Spend, _) => invalid("metric", "money is limited by budgets".to_owned()),
            (_, CallWindow::Now) => invalid("window", "the window is `minute` or `day`".to_owned()),
        }
    }
}

/// What is left of a limit of calls: what enforces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLevel {
    /// What was used, and is held for calls that run.
    pub used: u64,
    /// What is left.
    pub remaining: u64,
    /// When all of it is there again; nothing for calls at a time.
    pub resets_at: Option<Timestamp>,
}

impl Billing {
    /// Limits of calls of `organization`, oldest first.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn call_limits(&self, organization: &OrganizationId) -> Result<Arc<[CallLimit]>, BillingError> {
        let now = self.ports.clock.monotonic();
        match self.call_limits.get(organization, now) {
            Ok(limits) => Ok(limits),
            Err(generation) => {
                let limits: Arc<[_]> = self.ports.limits.call_limits(organization).await?.into();
                self.call_limits.keep(organization.clone(), Arc::clone(&limits), now, generation);
                Ok(limits)
            }
        }
    }

    /// Sets a limit in place of one of the same scope, metric and window.
    ///
    /// # Errors
    /// [`BillingError::InvalidLimit`] naming the field at fault; [`BillingError::Store`] when the database fails.
    pub async fn set_call_limit(
        &self,
        organization: &OrganizationId,
        mut limit: CallLimit,
    ) -> Result<CallLimit, BillingError> {
        limit.validate()?;
        limit.id = format!("limit_{}", base62(&*self.ports.rng, 24)).into();
        limit.created_at = self.ports.clock.now();
        let done = self.ports.limits.put_call_limit(organization, &limit).await;
        self.call_limits.forget();
        done.map(|()| limit)
    }

    /// Takes a limit of calls away; says whether there was one.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn delete_call_limit(
        &self,
        organization: &OrganizationId,
        id: &str,
    ) -> Result<bool, BillingError> {
        let done = self.ports.limits.delete_call_limit(organization, id).await;
        self.call_limits.forget();
        done
    }

    /// What is left of a limit now.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn call_level(
        &self,
        organization: &OrganizationId,
        limit: &CallLimit,
    ) -> Result<CallLevel, BillingError> {
        let zone = self.profile(organization).await?.zone.clone();
        let (now, most) = (self.ports.clock.now(), limit.limit());
        let rule = limit.rule(now, &zone);
        let kept = self.ports.reader.counters(&[limit.counter(organization)]).await?;
        let mut counter = kept.into_iter().next().map(|(_, counter)| counter).unwrap_or_default();
        counter.roll(rule, most, now.0);
        let remaining = u64::try_from(counter.remaining(rule, most)).unwrap_or(0);
        let counted = u64::try_from(counter.used.saturating_add(counter.held)).unwrap_or(0);
        Ok(CallLevel {
            used: if rule == Rule::PerMinute { limit.most - remaining.min(limit.most) } else { counted },
            remaining,
            resets_at: resets_at(rule, &counter, limit.most, now),
        })
    }
}

fn resets_at(rule: Rule, counter: &Counter, most: u64, now: Timestamp) -> Option<Timestamp> {
    match rule {
        Rule::PerMinute => {
            let missing = u64::try_from(counter.used.max(0)).unwrap_or(0).div_ceil(most.max(1));
            Some(Timestamp(now.0.saturating_add(i64::try_from(missing).unwrap_or(i64::MAX))))
        }
        Rule::Window { end, .. } => Some(Timestamp(end)),
        Rule::Rolling { .. } | Rule::Running => None,
    }
}
