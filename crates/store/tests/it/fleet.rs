//! The port of the fleet on both databases.

use tenfold_fleet::conformance::deployment_store;

use crate::{postgres, sqlite};

#[tokio::test]
async fn deployments_on_sqlite() {
    let (store, _folder) = sqlite::store().await;
    deployment_store(&store).await;
}

#[tokio::test]
async fn deployments_on_postgres() {
    deployment_store(&postgres::store().await).await;
}
