//! What plans do, over every store. Each suite is given one service for each process, which share a store and a clock.

use std::sync::Arc;
use std::time::Duration;

use tenfold_kernel::{
    ApiKeyId, Classify as _, Clock as _, Currency, MockClock, OrganizationId, ProjectId, Rng, Timestamp,
    Unit, Units,
};

use crate::billing::{Billing, SetPrices};
use crate::error::BillingError;
use crate::funds::{Mode, Profile, TopUp};
use crate::ledger::{AccountId, AccountKind, Metric};
use crate::limit::Reached;
use crate::plan::{Allowance, Overage, Period, Plan, Span, Status, Subscription, When, Window};
use crate::price::{Occasion, Terms};
use crate::reserve::{Demand, Payer};

/// A customer of one service, with a model of its own at one nano-unit a token.
struct Customer<'a> {
    billing: &'a Billing,
    rng: &'a dyn Rng,
    organization: OrganizationId,
    issuer: OrganizationId,
    model: Arc<str>,
}

const USD: Currency = Currency::USD;

impl<'a> Customer<'a> {
    async fn new(billing: &'a Billing, rng: &'a dyn Rng, balance: i64) -> Self {
        let organization = OrganizationId::generate(rng);
        let model: Arc<str> = format!("model-{}", tenfold_kernel::base62(rng, 8)).into();
        let terms = Terms { prices: [(Unit::InputTokens, 1_000_000.into())].into(), ..Terms::default() };
        let prices = SetPrices { deployment: model.clone(), currency: USD, terms, effective_at: None };
        billing.set_prices(prices).await.unwrap();
        let profile = Profile { mode: Mode::Prepaid, ..Profile::default() };
        billing.set_profile(&organization, &profile).await.unwrap();
        let top_up = TopUp {
            key: format!("top-up-{organization}").into(),
            organization: &organization,
            provider: "manual",
            currency: USD,
            nanos: balance,
            memo: None,
        };
        billing.top_up(top_up).await.unwrap();
        Self { billing, rng, organization, issuer: OrganizationId::generate(rng), model }
    }

    async fn plan(&self, nanos: i64, overage: Overage, windows: &[(Metric, i64, Span)]) -> Arc<Plan> {
        let windows = windows.iter().map(|(metric, amount, span)| Window {
            metric: *metric,
            amount: *amount,
            span: *span,
        });
        let plan = Plan {
            id: "".into(),
            issuer: self.issuer.clone(),
            name: "a plan".to_owned(),
            currency: USD,
            nanos,
            period: Period::Month,
            allowances: vec![Allowance { models: vec![self.model.clone()], windows: windows.collect() }],
            overage,
            is_archived: false,
            created_at: Timestamp(0),
        };
        self.billing.make_plan(plan).await.unwrap()
    }

    async fn subscribe(&self, plan: &Plan) -> Result<Subscription, BillingError> {
        self.billing.subscribe(&self.organization, &self.issuer, &plan.id).await
    }

    /// Calls the model with so many tokens.
    async fn call(&self, clock: &MockClock, tokens: u64) -> Result<(), BillingError> {
        let (project, api_key) = (ProjectId::generate(self.rng), ApiKeyId::generate(self.rng));
        let payer =
            Payer { organization: &self.organization, project: &project, api_key: &api_key, user: None };
        let quote = self.billing.quote(&self.organization, &self.model, &Occasion::default()).await?;
        let units = Units::new().with(Unit::InputTokens, tokens);
        let demand = Demand { tokens, most: units.clone() };
        let reservation = self.billing.reserve(payer, &self.model, &quote, &demand).await?;
        let event = crate::event::Event {
            organization: self.organization.clone(),
            project: project.clone(),
            deployment: self.model.clone(),
            cost: quote.cost(Some(&units))?,
            units,
            created_at: clock.now(),
            completed_at: clock.now(),
            ..super::sample_event(self.rng)
        };
        self.billing.settle(reservation, event).await
    }

    async fn balance(&self, kind: AccountKind) -> i64 {
        let id = AccountId::new(&self.organization, &kind, USD);
        let accounts = self.billing.accounts(&self.organization).await.unwrap();
        accounts.into_iter().find(|(known, _)| *known == id).map_or(0, |(_, account)| account.balance)
    }
}

