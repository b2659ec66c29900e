//! What rentals do on both databases, with three processes on PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use tenfold_billing::{Billing, Config, Ports};
use tenfold_kernel::{MockClock, Rng, SeededRng, Timestamp};
use tenfold_serving::conformance::{self, Process};
use tenfold_store::{LedgerWriter, Store};
use tokio_util::task::TaskTracker;

use crate::{postgres, sqlite};

async fn every_suite(stores: &[Store]) {
    conformance::rental_store(&stores[0], &conformance::sample_rental()).await;
    let clock = Arc::new(MockClock::new(Timestamp(1_795_608_000_000)));
    let (tracker, rng) = (TaskTracker::new(), Arc::new(SeededRng::new(9)) as Arc<dyn Rng>);
    let writers: Vec<_> =
        stores.iter().map(|store| LedgerWriter::start(store.clone(), clock.clone(), &tracker)).collect();
    let process = |(store, writer): (&Store, &Arc<LedgerWriter>)| {
        let store = Arc::new(store.clone());
        let ports = Ports {
            ledger: writer.clone(),
            reader: store.clone(),
            funds: store.clone(),
            plans: store.clone(),
            alerts: store.clone(),
            invoices: store.clone(),
            usage: store.clone(),
            prices: store.clone(),
            limits: store.clone(),
            clock: clock.clone(),
            rng: rng.clone(),
        };
        let config = Config { cache_age: Some(Duration::ZERO), ..Config::default() };
        (Arc::new(Billing::new(ports, config)), store as Arc<_>)
    };
    let processes: Vec<Process> = stores.iter().zip(&writers).map(process).collect();
    conformance::a_rented_replica_is_billed_by_the_second_while_it_is_up(&processes, &clock, &rng).await;
    conformance::a_rental_costs_its_minimum(&processes, &clock, &rng).await;
    conformance::a_minimum_that_cannot_be_paid_is_refused(&processes, &clock, &rng).await;
    conformance::a_rental_stops_when_the_balance_ends_and_owes_nothing(&processes, &clock, &rng).await;
    conformance::a_rental_is_not_billed_while_its_replica_is_down(&processes, &clock, &rng).await;
    conformance::a_second_is_charged_once_however_many_processes_look(&processes, &clock, &rng).await;
    assert_eq!(processes[0].0.verify().await.unwrap().faults, Vec::<String>::new());
    drop(processes);
    for writer in writers {
        writer.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rentals_on_sqlite() {
    let (store, _folder) = sqlite::store().await;
    every_suite(&[store]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rentals_of_three_processes_on_one_postgres() {
    let url = postgres::database();
    let mut stores = Vec::new();
    for _ in 0..3 {
        stores.push(Store::connect(&url, &sqlite::config()).await.unwrap());
    }
    every_suite(&stores).await;
}
