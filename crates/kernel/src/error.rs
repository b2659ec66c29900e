//! Kinds of errors: closed, and the only thing that the HTTP edge needs to know of an error.

use std::borrow::Cow;
use std::time::Duration;

/// Any error, for the source of one of ours.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong, from the caller's side. Closed: the map to HTTP status lives in `tenfold-http` alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request is wrong and will stay wrong.
    InvalidRequest,
    /// Nobody known is calling.
    Unauthenticated,
    /// The caller may not do this.
    PermissionDenied,
    /// There is no such thing, or the caller may not know of it.
    NotFound,
    /// The request contradicts what is there.
    Conflict,
    /// The body is larger than allowed.
    PayloadTooLarge,
    /// A limit is reached, or every queue is full.
    TooManyRequests,
    /// It took too long.
    Timeout,
    /// It cannot be served now and may be later.
    Unavailable,
    /// A replica or an upstream failed.
    BadGateway,
    /// A fault of ours: the caller reads a request id and nothing else.
    Internal,
}

/// How an error presents itself at the edge.
pub trait Classify: std::error::Error {
    /// Its kind.
    fn kind(&self) -> ErrorKind;

    /// The machine-readable `code` of the OpenAI error body, such as `model_not_found`.
    fn code(&self) -> Option<Cow<'static, str>> {
        None
    }

    /// The name of the request's field that is at fault.
    fn param(&self) -> Option<Cow<'_, str>> {
        None
    }

    /// After how long a retry may succeed.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}
