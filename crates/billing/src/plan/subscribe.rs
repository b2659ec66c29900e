//! Subscribing, paying period after period, changing plans, and what allowances do for a call.

use std::sync::Arc;

use tenfold_kernel::{Currency, OrganizationId, Timestamp, base62};

use crate::billing::Billing;
use crate::error::BillingError;
use crate::funds::{Mode, Profile};
use crate::ledger::{AccountId, AccountKind, Check, Counter, Cover, EntryKind, Metric, Move, Post, Source};
use crate::limit::Reached;
use crate::plan::{Allowance, Overage, Plan, Status, Subscription, Window, prorated};
use crate::reserve::Demand;

/// How many subscriptions are looked at in one run. What is left is there in the next one.
const AT_ONCE: u32 = 1_000;

/// How often a change is tried again that another process was quicker to make.
const TRIES: usize = 5;

/// When a subscription changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At once; what is left of the period is paid, or given back.
    Now,
    /// With the next period.
    PeriodEnd,
}

/// What a call may use of allowances.
#[derive(Debug, Default)]
pub(crate) struct Covers {
    /// Each that may pay for the call, in order.
    pub(crate) covers: Vec<Cover>,
    /// Whether nothing else may pay.
    pub(crate) only: bool,
}

impl Billing {
    /// Offers a plan. Its id and its time are set here.
    ///
    /// # Errors
    /// [`BillingError::InvalidPrice`] naming the field at fault; [`BillingError::Store`] when the database fails.
    pub async fn make_plan(&self, plan: Plan) -> Result<Arc<Plan>, BillingError> {
        let id = format!("plan_{}", base62(&*self.ports.rng, 24)).into();
        let plan = Plan { id, is_archived: false, created_at: self.ports.clock.now(), ..plan };
        plan.check()?;
        self.ports.plans.put_plan(&plan).await?;
        Ok(Arc::new(plan))
    }

