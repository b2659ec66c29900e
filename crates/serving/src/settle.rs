//! Settlement: from the moment a replica has the call, something is owed, and it is recorded however it ends.

use std::sync::Arc;
use std::time::Instant;

use tenfold_billing::{Billing, BillingError, CallStatus, Event, Quote, Reservation};
use tenfold_fleet::Lease;
use tenfold_kernel::{Clock, Units};
use tenfold_protocol::usage::Usage;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::ServingError;

/// How the counts of a protocol become units.
pub(crate) type ToUnits = fn(&Usage) -> Units;

/// What a settlement is opened with.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) billing: Arc<Billing>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tracker: TaskTracker,
    pub(crate) quote: Quote,
    pub(crate) reservation: Reservation,
    pub(crate) event: Event,
    pub(crate) started: Instant,
    pub(crate) to_units: ToUnits,
}

/// The open account of one call. Dropping it records that the client left.
#[derive(Debug)]
pub(crate) struct Settlement {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    opening: Opening,
    usage: Option<Usage>,
    /// The replica's place, given back when the account is closed.
    lease: Option<Lease>,
}

impl Settlement {
    /// Opens the account of a call that `lease`'s replica works on.
    pub(crate) fn open(opening: Opening, lease: Lease) -> Self {
        Self { open: Some(Open { opening, usage: None, lease: Some(lease) }) }
    }

    /// Takes the account back from a replica that failed before it said anything, for another to try.
    pub(crate) fn reopen(mut self) -> Option<Opening> {
        self.open.take().map(|open| open.opening)
    }

    /// Tells the fleet that the replica failed, so that the next call does not go there.
    pub(crate) fn replica_failed(&self) {
        if let Some(lease) = self.open.as_ref().and_then(|open| open.lease.as_ref()) {
            lease.failed();
        }
    }

    /// Takes note of a part of the answer. Counts replace earlier ones: they are running totals.
    pub(crate) fn observe(&mut self, usage: Option<&Usage>, has_output: bool) {
        let Some(open) = &mut self.open else { return };
        if let Some(usage) = usage {
            open.usage = Some(usage.clone());
        }
        if has_output && open.opening.event.first_token_ms.is_none() {
            open.opening.event.first_token_ms = Some(open.opening.elapsed_ms());
        }
    }

    /// Closes the account. The future is done when the event is durable; the recording goes on if it is dropped.
    pub(crate) fn finish(
        mut self,
        status: CallStatus,
        error_code: Option<String>,
    ) -> impl Future<Output = Result<(), ServingError>> + Send + 'static {
        let recording = self.open.take().map(|open| open.record(status, error_code));
        async move {
            match recording {
                Some(task) => match task.await {
                    Ok(recorded) => Ok(recorded?),
                    Err(panicked) => Err(ServingError::Store(Box::new(panicked))),
                },
                None => Ok(()),
            }
        }
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            drop(open.record(CallStatus::ClientGone, None));
        }
    }
}

impl Open {
    /// Writes the event, in a task of its own: a client that leaves now must not take it along.
    fn record(self, status: CallStatus, error_code: Option<String>) -> JoinHandle<Result<(), BillingError>> {
        let Self { opening, usage, lease } = self;
        drop(lease);
        // A request that the replica refused used nothing; of one that broke off, nobody said what it used.
        let units = match (&usage, status) {
            (Some(usage), _) => Some((opening.to_units)(usage)),
            (None, CallStatus::Rejected) => Some(Units::new()),
            (None, _) => None,
        };
        let tracker = opening.tracker.clone();
        tracker.spawn(opening.record(status, error_code, units))
    }
}

impl Opening {
    /// Writes the event. `units` that are absent are unknown, and so is the cost then.
    pub(crate) async fn record(
        self,
        status: CallStatus,
        error_code: Option<String>,
        units: Option<Units>,
    ) -> Result<(), BillingError> {
        let event = Event {
            duration_ms: self.elapsed_ms(),
            completed_at: self.clock.now(),
            status,
            error_code,
            cost: self.quote.cost(units.as_ref())?,
            usage_known: units.is_some(),
            units: units.unwrap_or_default(),
            ..self.event
        };
        self.billing.settle(self.reservation, event).await
    }

    fn elapsed_ms(&self) -> u64 {
        let elapsed = self.clock.monotonic().saturating_duration_since(self.started);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}
