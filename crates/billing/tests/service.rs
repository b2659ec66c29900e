//! The service over in-memory stores and a clock that stands still.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

use std::sync::Arc;
use std::time::Duration;

use tenfold_billing::memory::{MemoryEvents, MemoryLimits, MemoryPrices};
use tenfold_billing::{
    Billing, BillingError, BucketWidth, Config, Event, Filter, GroupBy, LimitOverride, Ports, PriceBook,
    PriceList, RateLimits, ReportQuery, SetPrices, conformance,
};
use tenfold_kernel::{Clock, Currency, MockClock, Money, ProjectId, SeededRng, Timestamp, Unit};

struct World {
    billing: Billing,
    clock: Arc<MockClock>,
    prices: Arc<MemoryPrices>,
    rng: Arc<SeededRng>,
}

fn world(cache_age: Option<Duration>) -> World {
    let clock = Arc::new(MockClock::new(Timestamp(1_000_000)));
    let events = Arc::new(MemoryEvents::default());
    let prices = Arc::new(MemoryPrices::default());
    let rng = Arc::new(SeededRng::new(7));
    let ports = Ports {
        events: events.clone(),
        usage: events,
        prices: prices.clone(),
        limits: Arc::new(MemoryLimits::default()),
        clock: clock.clone(),
        rng: rng.clone(),
    };
    let default_limits = RateLimits { requests_per_minute: Some(2), ..RateLimits::default() };
    let billing = Billing::new(ports, Config { cache_age, default_limits, ..Config::default() });
    World { billing, clock, prices, rng }
}

fn set(price: i64, effective_at: Option<Timestamp>) -> SetPrices {
    SetPrices {
        deployment: "m".into(),
        currency: Currency::USD,
        prices: [(Unit::InputTokens, price)].into(),
        effective_at,
    }
}

async fn price_of(world: &World) -> Option<i64> {
    world.billing.quote(&"m".into()).await.unwrap().list.map(|list| list.prices[&Unit::InputTokens])
}

#[tokio::test]
async fn a_quote_keeps_the_price_of_the_moment_it_was_made() {
    let w = world(None);
    assert_eq!(price_of(&w).await, None);
    w.billing.set_prices(set(1, None)).await.unwrap();
    let quote = w.billing.quote(&"m".into()).await.unwrap();
    w.billing.set_prices(set(2, None)).await.unwrap();
    assert_eq!(price_of(&w).await, Some(2));
    assert_eq!(quote.list.unwrap().prices[&Unit::InputTokens], 1);
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
        prices: [(Unit::InputTokens, 9)].into(),
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
    for _ in 0..2 {
        w.billing.check_limits(&project, &model, 1).await.unwrap();
    }
    assert!(w.billing.check_limits(&project, &model, 1).await.is_err());
    let more = |limits| LimitOverride { deployment: "m".to_owned(), limits };
    let four = RateLimits { requests_per_minute: Some(4), ..RateLimits::default() };
    w.billing.set_limits(&project, &more(four)).await.unwrap();
    assert!(w.billing.check_limits(&project, &model, 1).await.is_ok());

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
        limit: None,
        page: None,
    }
}

#[tokio::test]
async fn a_report_has_its_empty_buckets_and_pages_through_all_of_them() {
    let w = world(None);
    let event = conformance::sample_event(&*w.rng);
    w.billing.record(event.clone()).await.unwrap();
    w.billing.record(event.clone()).await.unwrap();
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
async fn costs_are_by_the_day_and_by_few_groups() {
    let w = world(None);
    let event = conformance::sample_event(&*w.rng);
    let error = w.billing.costs(query(&event, BucketWidth::Hour)).await.unwrap_err();
    assert!(matches!(error, BillingError::InvalidQuery { field: "bucket_width", .. }));
    let by_user = ReportQuery { group_by: vec![GroupBy::User], ..query(&event, BucketWidth::Day) };
    let error = w.billing.costs(by_user).await.unwrap_err();
    assert!(matches!(error, BillingError::InvalidQuery { field: "group_by", .. }));
}
