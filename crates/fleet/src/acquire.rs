//! Taking a place on a replica.

use std::sync::Arc;

use tenfold_kernel::ReplicaId;
use tokio::time::{Instant, timeout};

use crate::deployment::Deployment;
use crate::error::FleetError;
use crate::fleet::Fleet;
use crate::lease::Lease;
use crate::pool::{Entry, Pool};

impl Fleet {
    /// Takes a place on one of the deployment's replicas: the least loaded one that is not in `excluded`.
    ///
    /// Waits in the deployment's queue, first come first served, while all places are taken, at most for its
    /// `queue_timeout`; while none of its workers runs, one is started and waited for at most for the launch's
    /// limit. A caller who is dropped while it waits leaves the queue and changes nothing for the others.
    ///
    /// # Errors
    /// [`FleetError`]: the queue is full, or nothing came in time, or nothing can come.
    pub async fn acquire(
        &self,
        deployment: &Deployment,
        excluded: &[ReplicaId],
    ) -> Result<Lease, FleetError> {
        let pool = self
            .pool(&deployment.name)
            .filter(|pool| pool.deployment().id == deployment.id)
            .ok_or_else(|| FleetError::unknown(&deployment.name))?;
        let since = pool.clock.monotonic();
        let (mut receiver, ticket) = match pool.enter(excluded, since)? {
            Entry::Admitted(lease) => return Ok(lease),
            Entry::Queued(receiver, ticket) => (receiver, ticket),
        };
        let waiting = Waiting { pool: Arc::clone(&pool), ticket };
        let started = Instant::now();
        let mut limit = deployment.queue_timeout;
        let answer = loop {
            if let Ok(answer) = timeout(limit, &mut receiver).await {
                break answer.unwrap_or_else(|_| Err(pool.no_replica()));
            }
            let launch_left = self.launch_timeout().saturating_sub(started.elapsed());
            let error = if pool.is_ready_for(excluded) {
                pool.queue_timeout()
            } else if launch_left.is_zero() {
                pool.no_replica()
            } else {
                limit = launch_left;
                continue;
            };
            drop(waiting);
            // A place may have come in the moment between.
            break receiver.try_recv().unwrap_or(Err(error));
        };
        answer.map(|lease| Lease { queued: pool.clock.monotonic().saturating_duration_since(since), ..lease })
    }
}

/// A call in the queue: dropped, it leaves.
struct Waiting {
    pool: Arc<Pool>,
    ticket: u64,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.pool.leave(self.ticket);
    }
}
