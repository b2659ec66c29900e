//! Spend alerts and ended credit, on both databases.

use std::sync::Arc;
use std::time::Duration;

use tenfold_billing::{Billing, Config, Ports, conformance};
use tenfold_kernel::{MockClock, SeededRng, Timestamp};
use tenfold_store::{LedgerWriter, Store};
use tokio_util::task::TaskTracker;

use crate::{postgres, sqlite};

async fn every_suite(store: Store) {
    let (store, tracker) = (Arc::new(store), TaskTracker::new());
    let clock = Arc::new(MockClock::new(Timestamp(1_700_000_000_000)));
    let writer = LedgerWriter::start((*store).clone(), clock.clone(), &tracker);
    let process = |seed| {
        let ports = Ports {
            ledger: Arc::clone(&writer) as _,
            reader: Arc::clone(&store) as _,
            funds: Arc::clone(&store) as _,
            alerts: Arc::clone(&store) as _,
            invoices: Arc::clone(&store) as _,
            plans: Arc::clone(&store) as _,
            usage: Arc::clone(&store) as _,
            prices: Arc::clone(&store) as _,
            limits: Arc::clone(&store) as _,
            clock: Arc::clone(&clock) as _,
            rng: Arc::new(SeededRng::new(seed)),
        };
        Billing::new(ports, Config::default())
    };
    let processes = [process(1), process(2), process(3)];
    let (rng, advance) = (SeededRng::new(9), |by: Duration| clock.advance(by));
    conformance::an_alert_is_sent_once_for_its_month_however_many_processes_look(&processes, &advance, &rng)
        .await;
    conformance::a_delivery_that_nobody_takes_is_given_up(&processes[0], &advance, &rng).await;
    conformance::an_alert_counts_what_limits_count(&processes[0], &rng).await;
    conformance::credit_that_was_not_used_in_time_is_gone_and_what_is_held_is_not(&processes, &advance, &rng)
        .await;
    writer.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_on_sqlite() {
    let (store, _folder) = sqlite::store().await;
    every_suite(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_on_postgres() {
    every_suite(postgres::store().await).await;
}
