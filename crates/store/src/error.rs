//! What can go wrong with a database.

use std::path::PathBuf;

use tenfold_kernel::{Classify, ErrorKind};

/// A fault of the database, or of what was asked of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The URL names no database that this program knows.
    #[error("the database URL must begin with `sqlite://` or `postgres://`")]
    UnknownUrl,
    /// The folder or file of an SQLite database cannot be made.
    #[error("the database file `{}` cannot be opened", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database cannot be reached.
    #[error("the database cannot be opened")]
    Connect {
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The tables cannot be brought up to date.
    #[error("the database cannot be brought up to date")]
    Migrate {
        /// Which migration, and why.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// A row with the same key is there already.
    #[error("there is such a row already")]
    Conflict {
        /// Which constraint.
        #[source]
        source: sqlx::Error,
    },
    /// A row that is referred to is not there, or is still referred to.
    #[error("a row that is referred to is missing")]
    Dangling {
        /// Which constraint.
        #[source]
        source: sqlx::Error,
    },
    /// The database cannot answer now: it is closed, all connections are taken, or the line broke.
    #[error("the database is not available")]
    Unavailable {
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A statement failed otherwise.
    #[error("a database statement failed")]
    Statement {
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A stored value is not what the program writes there.
    #[error("column `{column}` holds a value that cannot be read")]
    Corrupt {
        /// Where.
        column: &'static str,
    },
}

impl Classify for StoreError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Conflict { .. } | Self::Dangling { .. } => ErrorKind::Conflict,
            Self::Unavailable { .. } => ErrorKind::Unavailable,
            Self::UnknownUrl
            | Self::File { .. }
            | Self::Connect { .. }
            | Self::Migrate { .. }
            | Self::Statement { .. }
            | Self::Corrupt { .. } => ErrorKind::Internal,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        if let Some(database) = source.as_database_error() {
            // 40001 and 40P01 (a conflict between transactions), 53300 (no connection left), 57P01 to 57P03 (the
            // server stops or starts) pass; so do SQLite's BUSY (5) and LOCKED (6) with their extensions.
            let passes = database.code().is_some_and(|code| {
                matches!(&*code, "40001" | "40P01" | "53300" | "57P01" | "57P02" | "57P03")
                    || code.parse::<u32>().is_ok_and(|code| code < 10_000 && matches!(code & 0xff, 5 | 6))
            });
            return if database.is_unique_violation() {
                Self::Conflict { source }
            } else if database.is_foreign_key_violation() {
                Self::Dangling { source }
            } else if passes {
                Self::Unavailable { source }
            } else {
                Self::Statement { source }
            };
        }
        let unavailable = matches!(
            source,
            sqlx::Error::PoolClosed
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Io(_)
        );
        if unavailable { Self::Unavailable { source } } else { Self::Statement { source } }
    }
}
