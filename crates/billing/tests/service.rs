//! The service over in-memory stores and a clock that stands still.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

use std::sync::Arc;
use std::time::Duration;

use tenfold_billing::memory::{
    MemoryAlerts, MemoryFunds, MemoryInvoices, MemoryLedger, MemoryLimits, MemoryPlans, MemoryPrices,
};
use tenfold_billing::{
    Billing, BillingError, BucketWidth, Config, Demand, Event, Filter, GroupBy, LedgerReader, LimitOverride,
    Mode, Occasion, Payer, Ports, PriceBook, PriceList, Profile, Rate, RateLimits, ReportQuery, Reservation,
    SetPrices, SpendLimit, SpendScope, SpendWindow, Terms, TopUp, conformance,
};
use tenfold_kernel::{
    ApiKeyId, Classify, Clock, Currency, MockClock, Money, OrganizationId, ProjectId, SeededRng, Timestamp,
    Unit, Units,
};

struct World {
    billing: Billing,
    clock: Arc<MockClock>,
    prices: Arc<MemoryPrices>,
    rng: Arc<SeededRng>,
    ledger: Arc<MemoryLedger>,
}

fn world(cache_age: Option<Duration>) -> World {
    let clock = Arc::new(MockClock::new(Timestamp(1_000_000)));
    let ledger = Arc::new(MemoryLedger::default());
    let prices = Arc::new(MemoryPrices::default());
    let rng = Arc::new(SeededRng::new(7));
    let ports = Ports {
        ledger: ledger.clone(),
        reader: ledger.clone(),
        funds: Arc::new(MemoryFunds::default()),
        plans: Arc::new(MemoryPlans::default()),
        alerts: Arc::new(MemoryAlerts::default()),
        invoices: Arc::new(MemoryInvoices::new(ledger.clone())),
        usage: ledger.clone(),
        prices: prices.clone(),
        limits: Arc::new(MemoryLimits::default()),
        clock: clock.clone(),
        rng: rng.clone(),
    };
    let default_limits = RateLimits { requests_per_minute: Some(2), ..RateLimits::default() };
    let billing = Billing::new(ports, Config { cache_age, default_limits, ..Config::default() });
    World { billing, clock, prices, rng, ledger }
}

fn terms(price: i64) -> Terms {
    Terms { prices: [(Unit::InputTokens, price.into())].into(), ..Terms::default() }
}

fn set(price: i64, effective_at: Option<Timestamp>) -> SetPrices {
    SetPrices { deployment: "m".into(), currency: Currency::USD, terms: terms(price), effective_at }
}

fn org() -> OrganizationId {
    OrganizationId::parse("org_1").unwrap()
}

/// A call of project `proj_a` for `m` that uses at most so many input tokens.
async fn reserve(world: &World, tokens: u64) -> Result<Reservation, BillingError> {
    let (organization, project) = (org(), ProjectId::parse("proj_a").unwrap());
    let api_key = ApiKeyId::parse("key_1").unwrap();
    let payer = Payer { organization: &organization, project: &project, api_key: &api_key, user: None };
    let model: Arc<str> = "m".into();
    let quote = world.billing.quote(&organization, &model, &Occasion::default()).await?;
    let demand = Demand { tokens, most: Units::new().with(Unit::InputTokens, tokens) };
    world.billing.reserve(payer, &model, &quote, &demand).await
}

/// Settles a call that used so many input tokens.
async fn settle(world: &World, reservation: Reservation, tokens: u64) {
    let quote = world.billing.quote(&org(), &"m".into(), &Occasion::default()).await.unwrap();
    let units = Units::new().with(Unit::InputTokens, tokens);
    let sample = conformance::sample_event(&*world.rng);
    let event = Event {
        organization: org(),
        project: ProjectId::parse("proj_a").unwrap(),
        cost: quote.cost(Some(&units)).unwrap(),
        units,
        created_at: world.clock.now(),
        completed_at: world.clock.now(),
        ..sample
    };
    world.billing.settle(reservation, event).await.unwrap();
}

async fn price_of(world: &World) -> Option<i64> {
    let quote = world.billing.quote(&org(), &"m".into(), &Occasion::default()).await.unwrap();
    match quote.list?.terms.prices.get(&Unit::InputTokens)? {
        Rate::Flat(price) => Some(*price),
        _ => None,
    }
}

