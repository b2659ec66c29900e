//! Runs jobs: claims them, renews their leases, ends them.

use std::collections::HashMap;
use std::fmt::Debug;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::FutureExt;
use serde_json::Value;
use tenfold_kernel::{BoxError, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::JobError;
use crate::job::{Job, Outcome};
use crate::service::Jobs;

/// The longest error text that is kept, in characters.
const MAX_ERROR: usize = 2_000;

/// Does the work of one kind of job.
#[async_trait]
pub trait Handler: Send + Sync + Debug {
    /// Does the work. It may have been done before, in part or whole, by a run whose process died.
    ///
    /// When `stop` is cancelled (the job was cancelled, the lease was lost, or the process has to end) the work
    /// should end soon; after [`Config::stop_grace`] the future is dropped.
    ///
    /// # Errors
    /// [`HandlerError`] says whether another try may help.
    async fn run(&self, job: &Job, stop: CancellationToken) -> Result<Value, HandlerError>;
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// Another try may help.
    #[error("{0}")]
    Retry(#[source] BoxError),
    /// It will always fail.
    #[error("{0}")]
    Permanent(#[source] BoxError),
}

/// How jobs are run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Jobs at a time.
    pub concurrency: usize,
    /// How long a runner that is silent is taken to be alive. Renewed three times as often.
    pub lease: Duration,
    /// How often to look for jobs that another process queued, or that are due.
    pub poll: Duration,
    /// Failures after which a job is given up.
    pub max_failures: i64,
    /// The wait after the first failure; it doubles with each.
    pub backoff: Duration,
    /// The longest wait between two tries.
    pub max_backoff: Duration,
    /// How long a handler may go on after it was told to stop.
    pub stop_grace: Duration,
    /// How long a job that ended is kept.
    pub retention: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            concurrency: 8,
            lease: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            max_failures: 3,
            backoff: Duration::from_secs(5),
            max_backoff: Duration::from_mins(10),
            stop_grace: Duration::from_secs(5),
            retention: Duration::from_hours(30 * 24),
        }
    }
}

/// Runs the jobs whose kinds it has handlers for.
#[derive(Debug)]
pub struct Runner {
    jobs: Arc<Jobs>,
    config: Config,
    handlers: HashMap<String, Arc<dyn Handler>>,
}

impl Runner {
    /// A runner of `jobs` with a handler for each kind.
    pub fn new(jobs: Arc<Jobs>, config: Config, handlers: HashMap<String, Arc<dyn Handler>>) -> Self {
        Self { jobs, config, handlers }
    }

