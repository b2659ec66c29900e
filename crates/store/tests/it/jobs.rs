//! The port of jobs on both databases.

use tenfold_jobs::{JobStore, conformance};
use tenfold_kernel::SeededRng;
use tenfold_store::Store;

use crate::{postgres, sqlite};

async fn every_suite(store: Store, another: Store) {
    let rng = SeededRng::new(1);
    conformance::jobs_are_kept(&store, &rng).await;
    conformance::claims_take_what_is_due(&store, &rng).await;
    conformance::claims_end_as_they_are_told(&store, &rng).await;
    conformance::jobs_are_cancelled(&store, &rng).await;
    conformance::jobs_are_listed(&store, &rng).await;
    conformance::ended_jobs_are_forgotten(&store, &rng).await;
    // Each with connections of its own, as two processes have.
    let stores: [&dyn JobStore; 4] = [&store, &another, &store, &another];
    conformance::racing_claims_never_share_a_job(&stores, &rng).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_on_sqlite() {
    let (store, folder) = sqlite::store().await;
    let url = format!("sqlite://{}", folder.path().join("new/tenfold.db").display());
    let another = Store::connect(&url, &sqlite::config()).await.unwrap();
    every_suite(store, another).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_on_postgres() {
    let url = postgres::database();
    let store = Store::connect(&url, &sqlite::config()).await.unwrap();
    let another = Store::connect(&url, &sqlite::config()).await.unwrap();
    every_suite(store, another).await;
}