/// An allowance pays before the balance, and the balance when it is used up.
pub async fn an_allowance_pays_before_the_balance(billing: &Billing, clock: &MockClock, rng: &dyn Rng) {
    let customer = Customer::new(billing, rng, 1_000).await;
    let plan = customer.plan(400, Overage::Pay, &[(Metric::Tokens, 100, Span::Period)]).await;
    let subscription = customer.subscribe(&plan).await.unwrap();
    assert_eq!((subscription.status, customer.balance(AccountKind::Balance).await), (Status::Active, 600));
    customer.call(clock, 60).await.unwrap();
    assert_eq!(customer.balance(AccountKind::Balance).await, 600, "it is covered");
    assert_eq!(customer.balance(AccountKind::Covered).await, 60, "at what it would have cost");
    let used = billing.allowances(&subscription).await.unwrap();
    assert_eq!((used[0][0].used, used[0][0].end), (60, subscription.period_end.0));
    // Half a call is not covered: 41 do not fit into 40.
    customer.call(clock, 41).await.unwrap();
    assert_eq!(customer.balance(AccountKind::Balance).await, 559);
    customer.call(clock, 40).await.unwrap();
    assert_eq!(customer.balance(AccountKind::Balance).await, 559);
    assert_eq!(customer.balance(AccountKind::Revenue).await, 441);
}

/// A plan that stops refuses what it has no room for, and says when there is room again.
pub async fn a_plan_that_stops_refuses_and_says_when_there_is_more(
    billing: &Billing,
    clock: &MockClock,
    rng: &dyn Rng,
) {
    let customer = Customer::new(billing, rng, 1_000).await;
    let five_hours = Span::Rolling { hours: 5 };
    let windows = [
        (Metric::Requests, 2, five_hours),
        (Metric::Requests, 3, Span::Week),
        (Metric::Spend, 1_000, Span::Month),
    ];
    let plan = customer.plan(0, Overage::Stop, &windows).await;
    let subscription = customer.subscribe(&plan).await.unwrap();
    let refused = async || {
        let refusal = customer.call(clock, 1).await.unwrap_err();
        assert!(
            matches!(refusal, BillingError::RateLimited { reached: Reached::Allowance, .. }),
            "{refusal}"
        );
        refusal.retry_after().unwrap()
    };
    customer.call(clock, 1).await.unwrap();
    clock.advance(Duration::from_hours(1));
    customer.call(clock, 1).await.unwrap();
    // Five hours from the first use on, of which one is over.
    assert_eq!(refused().await, Duration::from_hours(4));
    clock.advance(Duration::from_hours(4) - Duration::from_millis(1));
    assert_eq!(refused().await, Duration::from_millis(1));
    clock.advance(Duration::from_millis(1));
    customer.call(clock, 1).await.unwrap();
    // The third of the week: now the week has to end, though there is room in five hours and in the month.
    let until_monday = refused().await;
    let now =
        jiff::Timestamp::from_millisecond(clock.now().0 + i64::try_from(until_monday.as_millis()).unwrap());
    assert_eq!(now.unwrap().to_string().split_once('T').unwrap().1, "00:00:00Z");
    clock.advance(until_monday);
    customer.call(clock, 1).await.unwrap();
    assert_eq!(
        customer.balance(AccountKind::Balance).await,
        1_000,
        "nothing of it was paid from the balance"
    );
    // And where the plan is over, calls are paid again.
    billing.cancel(&customer.organization, &subscription.id, When::Now).await.unwrap().unwrap();
    customer.call(clock, 10).await.unwrap();
    assert_eq!(customer.balance(AccountKind::Balance).await, 990);
}

