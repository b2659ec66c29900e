//! The runner over an in-memory store, with a clock that moves when it is told to.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tenfold_jobs::memory::MemoryJobs;
use tenfold_jobs::{Config, Handler, HandlerError, Job, JobStatus, JobStore, Jobs, NewJob, Runner};
use tenfold_kernel::{Clock, JobId, MockClock, ProjectId, SeededRng, Timestamp};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What the handler does is told by the payload; what it did is counted.
#[derive(Debug)]
struct Worker {
    runs: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    stopped: AtomicUsize,
    /// Handlers of `wait` take a permit each to go on.
    gate: Semaphore,
}

#[async_trait]
impl Handler for Worker {
    #[expect(clippy::panic, reason = "a panic of a handler is what is tested")]
    async fn run(&self, job: &Job, stop: CancellationToken) -> Result<Value, HandlerError> {
        let run = self.runs.fetch_add(1, Ordering::SeqCst) + 1;
        match job.payload.as_str().unwrap() {
            "succeed" => Ok(json!({"run": run})),
            "fail" => Err(HandlerError::Permanent("it cannot be done".into())),
            "retry" => Err(HandlerError::Retry("not now".into())),
            "panic" => panic!("a handler that panics"),
            "wait" => {
                let at_once = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
                self.most_at_once.fetch_max(at_once, Ordering::SeqCst);
                let going_on = tokio::select! {
                    permit = self.gate.acquire() => { permit.unwrap().forget(); true }
                    () = stop.cancelled() => { self.stopped.fetch_add(1, Ordering::SeqCst); false }
                };
                self.at_once.fetch_sub(1, Ordering::SeqCst);
                if going_on { Ok(json!("done")) } else { Err(HandlerError::Retry("stopped".into())) }
            }
            "stubborn" => std::future::pending().await,
            other => Err(HandlerError::Permanent(other.into())),
        }
    }
}

