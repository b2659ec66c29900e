//! Before a call: what it may cost at most is held, and room for it within every limit. After it: the truth.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tenfold_kernel::{ApiKeyId, OrganizationId, ProjectId, Timestamp, Unit, Units, UserId, base62};

use crate::billing::Billing;
use crate::error::BillingError;
use crate::event::Event;
use crate::funds::{Mode, SpendLimit, SpendScope, SpendWindow};
use crate::ledger::{AccountId, AccountKind, Check, Counter, Hold, Metric, Reserve, Rule, Settle, Source};
use crate::limit::{Level, RateLimitState, RateLimits, Reached};
use crate::plan::{Covers, Status};
use crate::ports::Ledger;
use crate::price::Quote;

/// Who a call is charged to.
#[derive(Debug, Clone, Copy)]
pub struct Payer<'a> {
    /// Who pays.
    pub organization: &'a OrganizationId,
    /// The project that calls.
    pub project: &'a ProjectId,
    /// The key.
    pub api_key: &'a ApiKeyId,
    /// The user whose key it is, if it is a user's.
    pub user: Option<&'a UserId>,
}

/// What a call takes at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// Its tokens, as limits count them before it has run.
    pub tokens: u64,
    /// What it uses at most of everything that has a price.
    pub most: Units,
}

impl Demand {
    /// How many pictures it makes at most.
    pub(crate) fn images(&self) -> u64 {
        self.most.get(Unit::Images).unwrap_or(0)
    }
}

/// What is held for a call. Dropping it gives everything back.
pub struct Reservation {
    ledger: Arc<dyn Ledger>,
    hold: Option<Hold>,
    /// Who pays for what was not held.
    sources: Vec<Source>,
    state: RateLimitState,
}

impl Reservation {
    /// What was left of the limits after this call was admitted.
    pub fn state(&self) -> RateLimitState {
        self.state
    }

    /// What is held.
    pub fn hold(&self) -> Option<&Hold> {
        self.hold.as_ref()
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").field("hold", &self.hold).finish_non_exhaustive()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take() {
            self.ledger.release(hold);
        }
    }
}

