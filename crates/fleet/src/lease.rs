//! A place on a replica, for one call.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tenfold_engine::Engine;
use tenfold_kernel::ReplicaId;

use crate::pool::Pool;

/// A place on a replica, for one call. Dropping it gives the place to the next call.
#[derive(Debug)]
pub struct Lease {
    /// Which replica.
    pub replica: ReplicaId,
    /// Its engine.
    pub engine: Arc<dyn Engine>,
    /// What the engine calls the model.
    pub engine_model: String,
    /// How long the call waited.
    pub queued: Duration,
    /// The machine that the replica runs on.
    pub node: Arc<str>,
    pub(crate) place: Place,
}

impl Lease {
    /// Says that the replica failed this call in a way that others would meet too.
    pub fn failed(&self) {
        self.place.pool.suspect(&self.replica);
    }
}

/// The place itself: given back when it is dropped.
pub(crate) struct Place {
    pub(crate) pool: Arc<Pool>,
    pub(crate) slot: usize,
    /// Which incarnation of the slot's replica: a place on a worker that died is not a place on the next.
    pub(crate) generation: u64,
    pub(crate) taken_at: Instant,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.pool.release(self);
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("slot", &self.slot)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}
