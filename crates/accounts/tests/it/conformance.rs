//! The in-memory adapter passes the suite that the databases pass.

use std::sync::Arc;

use tenfold_accounts::conformance::{Adapters, everything};
use tenfold_accounts::{MemoryStore, Ports};

#[tokio::test]
async fn memory_passes_the_suite() {
    let identity = tenfold_identity::Ports::of(Arc::new(tenfold_identity::MemoryStore::new()));
    let accounts = Ports::of(Arc::new(MemoryStore::new(identity.clone())));
    everything(&Adapters { accounts, identity }).await;
}
