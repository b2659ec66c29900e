//! SQLite in a folder that goes when the test ends.

use std::time::Duration;

use tenfold_store::{Config, Store};

pub(crate) fn config() -> Config {
    Config { pool_size: 8, acquire_timeout: Duration::from_secs(30) }
}

/// An open store, and the folder to hold on to while it is used.
pub(crate) async fn store() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("new/tenfold.db").display());
    (Store::connect(&url, &config()).await.unwrap(), folder)
}
