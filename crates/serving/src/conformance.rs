//! What every store of serving must do.

mod rentals;

use tenfold_kernel::{ProjectId, ResponseId, Timestamp};

use crate::{IdempotencyRecord, IdempotencyStore, ResponseStore, StoredResponse};

pub use rentals::{
    Process, a_minimum_that_cannot_be_paid_is_refused, a_rental_costs_its_minimum,
    a_rental_is_not_billed_while_its_replica_is_down, a_rental_stops_when_the_balance_ends_and_owes_nothing,
    a_rented_replica_is_billed_by_the_second_while_it_is_up,
    a_second_is_charged_once_however_many_processes_look, rental_store, sample_rental,
};

fn project(name: &str) -> ProjectId {
    ProjectId::parse(name).unwrap_or_else(|error| unexpected(&error))
}

#[expect(clippy::panic, reason = "a conformance suite fails by panicking")]
fn unexpected<T>(error: &dyn std::fmt::Display) -> T {
    panic!("{error}")
}

/// Runs the suite of [`ResponseStore`] on an empty store.
///
/// # Panics
/// When the store does otherwise.
pub async fn response_store(store: &dyn ResponseStore) {
    let id = ResponseId::parse("resp_1").unwrap_or_else(|e| unexpected(&e));
    let first = StoredResponse {
        id: id.clone(),
        project: project("proj_a"),
        created_at: Timestamp(5),
        previous: None,
        input: "[]".into(),
        body: "{\"ä\":1}".into(),
    };
    assert_eq!(store.response(&first.project, &id).await.unwrap_or_else(|e| unexpected(&e)), None);
    store.put_response(&first).await.unwrap_or_else(|e| unexpected(&e));
    let second = StoredResponse { body: "{}".into(), previous: Some(id.clone()), ..first.clone() };
    store.put_response(&second).await.unwrap_or_else(|e| unexpected(&e));
    assert_eq!(store.response(&first.project, &id).await.unwrap_or_else(|e| unexpected(&e)), Some(second));
    let other = project("proj_b");
    assert_eq!(
        store.response(&other, &id).await.unwrap_or_else(|e| unexpected(&e)),
        None,
        "another project's"
    );
    assert!(!store.delete_response(&other, &id).await.unwrap_or_else(|e| unexpected(&e)));
    assert!(store.delete_response(&first.project, &id).await.unwrap_or_else(|e| unexpected(&e)));
    assert!(!store.delete_response(&first.project, &id).await.unwrap_or_else(|e| unexpected(&e)));
}

/// Runs the suite of [`IdempotencyStore`] on an empty store.
///
/// # Panics
/// When the store does otherwise.
pub async fn idempotency_store(store: &dyn IdempotencyStore) {
    let mine = IdempotencyRecord {
        project: project("proj_a"),
        key: "k".into(),
        fingerprint: "f".into(),
        created_at: Timestamp(1_000),
        locked_until: Timestamp(2_000),
        answer: None,
    };
    let never = Timestamp(0);
    let there = store.begin(&mine, never).await.unwrap_or_else(|e| unexpected(&e));
    assert_eq!(there, mine);
    let racer = IdempotencyRecord { locked_until: Timestamp(2_001), ..mine.clone() };
    assert_eq!(store.begin(&racer, never).await.unwrap_or_else(|e| unexpected(&e)), mine, "the first stays");
    let elsewhere = IdempotencyRecord { project: project("proj_b"), ..racer.clone() };
    assert_eq!(store.begin(&elsewhere, never).await.unwrap_or_else(|e| unexpected(&e)), elsewhere);

    let take = |now| store.take_over(&mine.project, "k", Timestamp(now), Timestamp(9_000));
    assert!(!take(1_999).await.unwrap_or_else(|e| unexpected(&e)), "still locked");
    assert!(take(2_500).await.unwrap_or_else(|e| unexpected(&e)));
    assert!(!take(2_600).await.unwrap_or_else(|e| unexpected(&e)), "one taker only");

    store.release_locks().await.unwrap_or_else(|e| unexpected(&e));
    assert!(take(2_700).await.unwrap_or_else(|e| unexpected(&e)), "released");

    let answer = (200, "application/json".to_owned(), "data: ä\n\n".to_owned());
    store.finish(&mine.project, "k", answer.clone()).await.unwrap_or_else(|e| unexpected(&e));
    let there = store.begin(&racer, never).await.unwrap_or_else(|e| unexpected(&e));
    assert_eq!(there.answer, Some(answer));
    let renewed = IdempotencyRecord { created_at: Timestamp(50_000), ..racer.clone() };
    let there = store.begin(&renewed, Timestamp(40_000)).await.unwrap_or_else(|e| unexpected(&e));
    assert_eq!(there, renewed, "an expired key begins anew");
    store.abandon(&mine.project, "k").await.unwrap_or_else(|e| unexpected(&e));
    let there = store.begin(&racer, never).await.unwrap_or_else(|e| unexpected(&e));
    assert_eq!(there, racer);

    let forgotten = store.forget_before(Timestamp(1_001)).await.unwrap_or_else(|e| unexpected(&e));
    assert_eq!(forgotten, 2, "both projects' keys");
}