struct World {
    clock: Arc<MockClock>,
    store: Arc<MemoryJobs>,
    jobs: Arc<Jobs>,
    worker: Arc<Worker>,
    config: Config,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(MockClock::new(Timestamp(1_000_000)));
        let store = Arc::new(MemoryJobs::default());
        let jobs = Arc::new(Jobs::new(store.clone(), clock.clone(), Arc::new(SeededRng::new(1))));
        let worker = Arc::new(Worker {
            runs: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            stopped: AtomicUsize::new(0),
            gate: Semaphore::new(0),
        });
        // Real time passes between looks alone; leases and back-off are on the clock that stands still.
        let config = Config {
            concurrency: 2,
            lease: Duration::from_millis(30),
            poll: Duration::from_millis(2),
            backoff: Duration::from_secs(10),
            stop_grace: Duration::from_millis(20),
            ..Config::default()
        };
        Self { clock, store, jobs, worker, config }
    }

    #[expect(clippy::disallowed_methods, reason = "a test that waits for its runner itself")]
    fn start(&self) -> (CancellationToken, JoinHandle<()>) {
        let handlers: HashMap<String, Arc<dyn Handler>> =
            [("work".to_owned(), self.worker.clone() as Arc<dyn Handler>)].into();
        let runner = Arc::new(Runner::new(self.jobs.clone(), self.config.clone(), handlers));
        let shutdown = CancellationToken::new();
        (shutdown.clone(), tokio::spawn(runner.run(shutdown)))
    }

    async fn enqueue(&self, what: &str) -> JobId {
        let new = NewJob {
            id: None,
            project: ProjectId::parse("proj_a").unwrap(),
            kind: "work".to_owned(),
            payload: json!(what),
            run_after: None,
        };
        self.jobs.enqueue(new).await.unwrap()
    }

    async fn when(&self, id: &JobId, holds: impl Fn(&Job) -> bool) -> Job {
        loop {
            let job = self.jobs.get(id).await.unwrap().unwrap();
            if holds(&job) {
                return job;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn until(&self, holds: impl Fn(&Worker) -> bool) {
        while !holds(&self.worker) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_job_runs_and_its_result_is_kept() {
    let w = World::new();
    let (shutdown, runner) = w.start();
    let id = w.enqueue("succeed").await;
    let job = w.when(&id, |job| job.status == JobStatus::Succeeded).await;
    assert_eq!((job.result, job.attempts, job.failures), (Some(json!({"run": 1})), 1, 0));
    assert_eq!(job.finished_at, Some(w.clock.now()));
    let id = w.enqueue("fail").await;
    let job = w.when(&id, |job| job.status.is_final()).await;
    assert_eq!((job.status, job.error.as_deref()), (JobStatus::Failed, Some("it cannot be done")));
    shutdown.cancel();
    runner.await.unwrap();
}

#[tokio::test]
async fn what_fails_is_tried_again_later_and_later_and_given_up_in_the_end() {
    for (what, error) in [("retry", "not now"), ("panic", "the handler panicked")] {
        let w = World::new();
        let (shutdown, runner) = w.start();
        let id = w.enqueue(what).await;
        let first = w.when(&id, |job| job.failures == 1).await;
        assert_eq!(
            (first.status, first.run_after),
            (JobStatus::Queued, w.clock.now().plus(w.config.backoff))
        );
        w.clock.advance(w.config.backoff);
        let second = w.when(&id, |job| job.failures == 2).await;
        assert_eq!(second.run_after, w.clock.now().plus(2 * w.config.backoff));
        w.clock.advance(2 * w.config.backoff);
        let job = w.when(&id, |job| job.status.is_final()).await;
        assert_eq!((job.status, job.error.as_deref(), job.attempts), (JobStatus::Failed, Some(error), 3));
        assert_eq!(w.worker.runs.load(Ordering::SeqCst), 3);
        shutdown.cancel();
        runner.await.unwrap();
    }
}

#[tokio::test]
async fn no_more_jobs_run_at_once_than_there_are_places() {
    let w = World::new();
    let (shutdown, runner) = w.start();
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(w.enqueue("wait").await);
    }
    w.until(|worker| worker.at_once.load(Ordering::SeqCst) == 2).await;
    w.worker.gate.add_permits(6);
    for id in &ids {
        w.when(id, |job| job.status == JobStatus::Succeeded).await;
    }
    assert_eq!(w.worker.most_at_once.load(Ordering::SeqCst), 2);
    shutdown.cancel();
    runner.await.unwrap();
}

#[tokio::test]
async fn a_cancelled_job_is_stopped_at_once() {
    let w = World::new();
    // Only the token can stop it this soon: the lease is not renewed within the test.
    let w = World { config: Config { lease: Duration::from_hours(1), ..w.config.clone() }, ..w };
    let (shutdown, runner) = w.start();
    let id = w.enqueue("wait").await;
    w.until(|worker| worker.at_once.load(Ordering::SeqCst) == 1).await;
    let job = w.jobs.cancel(&id).await.unwrap().unwrap();
    assert_eq!(job.status, JobStatus::Cancelled);
    w.until(|worker| worker.stopped.load(Ordering::SeqCst) == 1).await;
    shutdown.cancel();
    runner.await.unwrap();
    assert_eq!(w.jobs.get(&id).await.unwrap().unwrap().status, JobStatus::Cancelled);
}

#[tokio::test]
async fn a_job_cancelled_elsewhere_is_stopped_when_its_lease_is_renewed() {
    let w = World::new();
    let (shutdown, runner) = w.start();
    let id = w.enqueue("wait").await;
    w.until(|worker| worker.at_once.load(Ordering::SeqCst) == 1).await;
    // Past the service of this process, as another process would.
    w.store.cancel(&id, w.clock.now()).await.unwrap();
    w.until(|worker| worker.stopped.load(Ordering::SeqCst) == 1).await;
    shutdown.cancel();
    runner.await.unwrap();
}

#[tokio::test]
async fn a_lease_is_renewed_while_the_work_goes_on() {
    let w = World::new();
    let (shutdown, runner) = w.start();
    let id = w.enqueue("wait").await;
    let first = w.when(&id, |job| job.lease_until.is_some()).await;
    w.clock.advance(Duration::from_millis(20));
    w.when(&id, |job| job.lease_until > first.lease_until).await;
    w.worker.gate.add_permits(1);
    let job = w.when(&id, |job| job.status.is_final()).await;
    assert_eq!((job.status, job.attempts, job.failures), (JobStatus::Succeeded, 1, 0));
    shutdown.cancel();
    runner.await.unwrap();
}

#[tokio::test]
async fn a_job_whose_runner_died_is_taken_up_again_and_given_up_when_it_kills_every_time() {
    let w = World::new();
    let id = w.enqueue("succeed").await;
    // A runner that claims and is never heard of again.
    let dies = async |now: Timestamp| {
        w.store.claim(&["work"], now, now.plus(w.config.lease)).await.unwrap().unwrap();
    };
    dies(w.clock.now()).await;
    w.clock.advance(w.config.lease);
    let (shutdown, runner) = w.start();
    w.clock.advance(Duration::from_millis(1));
    let job = w.when(&id, |job| job.status.is_final()).await;
    assert_eq!((job.status, job.attempts, job.failures), (JobStatus::Succeeded, 2, 1));
    shutdown.cancel();
    runner.await.unwrap();

    let id = w.enqueue("succeed").await;
    for _ in 0..3 {
        dies(w.clock.now()).await;
        w.clock.advance(w.config.lease + Duration::from_millis(1));
    }
    let (shutdown, runner) = w.start();
    let job = w.when(&id, |job| job.status.is_final()).await;
    assert_eq!((job.status, job.failures), (JobStatus::Failed, 3));
    assert_eq!(w.worker.runs.load(Ordering::SeqCst), 1, "it is not run a fourth time");
    shutdown.cancel();
    runner.await.unwrap();
}

#[tokio::test]
async fn a_shutdown_gives_jobs_back_even_those_that_do_not_listen() {
    let w = World::new();
    let (shutdown, runner) = w.start();
    let ids = [w.enqueue("wait").await, w.enqueue("stubborn").await];
    w.until(|worker| worker.runs.load(Ordering::SeqCst) == 2).await;
    shutdown.cancel();
    runner.await.unwrap();
    for id in &ids {
        let job = w.jobs.get(id).await.unwrap().unwrap();
        assert_eq!((job.status, job.failures, job.lease_until), (JobStatus::Queued, 0, None));
    }
}
