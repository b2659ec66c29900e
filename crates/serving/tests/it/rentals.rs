//! Rentals over stores in memory.

use std::sync::Arc;

use tenfold_engine::fake::FakeEngine;
use tenfold_kernel::Rng;
use tenfold_serving::conformance;
use tenfold_serving::memory::MemoryServingStore;

use crate::rig::Rig;

#[tokio::test]
async fn rentals_in_memory() {
    let rig = Rig::new(vec![Arc::new(FakeEngine::default())]).await;
    let rng: Arc<dyn Rng> = rig.rng.clone();
    let process = [(rig.billing.clone(), Arc::new(MemoryServingStore::default()) as Arc<_>)];
    conformance::a_rented_replica_is_billed_by_the_second_while_it_is_up(&process, &rig.clock, &rng).await;
    conformance::a_rental_costs_its_minimum(&process, &rig.clock, &rng).await;
    conformance::a_minimum_that_cannot_be_paid_is_refused(&process, &rig.clock, &rng).await;
    conformance::a_rental_stops_when_the_balance_ends_and_owes_nothing(&process, &rig.clock, &rng).await;
    conformance::a_rental_is_not_billed_while_its_replica_is_down(&process, &rig.clock, &rng).await;
    conformance::a_second_is_charged_once_however_many_processes_look(&process, &rig.clock, &rng).await;
    assert_eq!(rig.billing.verify().await.unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn a_store_in_memory_keeps_rentals() {
    conformance::rental_store(&MemoryServingStore::default(), &conformance::sample_rental()).await;
}
