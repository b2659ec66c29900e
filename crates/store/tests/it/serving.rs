//! The ports of serving on both databases.

use tenfold_serving::conformance::{idempotency_store, response_store};

use crate::{postgres, sqlite};

#[tokio::test]
async fn responses_and_idempotency_on_sqlite() {
    let (store, _folder) = sqlite::store().await;
    response_store(&store).await;
    idempotency_store(&store).await;
}

#[tokio::test]
async fn responses_and_idempotency_on_postgres() {
    let store = postgres::store().await;
    response_store(&store).await;
    idempotency_store(&store).await;
}
