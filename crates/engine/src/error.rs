//! What can go wrong in an engine.

use std::borrow::Cow;
use std::time::Duration;

use tenfold_kernel::{BoxError, Classify, ErrorKind};
use tenfold_protocol::error::ErrorDetail;

/// What can go wrong in an engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The request cannot be honoured and will not be: a 400.
    #[error("{message}")]
    Rejected {
        /// For a person; it names the way out.
        message: String,
        /// The field at fault.
        param: Option<String>,
        /// For a program, such as `context_length_exceeded`.
        code: Option<String>,
    },
    /// The engine has no such ability.
    #[error("this model cannot {what}")]
    Unsupported {
        /// What was asked for, as a verb: `make embeddings`.
        what: &'static str,
    },
    /// Every place is taken and the queue is full.
    #[error("the model is overloaded")]
    Overloaded {
        /// When to try again.
        retry_after: Option<Duration>,
    },
    /// It cannot be reached, or went away before its first token: another replica may be tried.
    #[error("the model is not available")]
    Unavailable {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// It went away after its first token.
    #[error("the model stopped in the middle of its answer")]
    Interrupted {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// It answered with an error of its own, or with what nobody understands.
    #[error("the model failed")]
    Failed {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// It took too long.
    #[error("the model did not answer within {after:?}")]
    Timeout {
        /// The limit.
        after: Duration,
    },
    /// A remote server refused our credentials.
    #[error("the upstream refused the key that is configured for it")]
    Credentials,
}

impl EngineError {
    /// A request that cannot be honoured because of `param`.
    pub fn rejected(param: &str, message: impl Into<String>) -> Self {
        Self::Rejected { message: message.into(), param: Some(param.to_owned()), code: None }
    }

    /// A parameter that this engine does not know: a 400 that names it.
    pub fn unknown_parameter(param: &str) -> Self {
        Self::Rejected {
            message: format!("`{param}` is not supported by this model; remove it from the request"),
            param: Some(param.to_owned()),
            code: Some("unsupported_parameter".to_owned()),
        }
    }

    /// A prompt that does not fit.
    pub fn context_length_exceeded(param: &str, context_length: u64, asked: u64) -> Self {
        Self::Rejected {
            message: format!(
                "This model's maximum context length is {context_length} tokens, and your request has {asked} tokens; \
                 shorten the {param}."
            ),
            param: Some(param.to_owned()),
            code: Some("context_length_exceeded".to_owned()),
        }
    }

    /// Whether nothing was said yet and another replica may be tried.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Overloaded { .. })
    }

    /// The wire form, as a worker's server and our HTTP edge write it.
    pub fn detail(&self) -> ErrorDetail {
        ErrorDetail {
            message: self.to_string(),
            kind: match self.kind() {
                ErrorKind::InvalidRequest | ErrorKind::NotFound => "invalid_request_error",
                ErrorKind::TooManyRequests => "rate_limit_error",
                ErrorKind::Unauthenticated
                | ErrorKind::PermissionDenied
                | ErrorKind::Conflict
                | ErrorKind::PayloadTooLarge
                | ErrorKind::Timeout
                | ErrorKind::Unavailable
                | ErrorKind::BadGateway
                | ErrorKind::Internal => "server_error",
            }
            .to_owned(),
            param: self.param().map(Cow::into_owned),
            code: self.code().map(Cow::into_owned),
        }
    }
}

impl Classify for EngineError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Rejected { .. } | Self::Unsupported { .. } => ErrorKind::InvalidRequest,
            Self::Overloaded { .. } => ErrorKind::TooManyRequests,
            Self::Unavailable { .. } => ErrorKind::Unavailable,
            Self::Interrupted { .. } | Self::Failed { .. } | Self::Credentials => ErrorKind::BadGateway,
            Self::Timeout { .. } => ErrorKind::Timeout,
        }
    }

    fn code(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Rejected { code, .. } => code.clone().map(Cow::Owned),
            Self::Unsupported { .. } => Some("unsupported_operation".into()),
            Self::Overloaded { .. } => Some("overloaded".into()),
            Self::Unavailable { .. } => Some("model_unavailable".into()),
            Self::Interrupted { .. } => Some("model_interrupted".into()),
            Self::Failed { .. } => Some("model_failed".into()),
            Self::Timeout { .. } => Some("timeout".into()),
            Self::Credentials => Some("upstream_credentials".into()),
        }
    }

    fn param(&self) -> Option<Cow<'_, str>> {
        if let Self::Rejected { param: Some(param), .. } = self { Some(param.into()) } else { None }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Overloaded { retry_after } => *retry_after,
            Self::Unavailable { .. } => Some(Duration::from_secs(1)),
            Self::Rejected { .. }
            | Self::Unsupported { .. }
            | Self::Interrupted { .. }
            | Self::Failed { .. }
            | Self::Timeout { .. }
            | Self::Credentials => None,
        }
    }
}
