//! The in-memory adapters do what every adapter does.

use tenfold_billing::conformance;
use tenfold_billing::memory::{MemoryLedger, MemoryLimits, MemoryPayments, MemoryPrices};
use tenfold_kernel::SeededRng;

#[tokio::test]
async fn memory_keeps_events_as_every_store_does() {
    let (events, rng) = (MemoryLedger::default(), SeededRng::new(1));
    conformance::events_are_counted_once(&events, &events, &rng).await;
    conformance::absent_is_not_zero(&events, &events, &rng).await;
    conformance::reports_select_and_group(&events, &events, &rng).await;
    conformance::costs_are_told_apart_by_a_label(&events, &events, &rng).await;
    conformance::sums_never_wrap(&events, &events, &rng).await;
    conformance::calls_come_back_as_they_were_written(&events, &events, &rng).await;
}

#[tokio::test]
async fn memory_keeps_prices_as_every_store_does() {
    conformance::prices_come_into_force(&MemoryPrices::default(), &SeededRng::new(2)).await;
}

#[tokio::test]
async fn memory_keeps_limits_as_every_store_does() {
    conformance::limits_are_set(&MemoryLimits::default(), &SeededRng::new(3)).await;
}

#[tokio::test]
async fn memory_keeps_orders_as_every_store_does() {
    let (orders, rng) = (MemoryPayments::default(), SeededRng::new(4));
    conformance::orders_come_back_as_they_were_kept(&orders, &rng).await;
    conformance::an_order_is_changed_by_who_knows_it(&orders, &rng).await;
    conformance::a_way_to_pay_is_kept_once(&orders, &rng).await;
    conformance::a_recharge_is_changed_by_who_knows_it(&orders, &rng).await;
}