    /// Plans that `issuer` made, oldest first.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn plans(&self, issuer: &OrganizationId) -> Result<Vec<Plan>, BillingError> {
        self.ports.plans.plans(issuer).await
    }

    /// Lets nobody subscribe to a plan any more; who has it keeps it. Says whether there is such a plan.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn archive_plan(&self, issuer: &OrganizationId, id: &str) -> Result<bool, BillingError> {
        let Some(plan) = self.ports.plans.plan(issuer, id).await? else { return Ok(false) };
        self.ports.plans.put_plan(&Plan { is_archived: true, ..plan }).await?;
        Ok(true)
    }

    async fn offered_plan(&self, issuer: &OrganizationId, id: &str) -> Result<Arc<Plan>, BillingError> {
        let plan = self.ports.plans.plan(issuer, id).await?.filter(|plan| !plan.is_archived);
        let reason = || format!("there is no plan `{}` to subscribe to", id.escape_debug());
        plan.map(Arc::new).ok_or_else(|| BillingError::InvalidPrice { field: "plan", reason: reason() })
    }

    /// Subscribes `organization` to a plan that `issuer` offers, and charges its first period.
    ///
    /// # Errors
    /// [`BillingError::InvalidPrice`] for no such plan, [`BillingError::InsufficientQuota`] when it cannot be paid, in
    /// which case there is no subscription; [`BillingError::Store`] when the database fails.
    pub async fn subscribe(
        &self,
        organization: &OrganizationId,
        issuer: &OrganizationId,
        plan: &str,
    ) -> Result<Subscription, BillingError> {
        let plan = self.offered_plan(issuer, plan).await?;
        let zone = self.profile(organization).await?.zone.clone();
        let now = self.ports.clock.now();
        let mut subscription = Subscription {
            id: format!("sub_{}", base62(&*self.ports.rng, 24)).into(),
            organization: organization.clone(),
            status: Status::PastDue,
            anchor: now,
            since_anchor: 0,
            charged: 0,
            period_start: now,
            // Over at once: if this process dies now, whichever renews periods begins the first one, and charges it once.
            period_end: now,
            plan,
            next_plan: None,
            ends: false,
            created_at: now,
            revision: 0,
        };
        self.ports.plans.insert(&subscription).await?;
        match self.charge_period(&subscription).await {
            Ok(()) => {
                subscription.status = Status::Active;
                subscription.charged = 1;
                subscription.period_end = subscription.plan.period.begin(now, 1, &zone);
            }
            Err(refused @ BillingError::InsufficientQuota { .. }) => {
                subscription.status = Status::Ended;
                self.update(&subscription).await?;
                return Err(refused);
            }
            Err(error) => return Err(error),
        }
        if self.update(&subscription).await? {
            return Ok(subscription);
        }
        // Another process was quicker to begin the first period, under the same key.
        self.running(organization, &subscription.id).await?.ok_or_else(busy)
    }

    /// Subscriptions of `organization`, oldest first, those that are over too.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn subscriptions(
        &self,
        organization: &OrganizationId,
    ) -> Result<Arc<[Subscription]>, BillingError> {
        let now = self.ports.clock.monotonic();
        match self.subscriptions.get(organization, now) {
            Ok(kept) => Ok(kept),
            Err(generation) => {
                let kept: Arc<[_]> = self.ports.plans.subscriptions(organization).await?.into();
                self.subscriptions.keep(organization.clone(), Arc::clone(&kept), now, generation);
                Ok(kept)
            }
        }
    }

    /// Gives a subscription another plan; nothing when there is no such subscription, or it is over.
    ///
    /// # Errors
    /// [`BillingError::InvalidPrice`] for no such plan, or one of another currency or period that is to begin at once;
    /// [`BillingError::InsufficientQuota`] when the difference cannot be paid; [`BillingError::Store`] when the database
    /// fails.
    pub async fn change_plan(
        &self,
        organization: &OrganizationId,
        id: &str,
        (issuer, plan): (&OrganizationId, &str),
        when: When,
    ) -> Result<Option<Subscription>, BillingError> {
        let plan = self.offered_plan(issuer, plan).await?;
        for _ in 0..TRIES {
            let Some(mut changed) = self.running(organization, id).await? else { return Ok(None) };
            if plan.currency != changed.plan.currency {
                let reason = "a subscription stays in its currency".to_owned();
                return Err(BillingError::InvalidPrice { field: "plan", reason });
            }
            match when {
                When::PeriodEnd => changed.next_plan = Some(Arc::clone(&plan)),
                When::Now if plan.period != changed.plan.period => {
                    let reason =
                        "a plan of another period begins with the next one: say `period_end`".to_owned();
                    return Err(BillingError::InvalidPrice { field: "when", reason });
                }
                When::Now => {
                    if changed.status == Status::Active {
                        self.charge_difference(&changed, &plan).await?;
                    }
                    changed.plan = Arc::clone(&plan);
                    changed.next_plan = None;
                }
            }
            if self.update(&changed).await? {
                return Ok(Some(changed));
            }
            if when == When::Now && changed.status == Status::Active {
                let key = change_key(&changed);
                self.reverse(organization, &key, EntryKind::Reversal, None).await?;
            }
        }
        Err(busy())
    }

    /// Ends a subscription; nothing when there is no such subscription, or it is over. What is left of its period is not
    /// given back.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn cancel(
        &self,
        organization: &OrganizationId,
        id: &str,
        when: When,
    ) -> Result<Option<Subscription>, BillingError> {
        for _ in 0..TRIES {
            let Some(mut changed) = self.running(organization, id).await? else { return Ok(None) };
            changed.ends = true;
            if when == When::Now || changed.status == Status::PastDue {
                changed.status = Status::Ended;
            }
            if self.update(&changed).await? {
                return Ok(Some(changed));
            }
        }
        Err(busy())
    }

    /// Begins the next period of every subscription whose period is over, and returns how many have one.
    ///
    /// Several processes may do so at once: a period is charged once.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails; what was done until then stays done.
    pub async fn renew_due(&self) -> Result<u64, BillingError> {
        let mut renewed = 0;
        for subscription in self.ports.plans.due(self.ports.clock.now(), AT_ONCE).await? {
            let mut subscription = subscription;
            // Several periods may have gone by while no process ran.
            while subscription.status != Status::Ended && subscription.period_end <= self.ports.clock.now() {
                let next = self.next_period(&subscription).await?;
                let is_stuck = next.status == Status::PastDue;
                if (next != subscription && !self.update(&next).await?) || is_stuck {
                    break;
                }
                renewed += u64::from(next.status == Status::Active);
                subscription = Subscription { revision: next.revision + 1, ..next };
            }
        }
        Ok(renewed)
    }

    /// The subscription with its next period charged; past due when it cannot be.
    async fn next_period(&self, before: &Subscription) -> Result<Subscription, BillingError> {
        let mut next = before.clone();
        if before.ends {
            next.status = Status::Ended;
            return Ok(next);
        }
        let profile = self.profile(&before.organization).await?;
        if let Some(plan) = next.next_plan.take() {
            if plan.period == next.plan.period {
                next.since_anchor += 1;
            } else {
                (next.anchor, next.since_anchor) = (before.period_end, 0);
            }
            next.plan = plan;
        } else {
            next.since_anchor += 1;
        }
        next.period_start = before.period_end;
        if before.status == Status::PastDue {
            // A period that could not be paid begins when it is.
            let now = self.ports.clock.now();
            (next.anchor, next.since_anchor, next.period_start) = (now, 0, now);
        }
        let n = next.since_anchor.saturating_add(1);
        next.period_end = next.plan.period.begin(next.anchor, n, &profile.zone);
        match self.charge_period(&next).await {
            Ok(()) => {
                next.status = Status::Active;
                next.charged += 1;
                Ok(next)
            }
            Err(BillingError::InsufficientQuota { .. }) => {
                Ok(Subscription { status: Status::PastDue, ..before.clone() })
            }
            Err(error) => Err(error),
        }
    }

    async fn running(
        &self,
        organization: &OrganizationId,
        id: &str,
    ) -> Result<Option<Subscription>, BillingError> {
        // From the store, since a change is made of what is there now.
        let all = self.ports.plans.subscriptions(organization).await?;
        Ok(all.into_iter().find(|one| *one.id == *id && one.status != Status::Ended))
    }

    async fn update(&self, subscription: &Subscription) -> Result<bool, BillingError> {
        let done = self.ports.plans.update(subscription).await;
        self.subscriptions.forget();
        done
    }

    async fn charge_period(&self, subscription: &Subscription) -> Result<(), BillingError> {
        let key = charge_key(&subscription.id, subscription.charged);
        let plan = &subscription.plan;
        self.charge(&subscription.organization, plan.currency, plan.nanos, key, &plan.name).await
    }

    async fn charge_difference(&self, before: &Subscription, plan: &Plan) -> Result<(), BillingError> {
        let period = (before.period_start, before.period_end);
        let nanos = prorated(before.plan.nanos, plan.nanos, self.ports.clock.now(), period);
        let memo = format!("{} instead of {}", plan.name, before.plan.name);
        self.charge(&before.organization, plan.currency, nanos, change_key(before), &memo).await
    }

    /// Takes what a subscription costs from credit, the balance and what may be owed, or gives it back below zero.
    async fn charge(
        &self,
        organization: &OrganizationId,
        currency: Currency,
        nanos: i64,
        key: Arc<str>,
        memo: &str,
    ) -> Result<(), BillingError> {
        let now = self.ports.clock.now();
        let account = |kind: &AccountKind| AccountId::new(organization, kind, currency);
        let (from, to) = if nanos < 0 {
            (vec![Source::unbounded(account(&AccountKind::Revenue))], account(&AccountKind::Balance))
        } else {
            let profile = self.profile(organization).await?;
            let from = self.payers(organization, currency, &profile, now).await?;
            (from, account(&AccountKind::Revenue))
        };
        let post = Post {
            transaction: key,
            kind: EntryKind::Subscription,
            organization: organization.clone(),
            project: None,
            currency,
            moves: vec![Move { from, to, nanos: nanos.saturating_abs() }],
            reverses: None,
            memo: Some(memo.to_owned()),
            now,
        };
        self.post(post).await.map(|_| ())
    }

    /// The accounts that pay what is not a call, in order.
    async fn payers(
        &self,
        organization: &OrganizationId,
        currency: Currency,
        profile: &Profile,
        now: Timestamp,
    ) -> Result<Vec<Source>, BillingError> {
        let account = |kind: &AccountKind| AccountId::new(organization, kind, currency);
        let grants = self.live_grants(organization, currency, now).await?;
        let mut payers: Vec<Source> =
            grants.into_iter().map(|grant| Source::funds(account(&AccountKind::Promotion(grant)))).collect();
        payers.push(Source::funds(account(&AccountKind::Balance)));
        if let Mode::Postpaid { credit_limit } = profile.mode {
            let floor = credit_limit.map(|limit| -limit);
            payers.push(Source { account: account(&AccountKind::Receivable), floor });
        }
        Ok(payers)
    }

    /// What allowances may do for a call of `deployment` that costs `cost` at most.
    pub(crate) async fn covers(
        &self,
        organization: &OrganizationId,
        deployment: &str,
        demand: &Demand,
        (cost, currency): (i64, Currency),
        now: Timestamp,
    ) -> Result<Covers, BillingError> {
        let mut found = Covers::default();
        let subscriptions = self.subscriptions(organization).await?;
        if subscriptions.is_empty() {
            return Ok(found);
        }
        let profile = self.profile(organization).await?;
        for subscription in subscriptions.iter().filter(|one| one.covers_at(now)) {
            for (place, allowance) in subscription.plan.allowances.iter().enumerate() {
                if !allowance.is_of(deployment) || !allowance.can_count(subscription.plan.currency, currency)
                {
                    continue;
                }
                found.only |= subscription.plan.overage == Overage::Stop;
                let amount = |window: &Window| match window.metric {
                    Metric::Requests => 1,
                    Metric::Tokens => i64::try_from(demand.tokens).unwrap_or(i64::MAX),
                    _ => cost,
                };
                let check = |(at, window): (usize, &Window)| Check {
                    counter: subscription.counter(place, at),
                    rule: window.span.rule(
                        now,
                        (subscription.period_start, subscription.period_end),
                        &profile.zone,
                    ),
                    metric: window.metric,
                    amount: amount(window),
                    limit: window.amount,
                    is_hard: true,
                    reached: Reached::Allowance,
                    subject: format!("subscription `{}`", subscription.id).into(),
                };
                found.covers.push(Cover {
                    subscription: Arc::clone(&subscription.id),
                    checks: allowance.windows.iter().enumerate().map(check).collect(),
                });
            }
        }
        Ok(found)
    }

    /// What was used, and is held, of each window of each allowance, and when it is over: what enforces them.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn allowances(&self, subscription: &Subscription) -> Result<Vec<Vec<Counter>>, BillingError> {
        let profile = self.profile(&subscription.organization).await?;
        let (now, period) = (self.ports.clock.now(), (subscription.period_start, subscription.period_end));
        let mut allowances = Vec::new();
        for (place, allowance) in subscription.plan.allowances.iter().enumerate() {
            let names: Vec<Arc<str>> =
                (0..allowance.windows.len()).map(|at| subscription.counter(place, at)).collect();
            let kept = self.ports.reader.counters(&names).await?;
            let mut counters = Vec::new();
            for (name, window) in names.iter().zip(&allowance.windows) {
                let kept = kept.iter().find(|(kept, _)| kept == name);
                let mut counter = kept.map(|(_, counter)| counter.clone()).unwrap_or_default();
                counter.roll(window.span.rule(now, period, &profile.zone), window.amount, now.0);
                counters.push(counter);
            }
            allowances.push(counters);
        }
        Ok(allowances)
    }
}

impl Subscription {
    /// Whether its allowances pay for calls at `now`.
    fn covers_at(&self, now: Timestamp) -> bool {
        self.status == Status::Active && self.period_start <= now && now < self.period_end
    }

    /// The counter of a window of an allowance. It outlives a change of the plan: whoever goes back and forth does not
    /// get it anew.
    fn counter(&self, allowance: usize, window: usize) -> Arc<str> {
        format!("plan/{}/{allowance}/{window}", self.id).into()
    }
}

impl Allowance {
    /// Whether a call that costs money of `call` can be counted: spending is of the plan's currency alone.
    fn can_count(&self, plan: Currency, call: Currency) -> bool {
        plan == call || self.windows.iter().all(|window| window.metric != Metric::Spend)
    }
}

/// What names the charge of a period, so that it is made once.
fn charge_key(subscription: &str, charged: u32) -> Arc<str> {
    format!("subscription:{subscription}:{charged}").into()
}

/// What names the difference of a change.
fn change_key(subscription: &Subscription) -> Arc<str> {
    format!("subscription:{}:change:{}", subscription.id, subscription.revision).into()
}

fn busy() -> BillingError {
    BillingError::Unavailable {
        action: "change a subscription",
        source: "others change it at the same time".into(),
    }
}
