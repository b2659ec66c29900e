//! What can go wrong in the fleet.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tenfold_kernel::{BoxError, Classify, ErrorKind};

use crate::deployment::NAME_LIMIT_BYTES;

/// What can go wrong in the fleet.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// There is no deployment of that name, or it was taken away meanwhile.
    #[error("there is no deployment `{name}`")]
    UnknownDeployment {
        /// The name.
        name: String,
    },
    /// The deployment has no adapter of that name.
    #[error("`{name}` has no adapter `{adapter}`")]
    UnknownAdapter {
        /// The deployment.
        name: String,
        /// The adapter.
        adapter: String,
    },
    /// There is one of that name already.
    #[error("there is a deployment `{name}` already; undeploy it first or choose another name")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The deployment cannot be made as it was described.
    #[error("{message}")]
    Invalid {
        /// The field at fault.
        param: &'static str,
        /// For a person.
        message: String,
    },
    /// Every place is taken and so is every place in the queue.
    #[error("the model `{name}` is overloaded: {queue_limit} calls wait for it already")]
    QueueFull {
        /// The deployment.
        name: Arc<str>,
        /// How many may wait.
        queue_limit: u32,
        /// When a place is likely to be free, as recent calls took it.
        retry_after: Duration,
    },
    /// No place became free in time.
    #[error("the model `{name}` had no free place within {after:?}")]
    QueueTimeout {
        /// The deployment.
        name: Arc<str>,
        /// The limit.
        after: Duration,
        /// When a place is likely to be free.
        retry_after: Duration,
    },
    /// No replica is there, and none came in time.
    #[error("no replica of the model `{name}` is available")]
    NoReplica {
        /// The deployment.
        name: Arc<str>,
    },
    /// The model does not fit beside what is running.
    #[error(
        "the model `{name}` needs {} MiB of memory and {} MiB can be had; \
         nothing idle is left to unload", .needed_bytes.div_ceil(1 << 20), .available_bytes >> 20
    )]
    OutOfMemory {
        /// The deployment.
        name: Arc<str>,
        /// What it needs.
        needed_bytes: u64,
        /// What there is.
        available_bytes: u64,
    },
    /// Its worker does not start.
    #[error("the worker of the model `{name}` did not start")]
    Launch {
        /// The deployment.
        name: Arc<str>,
        /// Why.
        #[source]
        source: Arc<LaunchError>,
    },
    /// The fleet is being shut down.
    #[error("the platform is shutting down")]
    ShuttingDown,
    /// Deployments could not be read or written.
    #[error("failed to reach the store of deployments")]
    Store {
        /// Why.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

/// Why a worker does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The process could not be started.
    #[error("failed to start the worker's process")]
    Spawn {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The process ended before it was ready.
    #[error("the worker ended before it was ready: {reason}")]
    Exited {
        /// Its status and last words.
        reason: String,
    },
    /// It runs and does not answer.
    #[error("the worker did not answer within {after:?}")]
    NotReady {
        /// The limit.
        after: Duration,
    },
    /// No engine could be made for its socket.
    #[error("failed to connect to the worker")]
    Connect {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The deployment was taken away meanwhile.
    #[error("the start was called off")]
    CalledOff,
}

impl FleetError {
    /// Without more of a name than a name can have.
    pub(crate) fn unknown(name: &str) -> Self {
        Self::UnknownDeployment { name: name.chars().take(NAME_LIMIT_BYTES).collect() }
    }

    pub(crate) fn store(source: BoxError) -> Self {
        Self::Store { source: source.into() }
    }
}

impl Classify for FleetError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownDeployment { .. } | Self::UnknownAdapter { .. } => ErrorKind::NotFound,
            Self::NameTaken { .. } => ErrorKind::Conflict,
            Self::Invalid { .. } => ErrorKind::InvalidRequest,
            Self::QueueFull { .. } => ErrorKind::TooManyRequests,
            Self::QueueTimeout { .. }
            | Self::NoReplica { .. }
            | Self::OutOfMemory { .. }
            | Self::Launch { .. }
            | Self::ShuttingDown => ErrorKind::Unavailable,
            Self::Store { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> Option<Cow<'static, str>> {
        let code = match self {
            Self::UnknownDeployment { .. } => "deployment_not_found",
            Self::UnknownAdapter { .. } => "adapter_not_found",
            Self::NameTaken { .. } => "deployment_exists",
            Self::Invalid { .. } => "invalid_deployment",
            Self::QueueFull { .. } => "overloaded",
            Self::QueueTimeout { .. } => "queue_timeout",
            Self::NoReplica { .. } | Self::Launch { .. } => "model_unavailable",
            Self::OutOfMemory { .. } => "out_of_memory",
            Self::ShuttingDown => "shutting_down",
            Self::Store { .. } => return None,
        };
        Some(code.into())
    }

    fn param(&self) -> Option<Cow<'_, str>> {
        if let Self::Invalid { param, .. } = self { Some((*param).into()) } else { None }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::QueueFull { retry_after, .. } | Self::QueueTimeout { retry_after, .. } => {
                Some(*retry_after)
            }
            Self::NoReplica { .. } | Self::Launch { .. } => Some(Duration::from_secs(2)),
            Self::ShuttingDown => Some(Duration::from_secs(5)),
            Self::OutOfMemory { .. } => Some(Duration::from_secs(30)),
            Self::UnknownDeployment { .. }
            | Self::UnknownAdapter { .. }
            | Self::NameTaken { .. }
            | Self::Invalid { .. }
            | Self::Store { .. } => None,
        }
    }
}