#[tokio::test]
async fn a_quote_keeps_the_price_of_the_moment_it_was_made() {
    let w = world(None);
    assert_eq!(price_of(&w).await, None);
    w.billing.set_prices(set(1, None)).await.unwrap();
    let quote = w.billing.quote(&org(), &"m".into(), &Occasion::default()).await.unwrap();
    w.billing.set_prices(set(2, None)).await.unwrap();
    assert_eq!(price_of(&w).await, Some(2));
    assert_eq!(quote.list.unwrap().terms, terms(1));
}

#[tokio::test]
async fn a_price_that_was_read_before_it_came_into_force_does() {
    let w = world(None);
    w.billing.set_prices(set(1, None)).await.unwrap();
    let later = w.clock.now().plus(Duration::from_mins(1));
    w.billing.set_prices(set(2, Some(later))).await.unwrap();
    assert_eq!(price_of(&w).await, Some(1));
    w.clock.advance(Duration::from_mins(1));
    assert_eq!(price_of(&w).await, Some(2));
}

#[tokio::test]
async fn prices_are_not_changed_in_the_past_and_never_negative() {
    let w = world(None);
    let error = w.billing.set_prices(set(1, Some(Timestamp(999_999)))).await.unwrap_err();
    assert!(matches!(error, BillingError::InvalidPrice { field: "effective_at", .. }));
    let error = w.billing.set_prices(set(-1, None)).await.unwrap_err();
    assert!(matches!(error, BillingError::InvalidPrice { field: "prices", .. }));
    assert_eq!(w.billing.all_prices(None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn what_another_process_wrote_is_seen_after_the_age_of_the_cache() {
    let w = world(Some(Duration::from_secs(1)));
    assert_eq!(price_of(&w).await, None);
    let list = PriceList {
        deployment: "m".into(),
        version: "elsewhere".into(),
        currency: Currency::USD,
        terms: terms(9),
        effective_at: Timestamp(0),
        created_at: Timestamp(0),
    };
    w.prices.put(&list).await.unwrap();
    w.clock.advance(Duration::from_millis(999));
    assert_eq!(price_of(&w).await, None);
    w.clock.advance(Duration::from_millis(1));
    assert_eq!(price_of(&w).await, Some(9));
}

#[tokio::test]
async fn limits_that_are_set_apply_to_the_next_call_and_the_rest_stays_at_its_default() {
    let w = world(None);
    let project = ProjectId::parse("proj_a").unwrap();
    let model: Arc<str> = "m".into();
    for left in [1, 0] {
        let reservation = reserve(&w, 1).await.unwrap();
        assert_eq!(reservation.state().requests.unwrap().remaining, left);
        settle(&w, reservation, 1).await;
    }
    let refused = reserve(&w, 1).await.unwrap_err();
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(30)));
    assert_eq!(refused.code().as_deref(), Some("rate_limit_exceeded"));
    assert!(refused.to_string().contains("requests per minute of project `proj_a` for `m`"), "{refused}");
    let more = |limits| LimitOverride { deployment: "m".to_owned(), limits };
    let four = RateLimits { requests_per_minute: Some(4), ..RateLimits::default() };
    w.billing.set_limits(&project, &more(four)).await.unwrap();
    settle(&w, reserve(&w, 1).await.unwrap(), 1).await;

    let tokens = RateLimits { tokens_per_minute: Some(10), ..RateLimits::default() };
    w.billing.set_limits(&project, &more(tokens)).await.unwrap();
    let limits = w.billing.limits(&project, &model).await.unwrap();
    assert_eq!((limits.requests_per_minute, limits.tokens_per_minute), (Some(2), Some(10)));

    let absurd = RateLimits { tokens_per_minute: Some(u64::MAX), ..RateLimits::default() };
    let error = w.billing.set_limits(&project, &more(absurd)).await.unwrap_err();
    assert!(matches!(error, BillingError::InvalidLimit { field: "max_tokens_per_1_minute", .. }));
}

fn query(event: &Event, width: BucketWidth) -> ReportQuery {
    ReportQuery {
        organization: event.organization.clone(),
        start: event.created_at,
        end: Some(event.created_at.plus(Duration::from_hours(72))),
        width,
        filter: Filter::default(),
        group_by: Vec::new(),
        label: None,
        limit: None,
        page: None,
    }
}

#[tokio::test]
async fn a_report_has_its_empty_buckets_and_pages_through_all_of_them() {
    let w = world(None);
    let event = conformance::sample_event(&*w.rng);
    conformance::write(&*w.ledger, event.clone()).await.unwrap();
    conformance::write(&*w.ledger, event.clone()).await.unwrap();
    let mut query = ReportQuery { limit: Some(2), ..query(&event, BucketWidth::Day) };
    let first = w.billing.usage(query.clone()).await.unwrap();
    assert_eq!(first.buckets.iter().map(|b| b.rows.len()).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(first.buckets[0].rows[0].requests, 1);
    query.page = first.next_page;
    let second = w.billing.usage(query.clone()).await.unwrap();
    assert_eq!(second.buckets.len(), 2);
    assert_eq!(second.buckets[0].start, first.buckets[1].end);
    assert_eq!(second.next_page, None);

    let costs = w.billing.costs(ReportQuery { page: None, ..query }).await.unwrap();
    assert_eq!(costs.buckets[0].rows[0].currency, Some(Currency::USD));
    assert_eq!(Money::new(costs.buckets[0].rows[0].nanos, Currency::USD), event.cost.unwrap());
}

#[tokio::test]
async fn reports_are_by_the_day_of_the_organisations_time_zone_and_nothing_is_told_twice() {
    // Clocks are put forward at midnight of 2026-09-06, which has 23 hours.
    for (name, days) in [
        (
            "UTC",
            ["2026-09-05T00:00:00Z", "2026-09-06T00:00:00Z", "2026-09-07T00:00:00Z", "2026-09-08T00:00:00Z"],
        ),
        (
            "America/Santiago",
            ["2026-09-05T04:00:00Z", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z", "2026-09-08T03:00:00Z"],
        ),
        (
            "Asia/Kolkata",
            ["2026-09-04T18:30:00Z", "2026-09-05T18:30:00Z", "2026-09-06T18:30:00Z", "2026-09-07T18:30:00Z"],
        ),
    ] {
        let w = world(None);
        let at = |text: &str| Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        let days = days.map(at);
        let sample = conformance::sample_event(&*w.rng);
        let zone = tenfold_billing::zone(name).unwrap();
        w.billing.set_profile(&sample.organization, &Profile { zone, ..Profile::default() }).await.unwrap();
        // At each midnight and a millisecond before it, each another amount.
        let moments = days.iter().flat_map(|day| [Timestamp(day.0 - 1), *day]);
        for (number, created_at) in moments.enumerate() {
            let cost = Some(Money::new(1 << number, Currency::USD));
            let idempotency_key = format!("{name}-{number}");
            let event =
                Event { created_at, completed_at: created_at, cost, idempotency_key, ..sample.clone() };
            conformance::write(&*w.ledger, event).await.unwrap();
        }
        let whole = ReportQuery { start: days[0], end: Some(days[3]), ..query(&sample, BucketWidth::Day) };
        let costs = w.billing.costs(whole.clone()).await.unwrap();
        let told: Vec<_> = costs.buckets.iter().map(|b| (b.start, b.end, b.rows[0].nanos)).collect();
        let expected =
            [0, 1, 2].map(|day| (days[day], days[day + 1], (1 << (2 * day + 1)) + (1 << (2 * day + 2))));
        assert_eq!(told, expected, "{name}");
        let usage = w.billing.usage(whole).await.unwrap();
        assert!(usage.buckets.iter().all(|bucket| bucket.rows[0].requests == 2), "{name}");
    }
}

#[tokio::test]
async fn costs_are_by_the_day_and_by_few_groups() {
    let w = world(None);
    let event = conformance::sample_event(&*w.rng);
    let error = w.billing.costs(query(&event, BucketWidth::Hour)).await.unwrap_err();
    assert!(matches!(error, BillingError::InvalidQuery { field: "bucket_width", .. }));
    let by_user = ReportQuery { group_by: vec![GroupBy::User], ..query(&event, BucketWidth::Day) };
    let error = w.billing.costs(by_user).await.unwrap_err();
    assert!(matches!(error, BillingError::InvalidQuery { field: "group_by", .. }));
}

/// One nano-dollar a token, a thousand of them on the balance, paid in advance.
async fn prepaid() -> World {
    let w = world(None);
    w.billing.set_prices(set(1_000_000, None)).await.unwrap();
    let four = RateLimits { requests_per_minute: Some(1_000_000), ..RateLimits::default() };
    let all = LimitOverride { deployment: "m".to_owned(), limits: four };
    w.billing.set_limits(&ProjectId::parse("proj_a").unwrap(), &all).await.unwrap();
    w.billing.set_profile(&org(), &Profile { mode: Mode::Prepaid, ..Profile::default() }).await.unwrap();
    for _ in 0..2 {
        // The second one is the first one.
        w.billing.top_up(top_up("t1", 1_000)).await.unwrap();
    }
    w
}

fn top_up(key: &str, nanos: i64) -> TopUp<'static> {
    static ORG: std::sync::LazyLock<OrganizationId> = std::sync::LazyLock::new(org);
    TopUp {
        key: key.into(),
        organization: &ORG,
        provider: "manual",
        currency: Currency::USD,
        nanos,
        memo: None,
    }
}

async fn balance(w: &World) -> (i64, i64) {
    let accounts = w.ledger.accounts(&org()).await.unwrap();
    let (_, account) = accounts.iter().find(|(id, _)| id.as_str().contains("/balance/")).unwrap();
    (account.balance, account.held)
}

#[tokio::test]
async fn a_balance_is_held_before_a_call_and_charged_after_it() {
    let w = prepaid().await;
    let first = reserve(&w, 800).await.unwrap();
    assert_eq!(balance(&w).await, (1_000, 800));
    let refused = reserve(&w, 201).await.unwrap_err();
    assert_eq!(refused.code().as_deref(), Some("insufficient_quota"));
    assert!(refused.to_string().contains("0.000000201 USD and 0.0000002 USD is left"), "{refused}");
    settle(&w, first, 300).await;
    assert_eq!(balance(&w).await, (700, 0));
    // A call that never ran gives all of it back.
    drop(reserve(&w, 700).await.unwrap());
    assert_eq!(balance(&w).await, (700, 0));
    assert_eq!(w.ledger.verify(w.clock.now()).await.unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_owed_has_a_limit_where_one_is_set() {
    let w = prepaid().await;
    let mode = Mode::Postpaid { credit_limit: Some(500) };
    w.billing.set_profile(&org(), &Profile { mode, ..Profile::default() }).await.unwrap();
    assert!(reserve(&w, 1_501).await.is_err());
    settle(&w, reserve(&w, 1_500).await.unwrap(), 1_400).await;
    assert_eq!(balance(&w).await, (0, 0));
    assert!(reserve(&w, 101).await.is_err());
    assert!(reserve(&w, 100).await.is_ok());
}

#[tokio::test]
async fn a_limit_of_spending_refuses_what_goes_beyond_it_until_its_window_ends() {
    let w = prepaid().await;
    let limit = SpendLimit {
        id: "".into(),
        scope: SpendScope::Project(ProjectId::parse("proj_a").unwrap()),
        window: SpendWindow::Day,
        currency: Currency::USD,
        nanos: 400,
        is_hard: true,
        created_at: Timestamp(0),
    };
    let limit = w.billing.set_spend_limit(&org(), limit).await.unwrap();
    settle(&w, reserve(&w, 300).await.unwrap(), 250).await;
    let running = reserve(&w, 100).await.unwrap();
    assert_eq!(w.billing.spent(&org(), &limit).await.unwrap(), (250, 100), "what enforces is what is shown");
    let refused = reserve(&w, 51).await.unwrap_err();
    assert!(matches!(&refused, BillingError::RateLimited { limit: 400, .. }), "{refused}");
    let midnight = Duration::from_secs(24 * 3_600 - 1_000);
    assert_eq!(refused.retry_after(), Some(midnight));
    settle(&w, running, 100).await;
    w.clock.advance(midnight);
    assert_eq!(w.billing.spent(&org(), &limit).await.unwrap(), (0, 0));
    settle(&w, reserve(&w, 400).await.unwrap(), 400).await;
    assert!(reserve(&w, 1).await.is_err());
    assert!(w.billing.delete_spend_limit(&org(), &limit.id).await.unwrap());
    assert!(reserve(&w, 1).await.is_ok());
}

#[tokio::test]
async fn an_organisation_pays_in_its_own_currency_where_there_is_a_list_in_it() {
    let w = world(None);
    w.billing.set_prices(SetPrices { currency: Currency::CNY, ..set(7, None) }).await.unwrap();
    w.clock.advance(Duration::from_secs(1));
    w.billing.set_prices(set(1, None)).await.unwrap();
    assert_eq!(price_of(&w).await, Some(1), "what was put in force last");
    let pays_in = async |currency| {
        let profile = Profile { currency: Some(currency), ..Profile::default() };
        w.billing.set_profile(&org(), &profile).await.unwrap();
        price_of(&w).await
    };
    assert_eq!(pays_in(Currency::CNY).await, Some(7));
    assert_eq!(pays_in(Currency::USD).await, Some(1));
    assert_eq!(pays_in(Currency::parse("EUR").unwrap()).await, Some(1), "there is none in it");
}
