//! The service and what it is made of.

use std::sync::Arc;
use std::time::Duration;

use tenfold_billing::Billing;
use tenfold_fleet::Fleet;
use tenfold_kernel::{Clock, Rng};
use tokio_util::task::TaskTracker;

use crate::ports::{IdempotencyStore, ResponseStore};
use crate::responses::BackgroundResponses;

/// Limits of serving.
#[derive(Debug, Clone)]
pub struct Config {
    /// How long an answer is kept for the same `Idempotency-Key`.
    pub idempotency_ttl: Duration,
    /// The largest answer that is kept for it, in bytes; a larger one is served but cannot be repeated.
    pub idempotency_limit_bytes: usize,
    /// How many earlier responses a chain of `previous_response_id` may have.
    pub response_chain_limit: usize,
}

/// The way of one call.
#[derive(Debug)]
pub struct Serving {
    pub(crate) config: Config,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) billing: Arc<Billing>,
    pub(crate) responses: Arc<dyn ResponseStore>,
    pub(crate) idempotency: Arc<dyn IdempotencyStore>,
    pub(crate) background: Arc<dyn BackgroundResponses>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) tracker: TaskTracker,
}

/// What [`Serving::new`] plugs together.
#[derive(Debug)]
pub struct Parts {
    /// Deployments and replicas.
    pub fleet: Arc<Fleet>,
    /// Limits, prices and the event log.
    pub billing: Arc<Billing>,
    /// Stored responses.
    pub responses: Arc<dyn ResponseStore>,
    /// Answers kept for repeats.
    pub idempotency: Arc<dyn IdempotencyStore>,
    /// The queue of background responses.
    pub background: Arc<dyn BackgroundResponses>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// Where recordings run that outlive their request.
    pub tracker: TaskTracker,
}

impl Serving {
    /// Plugs the parts together.
    pub fn new(config: Config, parts: Parts) -> Self {
        let Parts { fleet, billing, responses, idempotency, background, clock, rng, tracker } = parts;
        Self { config, fleet, billing, responses, idempotency, background, clock, rng, tracker }
    }
}
