//! Opening, sharing and losing the database.

use tenfold_kernel::{Classify, ErrorKind};
use tenfold_store::{Backend, Store, StoreError};

use crate::{postgres, sqlite};

#[tokio::test]
async fn sqlite_is_made_private_and_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    // A name with what ends a path in a URL.
    let path = folder.path().join("a b#c/100%.db");
    let url = format!("sqlite://{}", path.display());
    for _ in 0..2 {
        let store = Store::connect(&url, &sqlite::config()).await.unwrap();
        assert_eq!(store.backend(), Backend::Sqlite);
        store.ping().await.unwrap();
        store.close().await;
        let error = store.ping().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "this is not a database, though it is long enough to be looked at as one").unwrap();
    let error = Store::connect(&format!("sqlite://{}", path.display()), &sqlite::config()).await.unwrap_err();
    assert!(matches!(error, StoreError::Connect { .. }), "{error:?}");
    let error = Store::connect("mysql://localhost/x", &sqlite::config()).await.unwrap_err();
    assert!(matches!(error, StoreError::UnknownUrl), "{error:?}");
}

#[tokio::test]
async fn postgres_opens_from_several_processes_at_once_and_callers_wait_for_a_connection() {
    let url = postgres::database();
    let mut config = sqlite::config();
    config.pool_size = 2;
    let (a, b) = tokio::join!(Store::connect(&url, &config), Store::connect(&url, &config));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(a.backend(), Backend::Postgres);
    let pings = (0..200).map(|_| a.ping());
    for result in futures::future::join_all(pings).await {
        result.unwrap();
    }
    b.ping().await.unwrap();
    a.close().await;
    assert_eq!(a.ping().await.unwrap_err().kind(), ErrorKind::Unavailable);
}
