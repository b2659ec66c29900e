//! The in-memory adapter passes the suite that the databases pass.

use std::sync::Arc;

use tenfold_identity::{MemoryStore, Ports, conformance};

#[tokio::test]
async fn memory_passes_the_suite() {
    conformance::everything(&Ports::of(Arc::new(MemoryStore::new()))).await;
}