    /// Runs jobs until `shutdown`; then tells handlers to stop, gives their jobs back and returns.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let tracker = TaskTracker::new();
        let places = Arc::new(Semaphore::new(self.config.concurrency.max(1)));
        let mut forgotten: Option<Instant> = None;
        while !shutdown.is_cancelled() {
            let Some(place) = self.place(&places, &shutdown).await else { break };
            match self.claim().await {
                Ok(Some(job)) => {
                    tracker.spawn(self.clone().run_job(job, shutdown.clone(), place));
                    continue;
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "jobs cannot be claimed");
                }
            }
            drop(place);
            self.forget(&mut forgotten).await;
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.jobs.wake.notified() => {}
                () = tokio::time::sleep(self.config.poll) => {}
            }
        }
        tracker.close();
        tracker.wait().await;
    }

    async fn place(
        &self,
        places: &Arc<Semaphore>,
        shutdown: &CancellationToken,
    ) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            () = shutdown.cancelled() => None,
            place = places.clone().acquire_owned() => place.ok(),
        }
    }

    fn lease_until(&self) -> Timestamp {
        self.jobs.clock.now().plus(self.config.lease)
    }

    async fn claim(&self) -> Result<Option<Job>, JobError> {
        let kinds: Vec<&str> = self.handlers.keys().map(String::as_str).collect();
        self.jobs.store.claim(&kinds, self.jobs.clock.now(), self.lease_until()).await
    }

    /// Removes what ended long ago, about once an hour.
    async fn forget(&self, last: &mut Option<Instant>) {
        let monotonic = self.jobs.clock.monotonic();
        if last.is_some_and(|at| monotonic.saturating_duration_since(at) < Duration::from_hours(1)) {
            return;
        }
        *last = Some(monotonic);
        let retention = i64::try_from(self.config.retention.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp(self.jobs.clock.now().0.saturating_sub(retention));
        if let Err(error) = self.jobs.store.forget(before).await {
            tracing::error!(error = &error as &dyn std::error::Error, "old jobs cannot be removed");
        }
    }

    async fn run_job(self: Arc<Self>, job: Job, shutdown: CancellationToken, place: OwnedSemaphorePermit) {
        let stop = shutdown.child_token();
        self.jobs.running.lock().insert(job.id.clone(), stop.clone());
        let outcome = self.attempt(&job, &stop, &shutdown).await;
        if let Some(outcome) = outcome {
            self.finish(&job, &outcome).await;
        }
        self.jobs.running.lock().remove(&job.id);
        drop(place);
        // There may be more that waited for the place.
        self.jobs.wake.notify_one();
    }

    /// Runs the handler while the lease holds. Nothing when the claim was lost.
    async fn attempt(
        &self,
        job: &Job,
        stop: &CancellationToken,
        shutdown: &CancellationToken,
    ) -> Option<Outcome> {
        if job.failures >= self.config.max_failures {
            // The last run ended in a crash, and so might every other.
            let error = format!("given up after {} failures, the last without a word", job.failures);
            return Some(Outcome::Failed { error });
        }
        let Some(handler) = self.handlers.get(&job.kind) else { return Some(Outcome::Released) };
        let work = AssertUnwindSafe(handler.run(job, stop.clone())).catch_unwind();
        tokio::pin!(work);
        let done = loop {
            tokio::select! {
                done = &mut work => break Some(done),
                () = stop.cancelled() => {
                    // `timeout` drops nothing: the pinned future is dropped at the end of this function.
                    break tokio::time::timeout(self.config.stop_grace, &mut work).await.ok();
                }
                () = tokio::time::sleep(self.config.lease / 3) => {
                    match self.jobs.store.extend(&job.id, job.attempts, self.lease_until()).await {
                        Ok(true) => {}
                        Ok(false) => stop.cancel(),
                        // The next one may succeed, and until then the lease may hold.
                        Err(error) => {
                            tracing::warn!(job = %job.id, error = &error as &dyn std::error::Error, "a lease cannot be renewed");
                        }
                    }
                }
            }
        };
        match done {
            Some(Ok(Ok(result))) => Some(Outcome::Succeeded { result }),
            Some(Ok(Err(_))) | None if shutdown.is_cancelled() => Some(Outcome::Released),
            // Told to stop for another reason: it was cancelled, or somebody else has it.
            None => None,
            Some(Ok(Err(HandlerError::Permanent(error)))) => {
                Some(Outcome::Failed { error: written(&*error) })
            }
            Some(Ok(Err(HandlerError::Retry(error)))) => Some(self.retry(job, written(&*error))),
            Some(Err(_)) => Some(self.retry(job, "the handler panicked".to_owned())),
        }
    }

    fn retry(&self, job: &Job, error: String) -> Outcome {
        let failures = job.failures + 1;
        if failures >= self.config.max_failures {
            return Outcome::Failed { error };
        }
        let doublings = u32::try_from(job.failures.clamp(0, 20)).unwrap_or(0);
        let wait = self.config.backoff.saturating_mul(1 << doublings).min(self.config.max_backoff);
        Outcome::Retry { error, run_after: self.jobs.clock.now().plus(wait) }
    }

    async fn finish(&self, job: &Job, outcome: &Outcome) {
        match self.jobs.store.finish(&job.id, job.attempts, outcome, self.jobs.clock.now()).await {
            Ok(true) => {}
            Ok(false) => tracing::info!(job = %job.id, kind = job.kind, "a job was cancelled or taken over"),
            // Its lease will run out, and it is run once more.
            Err(error) => {
                tracing::error!(job = %job.id, error = &error as &dyn std::error::Error, "a job cannot be finished");
            }
        }
    }
}

/// An error with its sources on one line, no longer than what is kept.
fn written(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text.chars().take(MAX_ERROR).collect()
}
