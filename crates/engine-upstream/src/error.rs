//! Why an upstream's answer is no answer: the sources of an [`EngineError`](tenfold_engine::EngineError).

use tenfold_kernel::BoxError;

/// Why an upstream cannot be used, or why its answer is no answer.
///
/// Texts that the upstream wrote are left out: they may repeat a prompt, and sources are logged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// No client can be made for the address.
    #[error("no client can be made for the upstream's address")]
    Client {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The connection failed.
    #[error("the connection to the upstream failed")]
    Connection {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// It answered with an error of its own.
    #[error("the upstream answered with status {status}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The error's `code` or `type`.
        code: Option<String>,
    },
    /// It sent an error in the middle of a stream.
    #[error("the upstream ended its stream with an error")]
    Event {
        /// The error's `code` or `type`.
        code: Option<String>,
    },
    /// Its answer is no JSON of the expected shape.
    #[error("the upstream's answer cannot be read")]
    Unreadable {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// Its answer is larger than allowed.
    #[error("the upstream's answer is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// A stream was asked for and something else came.
    #[error("the upstream answered without a stream")]
    NoStream,
    /// The stream ended before the answer did.
    #[error("the upstream's stream ended in the middle")]
    CutShort,
}
