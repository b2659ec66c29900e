//! The connection to the database.

use std::path::Path;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{Any, AnyConnection, AnyPool, Connection, Executor, Transaction};

use crate::{StoreError, migrations};

/// How the database is used.
#[derive(Debug, Clone)]
pub struct Config {
    /// The most connections to PostgreSQL. Callers beyond it wait. SQLite has one writer and four readers.
    pub pool_size: u32,
    /// How long a caller waits for a connection before the database counts as unavailable.
    pub acquire_timeout: Duration,
}

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A file that this process alone writes.
    Sqlite,
    /// A server that several processes may share.
    Postgres,
}

/// An open database with its tables up to date. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Backend,
    reader: AnyPool,
    writer: AnyPool,
}

impl Store {
    /// Opens the database at `url`, making an SQLite file that is not there, and applies what migrations are missing.
    ///
    /// # Parameters
    /// `url`: `sqlite:///path/to/file` or `postgres://user:password@host/database`; `?host=/run/postgresql` for a
    /// Unix socket.
    /// # Errors
    /// [`StoreError::UnknownUrl`], [`StoreError::File`], [`StoreError::Connect`], or [`StoreError::Migrate`].
    #[tracing::instrument(name = "store.connect", skip_all)]
    pub async fn connect(url: &str, config: &Config) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let store = if let Some(path) = url.strip_prefix("sqlite://") {
            Self::connect_sqlite(path, config).await?
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Self::connect_postgres(url, config).await?
        } else {
            return Err(StoreError::UnknownUrl);
        };
        if let Err(error) = migrations::run(&store.writer).await {
            // Closing also gives back the lock that keeps other processes from migrating.
            store.close().await;
            return Err(error);
        }
        Ok(store)
    }

    async fn connect_sqlite(path: &str, config: &Config) -> Result<Self, StoreError> {
        let path = path.split('?').next().unwrap_or_default();
        make_private_file(Path::new(path)).await?;
        let options = || {
            AnyPoolOptions::new()
                .acquire_timeout(config.acquire_timeout)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
                .after_connect(|connection, _| Box::pin(prepare_sqlite(connection)))
        };
        let url = sqlite_url(path);
        let connect = |source| StoreError::Connect { source };
        // The pool would try a file that is no database again and again; a first connection says so at once.
        let mut first = AnyConnection::connect(&url).await.map_err(connect)?;
        prepare_sqlite(&mut first).await.map_err(connect)?;
        first.close().await.map_err(connect)?;
        let writer = options().max_connections(1).min_connections(1).connect(&url).await.map_err(connect)?;
        let reader = options().max_connections(4).connect(&url).await.map_err(connect)?;
        Ok(Self { backend: Backend::Sqlite, reader, writer })
    }

    async fn connect_postgres(url: &str, config: &Config) -> Result<Self, StoreError> {
        let pool = AnyPoolOptions::new()
            .max_connections(config.pool_size.max(1))
            .acquire_timeout(config.acquire_timeout)
            .connect(url)
            .await
            .map_err(|source| StoreError::Connect { source })?;
        Ok(Self { backend: Backend::Postgres, reader: pool.clone(), writer: pool })
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Asks the database for an answer, for `/readyz`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.reader).await?;
        Ok(())
    }

    /// Waits until running statements have ended and closes every connection.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Where statements that only read run.
    pub(crate) fn reader(&self) -> &AnyPool {
        &self.reader
    }

    /// Where a single statement that writes runs.
    pub(crate) fn writer(&self) -> &AnyPool {
        &self.writer
    }

    /// Begins a transaction that writes. It is rolled back unless it is committed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if no connection gets free in time.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let begin = match self.backend {
            // Takes the write lock at once: a transaction that reads first could not get it later.
            Backend::Sqlite => "BEGIN IMMEDIATE",
            Backend::Postgres => "BEGIN",
        };
        Ok(self.writer.begin_with(begin).await?)
    }

    /// Begins a transaction that reads all from one moment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if no connection gets free in time.
    pub(crate) async fn begin_reading(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let begin = match self.backend {
            Backend::Sqlite => "BEGIN",
            Backend::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        Ok(self.reader.begin_with(begin).await?)
    }
}

/// Sets what a connection to SQLite has to keep to. The journal mode is a property of the file, the rest of the
/// connection: a reader needs no more than a megabyte of cache, and the log shrinks back after a burst.
async fn prepare_sqlite(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    for pragma in [
        "PRAGMA busy_timeout = 10000",
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON",
        "PRAGMA cache_size = -1024",
        "PRAGMA journal_size_limit = 67108864",
    ] {
        connection.execute(pragma).await?;
    }
    Ok(())
}

/// Makes the file with its folders, readable by its owner alone: it holds the organisation's state.
async fn make_private_file(path: &Path) -> Result<(), StoreError> {
    let made = async {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            tokio::fs::create_dir_all(folder).await?;
        }
        let mut options = tokio::fs::OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        options.mode(0o600);
        options.open(path).await.map(drop)
    };
    made.await.map_err(|source| StoreError::File { path: path.to_owned(), source })
}

/// The URL of the file at `path`, with what would end the path in a URL written in its stead.
fn sqlite_url(path: &str) -> String {
    let mut url = String::from("sqlite://");
    for character in path.chars() {
        match character {
            '%' => url.push_str("%25"),
            '#' => url.push_str("%23"),
            '?' => url.push_str("%3F"),
            ' ' => url.push_str("%20"),
            other => url.push(other),
        }
    }
    url.push_str("?mode=rw");
    url
}
