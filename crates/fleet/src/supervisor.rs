//! One worker's life: wanted, started, watched, started again.

use std::sync::Arc;
use std::time::Duration;

use tenfold_engine::{AdapterSpec, Engine};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::deployment::{ModelTarget, Target};
use crate::error::{FleetError, LaunchError};
use crate::fleet::Shared;
use crate::pool::Pool;
use crate::ports::{WorkerProcess, WorkerSpec};
use crate::replica::ReplicaState;
use crate::{adapters, backoff};

/// A worker that lived so long has shown that it can: the next death is the first again.
const LONG_LIFE: Duration = Duration::from_mins(1);
/// Between two looks at whether a starting worker is ready.
const READY_INTERVAL: Duration = Duration::from_millis(50);
/// Between two looks for memory for a worker that is to run unasked.
const MEMORY_INTERVAL: Duration = Duration::from_secs(30);
/// Between two looks at a worker that is in doubt.
const DOUBT_INTERVAL: Duration = Duration::from_secs(1);

/// Keeps one slot of a pool alive, as a task.
#[derive(Debug)]
pub(crate) struct Supervisor {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) slot: usize,
}

/// Why a watched worker is no more.
enum End {
    /// It was asked to.
    Asked,
    /// By itself.
    Died(String),
}

impl Supervisor {
    /// Runs until the pool is closed. The worker is gone when this returns.
    pub(crate) async fn run(self) {
        let control = &self.pool.controls[self.slot];
        let mut is_wanted = self.pool.deployment().eager;
        loop {
            if !is_wanted {
                tokio::select! {
                    biased;
                    () = self.pool.closing.cancelled() => return,
                    () = control.wanted.notified() => {}
                }
                // Whoever wanted it may have left.
                if !self.pool.is_wanted() {
                    continue;
                }
            }
            if self.pool.closing.is_cancelled() {
                return;
            }
            let deployment = self.pool.deployment();
            let Target::Model(model) = &deployment.target else { return };
            let lived = match self.start(model).await {
                Ok((process, engine)) => match self.live(process, engine.as_ref()).await {
                    Ok(()) => {
                        // A call may have come between the decision to stop and now.
                        is_wanted = self.pool.is_wanted();
                        continue;
                    }
                    Err(lived) => Some(lived),
                },
                Err(FleetError::ShuttingDown) => return,
                Err(error @ FleetError::OutOfMemory { .. }) => {
                    // The worker is not at fault: the next call looks again at once.
                    self.log_failed_start(&error);
                    self.pool.gone(self.slot, ReplicaState::Stopped, false);
                    self.pool.refuse_waiting(&error);
                    is_wanted = self.pool.deployment().eager && self.memory_may_have_come().await;
                    continue;
                }
                Err(error) => {
                    self.log_failed_start(&error);
                    self.pool.gone(self.slot, ReplicaState::BackingOff, false);
                    self.pool.refuse_waiting(&error);
                    None
                }
            };
            let wait = self.rest_after(lived);
            tokio::select! {
                biased;
                () = self.pool.closing.cancelled() => return,
                () = sleep(wait) => {}
            }
            self.pool.rested(self.slot);
            // What ran is to run again; what never started, only for somebody.
            is_wanted = lived.is_some() || self.pool.deployment().eager || self.pool.is_wanted();
        }
    }

    /// Waits until it is worth looking for memory again for a worker that is to run unasked.
    async fn memory_may_have_come(&self) -> bool {
        tokio::select! {
            biased;
            () = self.pool.closing.cancelled() => {}
            () = self.pool.controls[self.slot].wanted.notified() => {}
            () = sleep(MEMORY_INTERVAL) => {}
        }
        true
    }

    fn rest_after(&self, lived: Option<Duration>) -> Duration {
        let failures = match lived {
            Some(lived) => self.pool.gone(self.slot, ReplicaState::BackingOff, lived >= LONG_LIFE),
            None => self.pool.failures_in_row(self.slot),
        };
        let labels = [("deployment", self.pool.deployment().name.to_string())];
        metrics::counter!("tenfold_worker_failures_total", &labels).increment(1);
        backoff::after(failures)
    }

    fn log_failed_start(&self, error: &FleetError) {
        let source = std::error::Error::source(error).map(ToString::to_string);
        tracing::warn!(deployment = %self.pool.deployment().name, %error, source, "a worker did not start");
    }

