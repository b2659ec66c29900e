//! The ports of billing on both databases.

use std::sync::Arc;

use tenfold_billing::{BillingError, Event, Filter, Selection, UsageStore, conformance};
use tenfold_kernel::{EventId, MockClock, Money, RequestId, SeededRng, Timestamp};
use tenfold_store::{LedgerWriter, Store};
use tokio_util::task::TaskTracker;

use crate::{postgres, sqlite};

async fn every_suite(store: Store) {
    let (tracker, rng) = (TaskTracker::new(), SeededRng::new(1));
    let log = LedgerWriter::start(store.clone(), Arc::new(MockClock::new(Timestamp(0))), &tracker);
    conformance::events_are_counted_once(&*log, &store, &rng).await;
    conformance::absent_is_not_zero(&*log, &store, &rng).await;
    conformance::reports_select_and_group(&*log, &store, &rng).await;
    conformance::costs_are_told_apart_by_a_label(&*log, &store, &rng).await;
    conformance::sums_never_wrap(&*log, &store, &rng).await;
    conformance::calls_come_back_as_they_were_written(&*log, &store, &rng).await;
    conformance::prices_come_into_force(&store, &rng).await;
    conformance::limits_are_set(&store, &rng).await;
    many_at_once_are_each_written_once(&log, &store, &rng).await;
    what_cannot_be_written_spoils_nothing_else(&log, &store, &rng).await;
    a_closed_log_has_written_all_that_it_took(&store, &rng).await;
    log.close().await;
    tracker.close();
    tracker.wait().await;
}

#[tokio::test]
async fn billing_on_sqlite() {
    let (store, _folder) = sqlite::store().await;
    every_suite(store).await;
}

#[tokio::test]
async fn billing_on_postgres() {
    every_suite(postgres::store().await).await;
}

fn numbered(like: &Event, number: usize) -> Event {
    let key = format!("{}-{number}", like.idempotency_key);
    Event {
        id: EventId::parse(&format!("evt_{key}")).unwrap(),
        request_id: RequestId::parse(&key).unwrap(),
        idempotency_key: key,
        ..like.clone()
    }
}

async fn counted(store: &Store, like: &Event) -> (i64, i64) {
    let selection = Selection {
        organization: like.organization.clone(),
        from: Timestamp(0),
        until: Timestamp(i64::MAX),
        origin: Timestamp(0),
        width: i64::MAX,
        filter: Filter::default(),
        group_by: Vec::new(),
        label: None,
    };
    let usage = store.usage(&selection).await.unwrap();
    let costs = store.costs(&selection).await.unwrap();
    (usage.iter().map(|row| row.requests).sum(), costs.iter().map(|row| row.nanos).sum())
}

/// Batches of every size, with keys that come twice in one batch.
async fn many_at_once_are_each_written_once(log: &Arc<LedgerWriter>, store: &Store, rng: &SeededRng) {
    let event = conformance::sample_event(rng);
    let appends = (0..1_500).map(|n| conformance::write(&**log, numbered(&event, n % 1_000)));
    for done in futures::future::join_all(appends).await {
        done.unwrap();
    }
    assert_eq!(counted(store, &event).await, (1_000, 1_000 * event.cost.unwrap().nanos));
}

async fn what_cannot_be_written_spoils_nothing_else(log: &Arc<LedgerWriter>, store: &Store, rng: &SeededRng) {
    let event = conformance::sample_event(rng);
    let too_large = Event { duration_ms: u64::MAX, ..numbered(&event, 0) };
    // PostgreSQL has no NUL in texts; SQLite has.
    let strange = Event { error_code: Some("\0".to_owned()), ..numbered(&event, 1) };
    let (a, b, c, d) = tokio::join!(
        conformance::write(&**log, too_large),
        conformance::write(&**log, strange),
        conformance::write(&**log, numbered(&event, 2)),
        conformance::write(&**log, numbered(&event, 3)),
    );
    assert!(matches!(a, Err(BillingError::Store { .. })), "{a:?}");
    c.unwrap();
    d.unwrap();
    assert_eq!(counted(store, &event).await.0, 2 + i64::from(b.is_ok()));
}

async fn a_closed_log_has_written_all_that_it_took(store: &Store, rng: &SeededRng) {
    let tracker = TaskTracker::new();
    let log = LedgerWriter::start(store.clone(), Arc::new(MockClock::new(Timestamp(0))), &tracker);
    let event = Event {
        cost: Some(Money { nanos: 1, ..conformance::sample_event(rng).cost.unwrap() }),
        ..conformance::sample_event(rng)
    };
    let appends = futures::future::join_all((0..600).map(|n| conformance::write(&*log, numbered(&event, n))));
    let (done, ()) = tokio::join!(appends, log.close());
    let acknowledged = done.iter().filter(|done| done.is_ok()).count();
    assert!(done.iter().all(|d| d.is_ok() || matches!(d, Err(BillingError::Closed))));
    assert!(acknowledged > 0);
    assert_eq!(counted(store, &event).await.0, i64::try_from(acknowledged).unwrap());
    assert!(matches!(conformance::write(&*log, event).await, Err(BillingError::Closed)));
}
