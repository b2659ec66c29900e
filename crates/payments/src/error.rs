//! What can go wrong with an order or a notification.

use std::borrow::Cow;
use std::time::Duration;

use tenfold_kernel::{BoxError, Classify, ErrorKind};

/// What is wrong with a field of a configuration. Its value is not repeated: most are secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ConfigFault {
    /// It is empty.
    #[error("is missing")]
    Missing,
    /// It cannot be what it should be.
    #[error("must be {expected}")]
    Malformed {
        /// What it should be.
        expected: &'static str,
    },
}

/// Why a notification is not believed. For the log and for tests: whoever sent it reads nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Forgery {
    /// No signature of it was made with the provider's key over these bytes.
    #[error("its signature is wrong")]
    Signature,
    /// It is signed with a key that is not configured.
    #[error("it is signed with an unknown key")]
    UnknownKey,
    /// It is too old, or from the future: somebody may be repeating it.
    #[error("it is outside of the time that is allowed")]
    Stale,
    /// It is meant for another account, application or mode.
    #[error("its `{field}` is somebody else's")]
    NotOurs {
        /// The field that says so.
        field: &'static str,
    },
    /// It contradicts the order that it names.
    #[error("its `{field}` is not what was ordered")]
    Mismatch {
        /// The field that does.
        field: &'static str,
    },
}

/// An error of payments.
///
/// Texts that a provider or a sender wrote are left out, but for error codes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PaymentError {
    /// A provider cannot be made from its configuration.
    #[error("{provider}: `{field}` {fault}")]
    Config {
        /// The provider's name.
        provider: &'static str,
        /// The field of its configuration.
        field: &'static str,
        /// What is wrong with it.
        fault: ConfigFault,
    },
    /// An order is not one that the provider takes.
    #[error("the order's `{field}` {reason}")]
    Order {
        /// The field of [`NewOrder`](crate::NewOrder).
        field: &'static str,
        /// Why, as the end of a sentence.
        reason: &'static str,
    },
    /// No HTTP client can be made, or no request can be signed.
    #[error("no request to {provider} can be made")]
    Client {
        /// The provider's name.
        provider: &'static str,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The connection failed.
    #[error("the connection to {provider} failed")]
    Connection {
        /// The provider's name.
        provider: &'static str,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The provider did not answer in time. Whether it made the order is unknown; asking again is safe.
    #[error("{provider} did not answer within {after:?}")]
    Timeout {
        /// The provider's name.
        provider: &'static str,
        /// After how long.
        after: Duration,
    },
    /// The provider answered with an error.
    #[error("{provider} answered with status {status} ({})", code.as_deref().unwrap_or("no code"))]
    Refused {
        /// The provider's name.
        provider: &'static str,
        /// The HTTP status.
        status: u16,
        /// The provider's code of the error.
        code: Option<String>,
    },
    /// The provider's answer is not what its documents say.
    #[error("the answer of {provider} cannot be used: `{field}` is missing or odd")]
    Answer {
        /// The provider's name.
        provider: &'static str,
        /// The part of the answer that is at fault.
        field: &'static str,
    },
    /// A notification is not what it claims to be.
    #[error("the notification of {provider} is not believed: {forgery}")]
    Forged {
        /// The provider's name.
        provider: &'static str,
        /// Why not.
        forgery: Forgery,
    },
    /// A notification lacks what every one has, or something in it is odd.
    #[error("the notification of {provider} cannot be used: `{field}` is missing or odd")]
    Malformed {
        /// The provider's name.
        provider: &'static str,
        /// The part of it that is at fault.
        field: &'static str,
    },
}

impl Classify for PaymentError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Config { .. } | Self::Client { .. } => ErrorKind::Internal,
            Self::Order { .. } | Self::Malformed { .. } => ErrorKind::InvalidRequest,
            Self::Connection { .. } | Self::Refused { .. } | Self::Answer { .. } => ErrorKind::BadGateway,
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::Forged { .. } => ErrorKind::Unauthenticated,
        }
    }

    fn param(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Order { field, .. } => Some(Cow::Borrowed(field)),
            Self::Config { .. }
            | Self::Client { .. }
            | Self::Connection { .. }
            | Self::Timeout { .. }
            | Self::Refused { .. }
            | Self::Answer { .. }
            | Self::Forged { .. }
            | Self::Malformed { .. } => None,
        }
    }
}

/// The error of a configuration's field that is empty or that fails `fits`.
pub(crate) fn field(
    provider: &'static str,
    field: &'static str,
    value: &str,
    expected: &'static str,
    fits: impl FnOnce(&str) -> bool,
) -> Result<(), PaymentError> {
    if value.trim().is_empty() {
        return Err(PaymentError::Config { provider, field, fault: ConfigFault::Missing });
    }
    if fits(value) { Ok(()) } else { Err(malformed_field(provider, field, expected)) }
}

pub(crate) fn malformed_field(
    provider: &'static str,
    field: &'static str,
    expected: &'static str,
) -> PaymentError {
    PaymentError::Config { provider, field, fault: ConfigFault::Malformed { expected } }
}

/// A provider's error code, if it is short and plain enough to be one rather than a text.
pub(crate) fn code(text: Option<&str>) -> Option<String> {
    text.filter(|text| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
    })
    .map(str::to_owned)
}