    /// Finds memory, starts the process, and waits until it answers.
    async fn start(
        &self,
        model: &ModelTarget,
    ) -> Result<(Box<dyn WorkerProcess>, Arc<dyn Engine>), FleetError> {
        self.shared.admit(&self.pool, self.slot, model).await?;
        let started = Instant::now();
        let failed = |source| {
            if matches!(source, LaunchError::CalledOff) {
                return FleetError::ShuttingDown;
            }
            FleetError::Launch { name: Arc::clone(&self.pool.deployment().name), source: Arc::new(source) }
        };
        let spec = self.spec(model);
        let mut process = self.shared.ports.launcher.launch(&spec).await.map_err(failed)?;
        self.pool.set_pid(self.slot, process.pid());
        match self.until_ready(process.as_mut()).await {
            Ok((engine, places)) => {
                tracing::info!(
                    deployment = %self.pool.deployment().name,
                    pid = process.pid(),
                    duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                    "worker is ready"
                );
                self.pool.ready(self.slot, Arc::clone(&engine), places);
                adapters::catch_up(&self.pool, engine.as_ref(), &spec.adapters).await;
                Ok((process, engine))
            }
            Err(error) => {
                process.stop(Duration::ZERO).await;
                if matches!(error, LaunchError::CalledOff) {
                    self.pool.gone(self.slot, ReplicaState::Stopped, false);
                }
                Err(failed(error))
            }
        }
    }

    async fn until_ready(
        &self,
        process: &mut dyn WorkerProcess,
    ) -> Result<(Arc<dyn Engine>, Option<u32>), LaunchError> {
        let engine = self
            .shared
            .ports
            .connector
            .worker(process.socket())
            .map_err(|source| LaunchError::Connect { source })?;
        let asking = async {
            loop {
                if let Ok(info) = engine.info().await {
                    return info.max_concurrency;
                }
                sleep(READY_INTERVAL).await;
            }
        };
        let after = self.shared.config.launch_timeout;
        let places = tokio::select! {
            biased;
            () = self.pool.closing.cancelled() => return Err(LaunchError::CalledOff),
            reason = process.exited() => return Err(LaunchError::Exited { reason }),
            answer = timeout(after, asking) => answer.map_err(|_| LaunchError::NotReady { after })?,
        };
        Ok((engine, places))
    }

    /// Watches a ready worker to its end. `Err` says how long it lived before it died by itself.
    async fn live(&self, mut process: Box<dyn WorkerProcess>, engine: &dyn Engine) -> Result<(), Duration> {
        let born = Instant::now();
        let end = self.watch(process.as_mut(), engine).await;
        if let End::Died(reason) = end
            && !self.pool.is_stopping(self.slot)
        {
            tracing::warn!(deployment = %self.pool.deployment().name, reason, "worker died");
            process.stop(Duration::ZERO).await;
            return Err(born.elapsed());
        }
        if self.pool.closing.is_cancelled() {
            self.drain(process.as_mut()).await;
        }
        self.pool.stopping(self.slot);
        process.stop(self.shared.config.stop_grace).await;
        drop(process);
        self.pool.gone(self.slot, ReplicaState::Stopped, false);
        Ok(())
    }

    /// Lets the calls of a closed pool end, while the time for it lasts.
    async fn drain(&self, process: &mut dyn WorkerProcess) {
        let drained = async {
            while self.pool.in_flight(self.slot) > 0 {
                self.pool.controls[self.slot].drained.notified().await;
            }
        };
        tokio::select! {
            _ = timeout(self.shared.config.drain_timeout, drained) => {}
            _ = process.exited() => {}
        }
    }

    async fn watch(&self, process: &mut dyn WorkerProcess, engine: &dyn Engine) -> End {
        let config = &self.shared.config;
        let control = &self.pool.controls[self.slot];
        let mut looks = interval(config.health_interval);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut missed = 0;
        loop {
            tokio::select! {
                biased;
                () = self.pool.closing.cancelled() => return End::Asked,
                () = control.retire.notified() => {
                    // Meant for an incarnation that died before it could be asked, if this one is not stopping.
                    if self.pool.is_stopping(self.slot) {
                        return End::Asked;
                    }
                    continue;
                }
                reason = process.exited() => return End::Died(reason),
                () = control.suspect.notified() => {}
                () = sleep(DOUBT_INTERVAL), if missed > 0 => {}
                _ = looks.tick() => {}
            }
            let is_well = tokio::select! {
                biased;
                reason = process.exited() => return End::Died(reason),
                answer = timeout(config.health_timeout, engine.info()) => matches!(answer, Ok(Ok(_))),
            };
            if is_well {
                missed = 0;
                let memory_bytes =
                    process.pid().and_then(|pid| self.shared.ports.machine.resident_bytes(pid));
                self.pool.confirm(self.slot, memory_bytes);
            } else {
                missed += 1;
                if missed >= config.health_failures {
                    return End::Died(format!("it did not say that it lives {missed} times in a row"));
                }
            }
            if let Some(idle) = self.pool.deployment().idle_timeout
                && self.pool.retire(self.slot, idle).is_some()
            {
                return End::Asked;
            }
        }
    }

    fn spec(&self, model: &ModelTarget) -> WorkerSpec {
        let deployment = self.pool.deployment();
        WorkerSpec {
            deployment: deployment.name.as_ref().to_owned(),
            model: model.model.clone(),
            version: deployment.version.as_ref().to_owned(),
            path: model.path.clone(),
            context_length: model.context_length,
            max_concurrency: deployment.max_concurrency,
            chat_template: model.chat_template.clone(),
            adapters: model.adapters.iter().map(AdapterSpec::from).collect(),
        }
    }
}
