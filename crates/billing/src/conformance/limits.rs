//! What limits of calls do, over every store. Each suite is given one service for each process, which share a store and
//! a clock.

use std::sync::Arc;
use std::time::Duration;

use tenfold_kernel::{
    ApiKeyId, Classify as _, Clock as _, MockClock, OrganizationId, ProjectId, Rng, Timestamp, Unit, Units,
    UserId,
};

use crate::billing::Billing;
use crate::error::BillingError;
use crate::event::Event;
use crate::funds::{Profile, SpendScope, zone};
use crate::ledger::Metric;
use crate::limit::{CallLimit, CallWindow, Reached};
use crate::price::Occasion;
use crate::reserve::{Demand, Payer, Reservation};

/// Somebody who calls a model that is free.
struct Caller<'a> {
    rng: &'a dyn Rng,
    organization: OrganizationId,
    project: ProjectId,
    user: UserId,
    api_key: ApiKeyId,
    model: Arc<str>,
}

impl<'a> Caller<'a> {
    fn new(rng: &'a dyn Rng) -> Self {
        let organization = OrganizationId::generate(rng);
        let model = format!("model-of-{organization}").into();
        let (project, user, api_key) =
            (ProjectId::generate(rng), UserId::generate(rng), ApiKeyId::generate(rng));
        Self { rng, organization, project, user, api_key, model }
    }

    async fn limit(
        &self,
        billing: &Billing,
        scope: SpendScope,
        (metric, window): (Metric, CallWindow),
        most: u64,
    ) -> CallLimit {
        let limit =
            CallLimit { id: "".into(), scope, metric, window, most, is_hard: true, created_at: Timestamp(0) };
        billing.set_call_limit(&self.organization, limit).await.unwrap()
    }

    async fn reserve(&self, billing: &Billing, tokens: u64) -> Result<Reservation, BillingError> {
        let payer = Payer {
            organization: &self.organization,
            project: &self.project,
            api_key: &self.api_key,
            user: Some(&self.user),
        };
        let quote = billing.quote(&self.organization, &self.model, &Occasion::default()).await?;
        let demand = Demand { tokens, most: Units::new().with(Unit::Images, 1) };
        billing.reserve(payer, &self.model, &quote, &demand).await
    }

    /// Calls, with so many tokens at most and so many in truth.
    async fn call(&self, billing: &Billing, most: u64, tokens: u64) -> Result<(), BillingError> {
        let reservation = self.reserve(billing, most).await?;
        let now = billing.ports.clock.now();
        let event = Event {
            organization: self.organization.clone(),
            project: self.project.clone(),
            deployment: Arc::clone(&self.model),
            units: Units::new().with(Unit::InputTokens, tokens).with(Unit::Images, 1),
            cost: None,
            created_at: now,
            completed_at: now,
            ..super::sample_event(self.rng)
        };
        billing.settle(reservation, event).await
    }
}

/// Whose limit was reached, and which.
fn whose(refused: BillingError) -> Option<(String, Reached)> {
    match refused {
        BillingError::RateLimited { subject, reached, .. } => Some((subject, reached)),
        _ => None,
    }
}

/// Whose limit it is, is said, and when the call would pass.
pub async fn a_limit_of_every_scope_refuses_the_next_call_and_names_itself(
    billing: &Billing,
    clock: &MockClock,
    rng: &dyn Rng,
) {
    for of in 0..5 {
        let caller = Caller::new(rng);
        let scope = match of {
            0 => SpendScope::Organization,
            1 => SpendScope::Project(caller.project.clone()),
            2 => SpendScope::User(caller.user.clone()),
            3 => SpendScope::ApiKey(caller.api_key.clone()),
            _ => SpendScope::Model(Arc::clone(&caller.model)),
        };
        for (metric, window, reached) in [
            (Metric::Requests, CallWindow::Day, Reached::RequestsPerDay),
            (Metric::Tokens, CallWindow::Day, Reached::TokensPerDay),
            (Metric::Images, CallWindow::Day, Reached::ImagesPerDay),
            (Metric::Requests, CallWindow::Minute, Reached::Requests),
            (Metric::Tokens, CallWindow::Minute, Reached::Tokens),
            (Metric::Images, CallWindow::Minute, Reached::Images),
        ] {
            let most = if metric == Metric::Tokens { 20 } else { 2 };
            let limit = caller.limit(billing, scope.clone(), (metric, window), most).await;
            for _ in 0..2 {
                caller.call(billing, 10, 10).await.unwrap();
            }
            let refused = caller.call(billing, 10, 10).await.unwrap_err();
            let after = refused.retry_after().unwrap();
            assert_eq!(whose(refused), Some((scope.to_string(), reached)));
            let level = billing.call_level(&caller.organization, &limit).await.unwrap();
            assert_eq!((level.used, level.remaining), (most, 0), "what is shown is what enforces");
            if window == CallWindow::Minute {
                assert_eq!(after, Duration::from_secs(30), "half of a minute's worth");
                clock.advance(after);
                caller.call(billing, 10, 10).await.unwrap();
            }
            assert!(billing.delete_call_limit(&caller.organization, &limit.id).await.unwrap());
            caller.call(billing, 10, 10).await.unwrap();
        }
    }
    // Somebody else's limit is nobody's.
    let (caller, other) = (Caller::new(rng), Caller::new(rng));
    let requests = (Metric::Requests, CallWindow::Day);
    caller.limit(billing, SpendScope::Project(other.project.clone()), requests, 0).await;
    caller.call(billing, 10, 10).await.unwrap();
    other.call(billing, 10, 10).await.unwrap();
}

