//! Orders to pay in, on both databases.

use tenfold_billing::conformance;
use tenfold_kernel::SeededRng;
use tenfold_store::Store;

use crate::{postgres, sqlite};

async fn every_suite(store: Store) {
    let rng = SeededRng::new(11);
    conformance::orders_come_back_as_they_were_kept(&store, &rng).await;
    conformance::an_order_is_changed_by_who_knows_it(&store, &rng).await;
    conformance::a_way_to_pay_is_kept_once(&store, &rng).await;
    conformance::a_recharge_is_changed_by_who_knows_it(&store, &rng).await;
}

#[tokio::test]
async fn orders_on_sqlite() {
    let (store, _folder) = sqlite::store().await;
    every_suite(store).await;
}

#[tokio::test]
async fn orders_on_postgres() {
    every_suite(postgres::store().await).await;
}
