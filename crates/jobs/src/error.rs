//! What can go wrong with jobs.

use tenfold_kernel::{BoxError, Classify, ErrorKind};

/// An error of jobs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The database does not answer now.
    #[error("the job store is not available to {action}")]
    Unavailable {
        /// What was attempted.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: BoxError,
    },
    /// The database failed.
    #[error("the job store failed to {action}")]
    Store {
        /// What was attempted.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: BoxError,
    },
}

impl Classify for JobError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unavailable { .. } => ErrorKind::Unavailable,
            Self::Store { .. } => ErrorKind::Internal,
        }
    }
}
