//! Queueing, cancelling and looking at jobs.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tenfold_kernel::{Clock, JobId, Rng};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::error::JobError;
use crate::job::{Job, JobFilter, JobStatus, NewJob};
use crate::ports::JobStore;

/// The jobs of the platform.
#[derive(Debug)]
pub struct Jobs {
    pub(crate) store: Arc<dyn JobStore>,
    pub(crate) clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    /// Tells the runner of this process that there is work, before it looks by itself.
    pub(crate) wake: Notify,
    /// What runs in this process, to be stopped at once when it is cancelled here.
    pub(crate) running: Mutex<HashMap<JobId, CancellationToken>>,
}

impl Jobs {
    /// Jobs over `store`.
    pub fn new(store: Arc<dyn JobStore>, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self { store, clock, rng, wake: Notify::new(), running: Mutex::default() }
    }

    /// Queues a job. It is durable when this returns.
    ///
    /// # Errors
    /// [`JobError::Store`] when the database fails.
    pub async fn enqueue(&self, new: NewJob) -> Result<JobId, JobError> {
        let now = self.clock.now();
        let id = new.id.unwrap_or_else(|| JobId::generate(&*self.rng));
        let job = Job {
            id: id.clone(),
            project: new.project,
            kind: new.kind,
            payload: new.payload,
            status: JobStatus::Queued,
            attempts: 0,
            failures: 0,
            run_after: new.run_after.unwrap_or(now),
            lease_until: None,
            created_at: now,
            finished_at: None,
            error: None,
            result: None,
        };
        self.store.insert(&job).await?;
        self.wake.notify_one();
        Ok(id)
    }

    /// Stops a job that has not ended. In this process its handler is told at once, in another one when that
    /// renews its lease. Returns the job as it then stands, or nothing when there is none.
    ///
    /// # Errors
    /// [`JobError::Store`] when the database fails.
    pub async fn cancel(&self, id: &JobId) -> Result<Option<Job>, JobError> {
        let job = self.store.cancel(id, self.clock.now()).await?;
        if job.as_ref().is_some_and(|job| job.status == JobStatus::Cancelled)
            && let Some(token) = self.running.lock().get(id)
        {
            token.cancel();
        }
        Ok(job)
    }

    /// The job, if there is one.
    ///
    /// # Errors
    /// [`JobError::Store`] when the database fails.
    pub async fn get(&self, id: &JobId) -> Result<Option<Job>, JobError> {
        self.store.get(id).await
    }

    /// At most `limit` jobs, newest first, those after the job `after`.
    ///
    /// # Errors
    /// [`JobError::Store`] when the database fails.
    pub async fn list(
        &self,
        filter: &JobFilter,
        after: Option<&JobId>,
        limit: u32,
    ) -> Result<Vec<Job>, JobError> {
        self.store.list(filter, after, limit).await
    }
}
