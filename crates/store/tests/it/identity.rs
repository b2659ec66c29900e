//! The ports of identity.

use std::sync::Arc;

use tenfold_identity::{Ports, conformance};

use crate::{postgres, sqlite};

#[tokio::test]
async fn sqlite_passes_the_suite_of_identity() {
    let (store, _folder) = sqlite::store().await;
    conformance::everything(&Ports::of(Arc::new(store))).await;
}

#[tokio::test]
async fn postgres_passes_the_suite_of_identity() {
    conformance::everything(&Ports::of(Arc::new(postgres::store().await))).await;
}
