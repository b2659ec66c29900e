//! What jobs need of a store.

use std::fmt::Debug;

use async_trait::async_trait;
use tenfold_kernel::{JobId, Timestamp};

use crate::error::JobError;
use crate::job::{Job, JobFilter, Outcome};

/// Where jobs are kept. Every method fails with [`JobError::Store`] when the database does.
#[async_trait]
pub trait JobStore: Send + Sync + Debug {
    /// Writes a job that is durable when this returns. Tells whether it is new: one with the same id stays as it
    /// is.
    ///
    /// # Errors
    /// [`JobError::Store`].
    async fn insert(&self, job: &Job) -> Result<bool, JobError>;

    /// Takes the job of one of `kinds` that has waited longest and may run at `now`, or whose lease has run out,
    /// and makes it running with a lease until `lease_until`. Atomic: of two that claim at once, in two processes
    /// too, each job goes to one. A lease that has run out counts as a failure.
    ///
    /// # Errors
    /// [`JobError::Store`].
    async fn claim(
        &self,
        kinds: &[&str],
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<Job>, JobError>;

    /// Renews the lease of the claim `attempt`. `false` when the claim is lost: the job was cancelled, or taken
    /// up by another runner.
    ///
    /// # Errors
    /// [`JobError::Store`].
    async fn extend(&self, id: &JobId, attempt: i64, lease_until: Timestamp) -> Result<bool, JobError>;

    /// Ends the claim `attempt`. `false`, and nothing is changed, when the claim is lost.
    ///
    /// # Errors
    /// [`JobError::Store`].
    async fn finish(
        &self,
        id: &JobId,
        attempt: i64,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<bool, JobError>;

    /// Makes a job cancelled that has not ended. Returns the job as it then stands, or nothing when there is none.
    ///
    /// # Errors
    /// [`JobError::Store`].
    async fn cancel(&self, id: &JobId, now: Timestamp) -> Result<Option<Job>, JobError>;

    /// The job, if there is one.
    ///
    /// # Errors
    /// [`JobError::Store`].
    async fn get(&self, id: &JobId) -> Result<Option<Job>, JobError>;

    /// At most `limit` jobs, newest first, those after the job `after`. Nothing when there is no job `after`.
    ///
    /// # Errors
    /// [`JobError::Store`].
    async fn list(&self, filter: &JobFilter, after: Option<&JobId>, limit: u32)
    -> Result<Vec<Job>, JobError>;

    /// Removes jobs that ended before `before`, and tells how many.
    ///
    /// # Errors
    /// [`JobError::Store`].
    async fn forget(&self, before: Timestamp) -> Result<u64, JobError>;
}