/// A period is charged once however many processes renew it; what cannot be paid covers nothing until it is.
pub async fn a_period_is_charged_once(billing: &[Arc<Billing>], clock: &MockClock, rng: &dyn Rng) {
    let customer = Customer::new(&billing[0], rng, 250).await;
    let plan = customer.plan(100, Overage::Pay, &[(Metric::Tokens, 1_000, Span::Period)]).await;
    let first = customer.subscribe(&plan).await.unwrap();
    let too_dear = customer.plan(1_000, Overage::Pay, &[(Metric::Tokens, 1, Span::Period)]).await;
    let error = customer.subscribe(&too_dear).await.unwrap_err();
    assert!(
        matches!(error, BillingError::InsufficientQuota { needed: 1_000, available: 150, .. }),
        "{error}"
    );

    let renew = async || {
        let all = billing.iter().map(|one| one.renew_due());
        for done in futures::future::join_all(all).await {
            done.unwrap();
        }
        let known = billing[0].subscriptions(&customer.organization).await.unwrap();
        known.iter().find(|one| one.id == first.id).unwrap().clone()
    };
    let until = |end: Timestamp| Duration::from_millis(u64::try_from(end.0 - clock.now().0).unwrap());
    clock.advance(until(Timestamp(first.period_end.0 - 1)));
    assert_eq!(renew().await.period_start, first.period_start, "it is not over yet");
    clock.advance(Duration::from_millis(1));
    let second = renew().await;
    assert_eq!((second.status, second.period_start), (Status::Active, first.period_end));
    assert_eq!(customer.balance(AccountKind::Balance).await, 50, "charged once");

    clock.advance(until(second.period_end));
    let unpaid = renew().await;
    assert_eq!((unpaid.status, customer.balance(AccountKind::Balance).await), (Status::PastDue, 50));
    customer.call(clock, 5).await.unwrap();
    assert_eq!(customer.balance(AccountKind::Balance).await, 45, "what is not paid covers nothing");
    let top_up = TopUp {
        key: format!("later-{}", customer.organization).into(),
        organization: &customer.organization,
        provider: "manual",
        currency: USD,
        nanos: 100,
        memo: None,
    };
    billing[0].top_up(top_up).await.unwrap();
    clock.advance(Duration::from_hours(1));
    let paid = renew().await;
    assert_eq!((paid.status, paid.period_start), (Status::Active, clock.now()), "it begins when it is paid");
    assert_eq!(customer.balance(AccountKind::Balance).await, 45);
    customer.billing.cancel(&customer.organization, &paid.id, When::PeriodEnd).await.unwrap().unwrap();
    customer.call(clock, 5).await.unwrap();
    assert_eq!(customer.balance(AccountKind::Balance).await, 45, "until its period ends it covers");
    clock.advance(until(paid.period_end));
    assert_eq!(renew().await.status, Status::Ended);
}

/// Changing plans costs the difference for what is left of the period, gives it back, or waits for the next one.
pub async fn a_change_of_plans_is_prorated(billing: &Billing, clock: &MockClock, rng: &dyn Rng) {
    let customer = Customer::new(billing, rng, 10_000).await;
    let window = [(Metric::Tokens, 10, Span::Period)];
    let small = customer.plan(1_000, Overage::Pay, &window).await;
    let large = customer.plan(3_000, Overage::Pay, &window).await;
    let begun = customer.subscribe(&small).await.unwrap();
    customer.call(clock, 10).await.unwrap();
    let length = u64::try_from(begun.period_end.0 - begun.period_start.0).unwrap();
    clock.advance(Duration::from_millis(length / 4));
    let change = async |plan: &Plan, when| {
        let plan = (&customer.issuer, &*plan.id);
        billing.change_plan(&customer.organization, &begun.id, plan, when).await.unwrap().unwrap()
    };
    change(&large, When::Now).await;
    assert_eq!(
        customer.balance(AccountKind::Balance).await,
        9_000 - 1_500,
        "three quarters of the difference"
    );
    customer.call(clock, 10).await.unwrap();
    assert_eq!(customer.balance(AccountKind::Balance).await, 7_490, "what was used stays used");
    change(&small, When::Now).await;
    assert_eq!(customer.balance(AccountKind::Balance).await, 8_990, "and back");
    assert_eq!(change(&large, When::PeriodEnd).await.plan.id, small.id);
    clock.advance(Duration::from_millis(length - length / 4));
    billing.renew_due().await.unwrap();
    let known = billing.subscriptions(&customer.organization).await.unwrap();
    assert_eq!((&known[0].plan.id, &known[0].next_plan), (&large.id, &None));
    assert_eq!(customer.balance(AccountKind::Balance).await, 5_990);
    let stranger = OrganizationId::generate(rng);
    let of_other = billing.cancel(&stranger, &begun.id, When::Now).await.unwrap();
    assert_eq!(of_other, None, "nobody ends what is not theirs");
}