impl Billing {
    /// Whether money for a call of `deployment` is bounded, so that what it costs at most has to be known.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn is_bounded(
        &self,
        payer: Payer<'_>,
        deployment: &str,
        quote: &Quote,
    ) -> Result<bool, BillingError> {
        if quote.list.is_none() {
            return Ok(false);
        }
        let profile = self.profile(payer.organization).await?;
        let spend = self.spend_limits(payer.organization).await?;
        let subscriptions = self.subscriptions(payer.organization).await?;
        Ok(profile.mode != Mode::Postpaid { credit_limit: None }
            || subscriptions.iter().any(|one| one.status == Status::Active)
            || spend.iter().any(|limit| limit.is_of(payer, deployment)))
    }

    /// Holds what a call of `deployment` takes at most of money and limits: all of it, or nothing.
    ///
    /// Where there is no limit and nothing has to be paid in advance, nothing is held and nothing is written.
    ///
    /// # Errors
    /// [`BillingError::RateLimited`], [`BillingError::InsufficientQuota`], [`BillingError::CostOverflow`], or an
    /// error of the store.
    pub async fn reserve(
        &self,
        payer: Payer<'_>,
        deployment: &Arc<str>,
        quote: &Quote,
        demand: &Demand,
    ) -> Result<Reservation, BillingError> {
        let now = self.ports.clock.now();
        let currency = quote.currency();
        let limits = self.limits(payer.project, deployment).await?;
        let call_limits = self.call_limits(payer.organization).await?;
        let spend = self.spend_limits(payer.organization).await?;
        let alerts = self.alerts(payer.organization).await?;
        let profile = self.profile(payer.organization).await?;
        let is_priced = quote.list.is_some();
        let cost = if is_priced { quote.worst_case(&demand.most)?.nanos } else { 0 };

        // Seconds of a replica are no call: they take no place among calls, and no plan covers them.
        let is_call = demand.most.get(Unit::ReplicaSeconds).is_none();
        let mut checks = Vec::new();
        if is_call {
            checks.extend(rate_checks(payer.project, deployment, limits, demand, (now, &profile.zone)));
            let mine = call_limits.iter().filter(|limit| limit.scope.is_of(payer, deployment));
            checks.extend(mine.map(|limit| limit.check(payer.organization, demand, now, &profile.zone)));
        }
        let told: Vec<_> = checks.iter().map(told).collect();
        if is_priced {
            let mine =
                spend.iter().filter(|limit| limit.currency == currency && limit.is_of(payer, deployment));
            for limit in mine {
                checks.push(limit.check(payer.organization, cost, now, &profile.zone));
            }
            // What no limit counts is counted for alerts, once for those of the same counter.
            for alert in alerts
                .iter()
                .filter(|alert| alert.currency == currency && alert.scope.is_of(payer, deployment))
            {
                let check = alert.check(now, &profile.zone);
                if !checks.iter().any(|other| other.counter == check.counter) {
                    checks.push(check);
                }
            }
        }
        let covers = if is_priced && is_call {
            self.covers(payer.organization, deployment, demand, (cost, currency), now).await?
        } else {
            Covers::default()
        };
        let mut funds = Vec::new();
        if is_priced {
            for grant in self.live_grants(payer.organization, currency, now).await? {
                let kind = AccountKind::Promotion(grant);
                funds.push(Source::funds(AccountId::new(payer.organization, &kind, currency)));
            }
            funds.push(Source::funds(AccountId::new(payer.organization, &AccountKind::Balance, currency)));
        }
        let owed = AccountId::new(payer.organization, &AccountKind::Receivable, currency);
        let mut sources = funds.clone();
        if is_priced {
            sources.push(Source::unbounded(owed.clone()));
        }
        let is_bounded = is_priced
            && match profile.mode {
                Mode::Prepaid => true,
                Mode::Postpaid { credit_limit: Some(limit) } => {
                    funds.push(Source { account: owed, floor: Some(-limit) });
                    true
                }
                Mode::Postpaid { credit_limit: None } => false,
            };
        let mut reservation = Reservation {
            ledger: Arc::clone(&self.ports.ledger),
            hold: None,
            sources,
            state: RateLimitState::default(),
        };
        if checks.is_empty() && covers.covers.is_empty() && !is_bounded {
            return Ok(reservation);
        }
        let reserve = Reserve {
            id: format!("hold_{}", base62(&*self.ports.rng, 24)).into(),
            process: Arc::clone(&self.config.process),
            organization: payer.organization.clone(),
            currency,
            nanos: if is_bounded { cost } else { 0 },
            checks,
            covers: covers.covers,
            covers_only: covers.only,
            sources: funds,
            now,
        };
        let reserved = self.ports.ledger.reserve(reserve).await?;
        reservation.hold = Some(reserved.hold);
        reservation.state = state(&told, &reserved.counters);
        Ok(reservation)
    }

    /// Writes the event of a call, charges it, and returns when both are durable.
    ///
    /// # Errors
    /// Any error means that the call is not recorded and must not be answered as complete.
    pub async fn settle(&self, mut reservation: Reservation, event: Event) -> Result<(), BillingError> {
        let settle = Settle {
            event,
            hold: reservation.hold.take(),
            sources: std::mem::take(&mut reservation.sources),
        };
        self.ports.ledger.settle(settle).await
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A project's limits for a deployment.
fn rate_checks(
    project: &ProjectId,
    deployment: &str,
    limits: RateLimits,
    demand: &Demand,
    (now, zone): (Timestamp, &TimeZone),
) -> Vec<Check> {
    let subject: Arc<str> = format!("project `{project}` for `{deployment}`").into();
    let day = || {
        let (start, end) = SpendWindow::Day.span(now, zone);
        Rule::Window { start: start.0, end: end.0 }
    };
    let (tokens, images) = (number(demand.tokens), number(demand.images()));
    let minute = Rule::PerMinute;
    let rows = [
        ("running", limits.concurrency, Rule::Running, Metric::Running, 1, Reached::Concurrency),
        ("requests", limits.requests_per_minute, minute, Metric::Requests, 1, Reached::Requests),
        ("tokens", limits.tokens_per_minute, minute, Metric::Tokens, tokens, Reached::Tokens),
        ("images", limits.images_per_minute, minute, Metric::Images, images, Reached::Images),
        ("requests_day", limits.requests_per_day, day(), Metric::Requests, 1, Reached::RequestsPerDay),
    ];
    let check =
        |(name, limit, rule, metric, amount, reached): (&str, Option<u64>, Rule, Metric, i64, Reached)| {
            Some(Check {
                counter: format!("{name}/{project}/{deployment}").into(),
                rule,
                metric,
                amount,
                limit: number(limit?),
                is_hard: true,
                reached,
                subject: Arc::clone(&subject),
            })
        };
    rows.into_iter().filter_map(check).collect()
}

/// What callers are told of a check: calls and tokens by the minute, where they are enforced.
fn told(check: &Check) -> Option<(Metric, i64)> {
    let is_told = check.is_hard
        && check.rule == Rule::PerMinute
        && matches!(check.metric, Metric::Requests | Metric::Tokens);
    is_told.then_some((check.metric, check.limit))
}

/// What is left of the limit that is nearest, of calls and of tokens, as the counters of the first checks say it.
fn state(told: &[Option<(Metric, i64)>], counters: &[Counter]) -> RateLimitState {
    let mut state = RateLimitState::default();
    for (told, counter) in told.iter().zip(counters) {
        let Some((metric, most)) = *told else { continue };
        let limit = u64::try_from(most).unwrap_or(0);
        let missing = u64::try_from(counter.used.max(0)).unwrap_or(0);
        let level = Level {
            limit,
            remaining: u64::try_from(counter.remaining(Rule::PerMinute, most)).unwrap_or(0),
            reset: Duration::from_millis(missing.div_ceil(limit.max(1))),
        };
        let nearest = if metric == Metric::Tokens { &mut state.tokens } else { &mut state.requests };
        if nearest.is_none_or(|other| level.remaining < other.remaining) {
            *nearest = Some(level);
        }
    }
    state
}

impl SpendScope {
    /// Whether a call counts.
    fn is_of(&self, payer: Payer<'_>, deployment: &str) -> bool {
        match self {
            Self::Organization => true,
            Self::Project(id) => id == payer.project,
            Self::User(id) => payer.user == Some(id),
            Self::ApiKey(id) => id == payer.api_key,
            Self::Model(name) => **name == *deployment,
        }
    }
}

impl SpendLimit {
    /// Whether a call counts.
    fn is_of(&self, payer: Payer<'_>, deployment: &str) -> bool {
        self.scope.is_of(payer, deployment)
    }

    /// The counter that counts towards it.
    pub fn counter(&self, organization: &OrganizationId) -> Arc<str> {
        format!("spend/{organization}/{}/{}/{}", self.scope, self.window.as_str(), self.currency.code())
            .into()
    }

    /// The window of `now`.
    pub(crate) fn rule(&self, now: Timestamp, zone: &TimeZone) -> Rule {
        let (start, end) = self.window.span(now, zone);
        Rule::Window { start: start.0, end: end.0 }
    }

    fn check(&self, organization: &OrganizationId, nanos: i64, now: Timestamp, zone: &TimeZone) -> Check {
        Check {
            counter: self.counter(organization),
            rule: self.rule(now, zone),
            metric: Metric::Spend,
            amount: nanos,
            limit: self.nanos,
            is_hard: self.is_hard,
            reached: match self.window {
                SpendWindow::Day => Reached::SpendPerDay,
                SpendWindow::Month => Reached::SpendPerMonth,
                SpendWindow::Lifetime => Reached::Spend,
            },
            subject: self.scope.to_string().into(),
        }
    }
}