/// However many processes there are.
pub async fn processes_share_one_limit(processes: &[Arc<Billing>], rng: &dyn Rng) {
    let caller = Caller::new(rng);
    let requests = (Metric::Requests, CallWindow::Day);
    let limit = caller.limit(&processes[0], SpendScope::Organization, requests, 25).await;
    let calls = (0..60).map(|n| caller.call(&processes[n % processes.len()], 10, 10));
    let done = futures::future::join_all(calls).await;
    assert_eq!(done.iter().filter(|one| one.is_ok()).count(), 25);
    let level = processes[0].call_level(&caller.organization, &limit).await.unwrap();
    assert_eq!((level.used, level.remaining), (25, 0));
}

/// It tells, and refuses nothing.
pub async fn a_soft_limit_counts_and_refuses_nothing(billing: &Billing, rng: &dyn Rng) {
    let caller = Caller::new(rng);
    let requests = (Metric::Requests, CallWindow::Day);
    let limit = caller.limit(billing, SpendScope::Organization, requests, 2).await;
    let soft = CallLimit { is_hard: false, ..limit };
    let soft = billing.set_call_limit(&caller.organization, soft).await.unwrap();
    assert_eq!(
        &*billing.call_limits(&caller.organization).await.unwrap(),
        std::slice::from_ref(&soft),
        "in its place"
    );
    for _ in 0..3 {
        caller.call(billing, 10, 10).await.unwrap();
    }
    assert_eq!(billing.call_level(&caller.organization, &soft).await.unwrap().used, 3);
}

/// What was held and not used is there again, and a place is free when a call is over.
pub async fn a_limit_counts_what_was_used_in_the_end(billing: &Billing, rng: &dyn Rng) {
    let caller = Caller::new(rng);
    let (of, tokens) = (SpendScope::Organization, (Metric::Tokens, CallWindow::Day));
    let limit = caller.limit(billing, of.clone(), tokens, 100).await;
    caller.call(billing, 90, 15).await.unwrap();
    assert_eq!(billing.call_level(&caller.organization, &limit).await.unwrap().remaining, 85);
    let requests = (Metric::Requests, CallWindow::Minute);
    caller.limit(billing, of.clone(), requests, 7).await;
    let places = caller.limit(billing, of, (Metric::Running, CallWindow::Now), 1).await;
    let first = caller.reserve(billing, 10).await.unwrap();
    let shown = first.state().requests.unwrap();
    assert_eq!((shown.limit, shown.remaining), (7, 6), "callers are told of it");
    let refused = caller.reserve(billing, 10).await.unwrap_err();
    assert_eq!(whose(refused), Some(("organization".to_owned(), Reached::Concurrency)));
    assert_eq!(billing.call_level(&caller.organization, &places).await.unwrap().used, 1);
}

/// The day is that of the organisation's zone, half an hour off UTC too.
pub async fn a_day_of_calls_ends_at_the_organisations_midnight(
    billing: &Billing,
    clock: &MockClock,
    rng: &dyn Rng,
) {
    let caller = Caller::new(rng);
    let profile = Profile { zone: zone("Asia/Kolkata").unwrap(), ..Profile::default() };
    billing.set_profile(&caller.organization, &profile).await.unwrap();
    let requests = (Metric::Requests, CallWindow::Day);
    caller.limit(billing, SpendScope::Organization, requests, 1).await;
    caller.call(billing, 10, 10).await.unwrap();
    let after = caller.call(billing, 10, 10).await.unwrap_err().retry_after().unwrap();
    let midnight = clock.now().plus(after);
    assert_eq!(midnight.0.rem_euclid(86_400_000), 18 * 3_600_000 + 1_800_000, "18:30 in UTC");
    clock.advance(after.checked_sub(Duration::from_millis(1)).unwrap());
    assert!(caller.call(billing, 10, 10).await.is_err());
    clock.advance(Duration::from_millis(1));
    caller.call(billing, 10, 10).await.unwrap();
}
