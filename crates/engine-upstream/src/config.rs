//! Where an upstream is, and how long and how much we take from it.

use std::path::PathBuf;
use std::time::Duration;

use tenfold_kernel::Secret;
use url::Url;

/// One upstream.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it is.
    pub address: Address,
    /// How long we wait.
    pub timeouts: Timeouts,
    /// How much we take.
    pub limits: Limits,
}

/// Where an upstream is.
#[derive(Debug, Clone)]
pub enum Address {
    /// One of our own workers: it has the routes `/health`, `/tokenize` and `/adapters` besides.
    Worker {
        /// Its Unix socket.
        socket: PathBuf,
    },
    /// A server of somebody else's.
    Remote {
        /// What comes before `/chat/completions`, such as `https://api.example.com/v1`.
        base_url: Url,
        /// Sent as a bearer token.
        api_key: Option<Secret>,
    },
}

/// How long we wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the connection.
    pub connect: Duration,
    /// For the next event of a stream, once one came: the first may wait for a queue and a long prompt.
    pub idle: Duration,
    /// For the whole answer.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), idle: Duration::from_mins(2), whole: Duration::from_mins(30) }
    }
}

/// How much we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of one event of a stream.
    pub event_bytes: usize,
    /// Of a whole answer.
    pub answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { event_bytes: 4 << 20, answer_bytes: 64 << 20 }
    }
}
