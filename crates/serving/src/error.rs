//! Why a call is not served.

use std::borrow::Cow;
use std::time::Duration;

use tenfold_billing::{BillingError, CallStatus};
use tenfold_engine::EngineError;
use tenfold_fleet::FleetError;
use tenfold_kernel::{BoxError, Classify, ErrorKind};
use tenfold_protocol::translation::TranslationError;

/// Why a call is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServingError {
    /// There is no such deployment, or the caller's project may not know of it.
    #[error("The model `{model}` does not exist or you do not have access to it.")]
    ModelNotFound {
        /// What was asked for.
        model: String,
    },
    /// There is no such stored response.
    #[error("Response with id '{id}' not found.")]
    ResponseNotFound {
        /// What was asked for.
        id: String,
    },
    /// The request contradicts itself or what is stored.
    #[error("{message}")]
    Invalid {
        /// For a person.
        message: String,
        /// The field at fault.
        param: Option<String>,
    },
    /// The same `Idempotency-Key` came with another request, or while the first is under way.
    #[error("{message}")]
    IdempotencyConflict {
        /// For a person.
        message: &'static str,
        /// When the first may be done.
        retry_after: Option<Duration>,
    },
    /// A limit, a price or the event log.
    #[error(transparent)]
    Billing(#[from] BillingError),
    /// No replica.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The replica.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The model is known but its files are not here.
    #[error("The model `{model}` is not installed; pull it first (`tenfold pull {model}`).")]
    NotInstalled {
        /// Which.
        model: String,
    },
    /// A request of another API that cannot be said as a chat request.
    #[error(transparent)]
    Translation(#[from] TranslationError),
    /// What is stored could not be read or written.
    #[error("failed to reach the store")]
    Store(#[source] BoxError),
}

impl ServingError {
    /// How the event of a call that ended with this error is marked.
    pub(crate) fn status(&self) -> CallStatus {
        match self.kind() {
            ErrorKind::InvalidRequest | ErrorKind::NotFound => CallStatus::Rejected,
            ErrorKind::Timeout => CallStatus::TimedOut,
            _ => CallStatus::Failed,
        }
    }

    /// The code that the event carries.
    pub(crate) fn error_code(&self) -> Option<String> {
        self.code().map(Cow::into_owned)
    }
}

impl Classify for ServingError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::ModelNotFound { .. } | Self::ResponseNotFound { .. } => ErrorKind::NotFound,
            Self::Invalid { .. } | Self::NotInstalled { .. } => ErrorKind::InvalidRequest,
            Self::IdempotencyConflict { .. } => ErrorKind::Conflict,
            Self::Billing(error) => error.kind(),
            Self::Fleet(error) => error.kind(),
            Self::Engine(error) => error.kind(),
            Self::Translation(error) => error.kind(),
            Self::Store(_) => ErrorKind::Internal,
        }
    }

    fn code(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::ModelNotFound { .. } => Some("model_not_found".into()),
            Self::NotInstalled { .. } => Some("model_not_installed".into()),
            Self::IdempotencyConflict { .. } => Some("idempotency_conflict".into()),
            Self::Billing(error) => error.code(),
            Self::Fleet(error) => error.code(),
            Self::Engine(error) => error.code(),
            Self::Translation(error) => error.code(),
            Self::Invalid { .. } | Self::ResponseNotFound { .. } | Self::Store(_) => None,
        }
    }

    fn param(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::ModelNotFound { .. } | Self::NotInstalled { .. } => Some("model".into()),
            Self::Invalid { param, .. } => param.as_deref().map(Into::into),
            Self::Billing(error) => error.param(),
            Self::Fleet(error) => error.param(),
            Self::Engine(error) => error.param(),
            Self::Translation(error) => error.param(),
            Self::IdempotencyConflict { .. } | Self::ResponseNotFound { .. } | Self::Store(_) => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::IdempotencyConflict { retry_after, .. } => *retry_after,
            Self::Billing(error) => error.retry_after(),
            Self::Fleet(error) => error.retry_after(),
            Self::Engine(error) => error.retry_after(),
            _ => None,
        }
    }
}
