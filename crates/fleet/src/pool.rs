//! One deployment's replicas and the queue before them: the choice, under one short lock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard, RwLock};
use tenfold_engine::Engine;
use tenfold_kernel::{Clock, ReplicaId, Rng};
use tokio::sync::{Notify, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::backoff;
use crate::deployment::{Deployment, Target};
use crate::error::FleetError;
use crate::lease::{Lease, Place};
use crate::replica::{ReplicaState, ReplicaStatus};

/// One deployment at work.
#[derive(Debug)]
pub(crate) struct Pool {
    deployment: RwLock<Arc<Deployment>>,
    pub(crate) node: Arc<str>,
    pub(crate) clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    state: Mutex<PoolState>,
    /// One for each slot.
    pub(crate) controls: Vec<Control>,
    /// Set when the deployment is taken away or the fleet shut down.
    pub(crate) closing: CancellationToken,
}

/// How a slot's supervisor is spoken to, and what it says to others.
#[derive(Debug)]
pub(crate) struct Control {
    /// A call waits for the worker.
    pub(crate) wanted: Notify,
    /// The worker is to end; its slot is `Stopping` already.
    pub(crate) retire: Notify,
    /// A call failed on the worker.
    pub(crate) suspect: Notify,
    /// The last of a closed pool's calls has ended.
    pub(crate) drained: Notify,
    /// The generation whose process was last seen gone.
    pub(crate) gone: watch::Sender<u64>,
}

#[derive(Debug)]
struct PoolState {
    slots: Vec<Slot>,
    waiters: VecDeque<Waiter>,
    next_ticket: u64,
    closed: Option<FleetError>,
    /// A moving average of how long calls keep their place.
    service_time: Option<Duration>,
    /// The most memory that a worker of this deployment was seen to take.
    measured_bytes: Option<u64>,
}

#[derive(Debug)]
struct Slot {
    id: Option<ReplicaId>,
    generation: u64,
    state: ReplicaState,
    since: tenfold_kernel::Timestamp,
    is_worker: bool,
    engine: Option<Arc<dyn Engine>>,
    engine_model: Arc<str>,
    capacity: u32,
    in_flight: u32,
    last_used: Instant,
    /// Failures in a row, of an upstream's calls or of a worker's lives.
    failures_in_row: u32,
    /// Until when an upstream that failed is the second choice.
    avoid_until: Option<Instant>,
    failed_at: Option<Instant>,
    /// When its health was last seen after it was doubted.
    confirmed_at: Option<Instant>,
    failures: u64,
    pid: Option<u32>,
    /// What it was let start with.
    reserved_bytes: u64,
    memory_bytes: Option<u64>,
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    since: Instant,
    excluded: Vec<ReplicaId>,
    sender: oneshot::Sender<Result<Lease, FleetError>>,
}

type Answers = Vec<(oneshot::Sender<Result<Lease, FleetError>>, Result<Lease, FleetError>)>;

/// How a call enters.
pub(crate) enum Entry {
    /// With a place.
    Admitted(Lease),
    /// In the queue: where its place will come, and its ticket.
    Queued(oneshot::Receiver<Result<Lease, FleetError>>, u64),
}

/// What a worker's memory is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Footprint {
    pub(crate) reserved_bytes: u64,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) pid: Option<u32>,
    /// Whether it is still growing to what is reserved.
    pub(crate) is_starting: bool,
}

/// A worker that could be unloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Idle {
    pub(crate) slot: usize,
    pub(crate) last_used: Instant,
}

impl Pool {
    /// A deployment's pool. `upstreams` holds an engine for each of an upstream target's servers.
    pub(crate) fn new(
        deployment: Deployment,
        upstreams: Vec<Arc<dyn Engine>>,
        node: Arc<str>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Self {
        let slot = |engine: Option<Arc<dyn Engine>>, model: &str| Slot {
            id: engine.is_some().then(|| ReplicaId::generate(rng.as_ref())),
            generation: 0,
            state: if engine.is_some() { ReplicaState::Ready } else { ReplicaState::Stopped },
            since: clock.now(),
            is_worker: engine.is_none(),
            engine,
            engine_model: model.into(),
            capacity: deployment.max_concurrency,
            in_flight: 0,
            last_used: clock.monotonic(),
            failures_in_row: 0,
            avoid_until: None,
            failed_at: None,
            confirmed_at: None,
            failures: 0,
            pid: None,
            reserved_bytes: 0,
            memory_bytes: None,
        };
        let slots: Vec<Slot> = match &deployment.target {
            Target::Model(model) => (0..model.replicas).map(|_| slot(None, &model.model)).collect(),
            Target::Upstreams(all) => {
                all.iter().zip(upstreams).map(|(u, e)| slot(Some(e), &u.model)).collect()
            }
        };
        let controls = slots
            .iter()
            .map(|_| Control {
                wanted: Notify::new(),
                retire: Notify::new(),
                suspect: Notify::new(),
                drained: Notify::new(),
                gone: watch::Sender::new(0),
            })
            .collect();
        Self {
            state: Mutex::new(PoolState {
                slots,
                waiters: VecDeque::new(),
                next_ticket: 0,
                closed: None,
                service_time: None,
                measured_bytes: None,
            }),
            deployment: RwLock::new(Arc::new(deployment)),
            node,
            clock,
            rng,
            controls,
            closing: CancellationToken::new(),
        }
    }

    /// What it offers, as it is now.
    pub(crate) fn deployment(&self) -> Arc<Deployment> {
        Arc::clone(&self.deployment.read())
    }

    /// Offers the deployment with other adapters. Nothing else of it may differ.
    pub(crate) fn set_deployment(&self, deployment: Arc<Deployment>) {
        *self.deployment.write() = deployment;
    }

    /// The engines of the replicas that take calls now.
    pub(crate) fn engines(&self) -> Vec<Arc<dyn Engine>> {
        self.state.lock().slots.iter().filter_map(|slot| slot.engine.clone()).collect()
    }

    /// Takes a place, or one in the queue.
    pub(crate) fn enter(
        self: &Arc<Self>,
        excluded: &[ReplicaId],
        since: Instant,
    ) -> Result<Entry, FleetError> {
        let mut state = self.state.lock();
        if let Some(closed) = &state.closed {
            return Err(closed.clone());
        }
        if let Some(slot) = state.choose(excluded, since, since) {
            return Ok(Entry::Admitted(self.lease(&mut state, slot, since)));
        }
        if !state.may_come(excluded) {
            return Err(self.no_replica());
        }
        if state.waiters.len() >= state.queue_room(&self.deployment()) {
            metrics::counter!("tenfold_queue_full_total", "deployment" => self.deployment().name.to_string())
                .increment(1);
            return Err(FleetError::QueueFull {
                name: Arc::clone(&self.deployment().name),
                queue_limit: self.deployment().queue_limit,
                retry_after: state.expected_wait(),
            });
        }
        let (sender, receiver) = oneshot::channel();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiters.push_back(Waiter { ticket, since, excluded: excluded.to_vec(), sender });
        for (slot, control) in state.slots.iter().zip(&self.controls) {
            if slot.is_worker && slot.state == ReplicaState::Stopped {
                control.wanted.notify_one();
            }
        }
        Ok(Entry::Queued(receiver, ticket))
    }

    /// Takes a call that left out of the queue. Nobody else's is touched.
    pub(crate) fn leave(&self, ticket: u64) {
        let mut state = self.state.lock();
        if let Ok(at) = state.waiters.binary_search_by_key(&ticket, |waiter| waiter.ticket) {
            state.waiters.remove(at);
        }
    }

    /// Whether a call that excludes `excluded` waits for a place rather than for a worker's start.
    pub(crate) fn is_ready_for(&self, excluded: &[ReplicaId]) -> bool {
        let state = self.state.lock();
        state.slots.iter().any(|slot| slot.state == ReplicaState::Ready && !slot.is_among(excluded))
    }

    pub(crate) fn queue_timeout(&self) -> FleetError {
        let retry_after = self.state.lock().expected_wait();
        let deployment = self.deployment();
        FleetError::QueueTimeout {
            name: Arc::clone(&deployment.name),
            after: deployment.queue_timeout,
            retry_after,
        }
    }

    pub(crate) fn no_replica(&self) -> FleetError {
        FleetError::NoReplica { name: Arc::clone(&self.deployment().name) }
    }

    /// Gives a place back, and to the first of the queue that may use it.
    pub(crate) fn release(self: &Arc<Self>, place: &Place) {
        let now = self.clock.monotonic();
        let mut state = self.state.lock();
        state.note_service_time(now.saturating_duration_since(place.taken_at));
        let is_closed = state.closed.is_some();
        let slot = &mut state.slots[place.slot];
        if slot.generation != place.generation {
            return;
        }
        slot.in_flight = slot.in_flight.saturating_sub(1);
        slot.last_used = now;
        if !slot.is_worker && slot.failures_in_row > 0 && slot.failed_at.is_none_or(|at| at < place.taken_at)
        {
            // It began after the last failure and nobody called it a failure.
            slot.failures_in_row = 0;
            slot.avoid_until = None;
        }
        if is_closed && slot.in_flight == 0 {
            self.controls[place.slot].drained.notify_one();
        }
        self.hand_out(state, now);
    }

    /// Says that a call failed on a replica. `true` where the replica is of this pool.
    pub(crate) fn suspect(self: &Arc<Self>, replica: &ReplicaId) -> bool {
        let now = self.clock.monotonic();
        let mut state = self.state.lock();
        let Some(at) = state.slots.iter().position(|slot| slot.id.as_ref() == Some(replica)) else {
            return false;
        };
        let slot = &mut state.slots[at];
        slot.failed_at = Some(now);
        if !slot.is_worker {
            slot.failures_in_row = slot.failures_in_row.saturating_add(1);
            slot.failures += 1;
            slot.avoid_until = Some(now + backoff::after(slot.failures_in_row));
        } else if slot.state == ReplicaState::Ready {
            slot.set(ReplicaState::Suspect, self.clock.as_ref());
            self.controls[at].suspect.notify_one();
        }
        true
    }

    /// Takes no more calls, refuses those that wait with `error`, and tells the supervisors.
    pub(crate) fn close(&self, error: &FleetError) {
        let waiters = {
            let mut state = self.state.lock();
            state.closed = Some(error.clone());
            std::mem::take(&mut state.waiters)
        };
        for waiter in waiters {
            let _ = waiter.sender.send(Err(error.clone()));
        }
        self.closing.cancel();
    }

    /// Gives what is free to those who wait, first come first served, and unlocks.
    fn hand_out(self: &Arc<Self>, mut state: MutexGuard<'_, PoolState>, now: Instant) {
        if state.waiters.is_empty() {
            return;
        }
        let mut answers: Answers = Vec::new();
        let mut at = 0;
        while at < state.waiters.len() && state.slots.iter().any(Slot::has_room) {
            let waiter = &state.waiters[at];
            // A replica that this call excludes is passed over by it alone.
            let Some(slot) = state.choose(&waiter.excluded, waiter.since, now) else {
                at += 1;
                continue;
            };
            if let Some(waiter) = state.waiters.remove(at) {
                let lease = self.lease(&mut state, slot, now);
                answers.push((waiter.sender, Ok(lease)));
            }
        }
        drop(state);
        // Outside the lock: the lease of a call that has left meanwhile is dropped here, which takes the lock.
        for (sender, answer) in answers {
            let _ = sender.send(answer);
        }
    }

    fn lease(self: &Arc<Self>, state: &mut PoolState, (at, replica, engine): Choice, now: Instant) -> Lease {
        let slot = &mut state.slots[at];
        slot.in_flight += 1;
        slot.last_used = now;
        Lease {
            replica,
            engine,
            engine_model: slot.engine_model.as_ref().to_owned(),
            queued: Duration::ZERO,
            node: Arc::clone(&self.node),
            place: Place { pool: Arc::clone(self), slot: at, generation: slot.generation, taken_at: now },
        }
    }

    // What follows is the supervisors' side.

    /// Whether somebody waits for the slot's worker.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.state.lock().waiters.is_empty()
    }

    /// The slot's next incarnation starts. Returns its id.
    pub(crate) fn starting(&self, slot: usize, reserved_bytes: u64) -> ReplicaId {
        let id = ReplicaId::generate(self.rng.as_ref());
        let mut state = self.state.lock();
        let slot = &mut state.slots[slot];
        slot.id = Some(id.clone());
        slot.generation += 1;
        slot.in_flight = 0;
        slot.reserved_bytes = reserved_bytes;
        slot.memory_bytes = None;
        slot.set(ReplicaState::Starting, self.clock.as_ref());
        id
    }

    pub(crate) fn set_pid(&self, slot: usize, pid: Option<u32>) {
        self.state.lock().slots[slot].pid = pid;
    }

    /// The worker takes calls from now on: those that wait come first.
    pub(crate) fn ready(self: &Arc<Self>, slot: usize, engine: Arc<dyn Engine>, engine_places: Option<u32>) {
        let now = self.clock.monotonic();
        let mut state = self.state.lock();
        let is_closed = state.closed.is_some();
        let slot = &mut state.slots[slot];
        slot.engine = Some(engine);
        let wished = self.deployment().max_concurrency;
        // More than the engine runs at once would wait in the engine, where nobody sees it.
        slot.capacity = engine_places.map_or(wished, |places| places.min(wished)).max(1);
        slot.last_used = now;
        slot.set(ReplicaState::Ready, self.clock.as_ref());
        if !is_closed {
            self.hand_out(state, now);
        }
    }

    /// The worker was seen to live: a doubted one takes calls again.
    pub(crate) fn confirm(self: &Arc<Self>, slot: usize, memory_bytes: Option<u64>) {
        let now = self.clock.monotonic();
        let mut state = self.state.lock();
        if memory_bytes.is_some() {
            state.measured_bytes = state.measured_bytes.max(memory_bytes);
        }
        let slot = &mut state.slots[slot];
        slot.memory_bytes = memory_bytes.or(slot.memory_bytes);
        if slot.state == ReplicaState::Suspect {
            slot.confirmed_at = Some(now);
            slot.set(ReplicaState::Ready, self.clock.as_ref());
            self.hand_out(state, now);
        }
    }

    /// The slot's process is gone. Returns how many died in a row, where `state` says that it died.
    pub(crate) fn gone(&self, slot: usize, next: ReplicaState, starts_anew: bool) -> u32 {
        let mut state = self.state.lock();
        let generation = {
            let slot = &mut state.slots[slot];
            slot.engine = None;
            slot.pid = None;
            slot.reserved_bytes = 0;
            slot.memory_bytes = None;
            slot.in_flight = 0;
            slot.id = None;
            slot.generation += 1;
            if next == ReplicaState::BackingOff {
                slot.failures += 1;
                slot.failures_in_row = if starts_anew { 1 } else { slot.failures_in_row.saturating_add(1) };
            }
            slot.set(next, self.clock.as_ref());
            slot.generation
        };
        let failures = state.slots[slot].failures_in_row;
        drop(state);
        self.controls[slot].gone.send_replace(generation);
        failures
    }

    /// The wait after a death is over.
    pub(crate) fn rested(&self, slot: usize) {
        self.state.lock().slots[slot].set(ReplicaState::Stopped, self.clock.as_ref());
    }

    /// Refuses those who wait, where no replica is there or about to be.
    pub(crate) fn refuse_waiting(&self, error: &FleetError) {
        let waiters = {
            let mut state = self.state.lock();
            let others = [ReplicaState::Ready, ReplicaState::Suspect, ReplicaState::Starting];
            if state.slots.iter().any(|slot| others.contains(&slot.state)) {
                return;
            }
            std::mem::take(&mut state.waiters)
        };
        for waiter in waiters {
            let _ = waiter.sender.send(Err(error.clone()));
        }
    }

    /// Marks an idle worker as stopping, if it still is idle, and was at least for `idle_for`. Returns the
    /// generation that [`Control::gone`] will have passed when its process is gone.
    pub(crate) fn retire(&self, slot: usize, idle_for: Duration) -> Option<u64> {
        let now = self.clock.monotonic();
        let mut state = self.state.lock();
        if !state.waiters.is_empty() {
            return None;
        }
        let at = slot;
        let slot = &mut state.slots[at];
        let is_idle = slot.is_worker && slot.state == ReplicaState::Ready && slot.in_flight == 0;
        if !is_idle || now.saturating_duration_since(slot.last_used) < idle_for {
            return None;
        }
        slot.engine = None;
        slot.set(ReplicaState::Stopping, self.clock.as_ref());
        Some(slot.generation)
    }

    pub(crate) fn is_stopping(&self, slot: usize) -> bool {
        self.state.lock().slots[slot].state == ReplicaState::Stopping
    }

    pub(crate) fn stopping(&self, slot: usize) {
        self.state.lock().slots[slot].set(ReplicaState::Stopping, self.clock.as_ref());
    }

    pub(crate) fn failures_in_row(&self, slot: usize) -> u32 {
        self.state.lock().slots[slot].failures_in_row
    }

    pub(crate) fn in_flight(&self, slot: usize) -> u32 {
        self.state.lock().slots[slot].in_flight
    }

    /// Workers that could be unloaded now.
    pub(crate) fn idle(&self) -> Vec<Idle> {
        let state = self.state.lock();
        if !state.waiters.is_empty() {
            return Vec::new();
        }
        let idle = |slot: &Slot| slot.is_worker && slot.state == ReplicaState::Ready && slot.in_flight == 0;
        let slots = state.slots.iter().enumerate().filter(|(_, slot)| idle(slot));
        slots.map(|(at, slot)| Idle { slot: at, last_used: slot.last_used }).collect()
    }

    /// What this deployment's workers take or are about to take.
    pub(crate) fn footprints(&self) -> Vec<Footprint> {
        let state = self.state.lock();
        let slots = state.slots.iter().filter(|slot| slot.is_worker && slot.reserved_bytes > 0);
        slots
            .map(|slot| Footprint {
                reserved_bytes: slot.reserved_bytes,
                memory_bytes: slot.memory_bytes,
                pid: slot.pid,
                is_starting: slot.state == ReplicaState::Starting,
            })
            .collect()
    }

    pub(crate) fn measured_bytes(&self) -> Option<u64> {
        self.state.lock().measured_bytes
    }

    pub(crate) fn statuses(&self) -> Vec<ReplicaStatus> {
        let state = self.state.lock();
        state
            .slots
            .iter()
            .map(|slot| ReplicaStatus {
                id: slot.id.clone(),
                deployment: Arc::clone(&self.deployment().name),
                kind: if slot.is_worker { "worker" } else { "upstream" },
                node: Arc::clone(&self.node),
                state: slot.state,
                since: slot.since,
                in_flight: slot.in_flight,
                capacity: slot.capacity,
                queued: state.waiters.len(),
                pid: slot.pid,
                memory_bytes: slot.memory_bytes,
                failures: slot.failures,
            })
            .collect()
    }
}

/// A slot and what of it a lease needs.
type Choice = (usize, ReplicaId, Arc<dyn Engine>);

impl PoolState {
    /// The replica with the smallest share of its places taken; of equals, the one that rested longest. Those
    /// that failed a moment ago come last: they are tried only where nothing else is there.
    fn choose(&self, excluded: &[ReplicaId], waits_since: Instant, now: Instant) -> Option<Choice> {
        let candidates = self.slots.iter().enumerate().filter(|(_, slot)| {
            // A replica whose health was seen after the call began to wait is no longer the one that it excludes.
            let is_confirmed = slot.confirmed_at.is_some_and(|at| at >= waits_since);
            slot.has_room() && (is_confirmed || !slot.is_among(excluded))
        });
        let (at, slot) = candidates.min_by(|(_, a), (_, b)| {
            let load = |x: &Slot, y: &Slot| u64::from(x.in_flight) * u64::from(y.capacity);
            (a.is_avoided(now).cmp(&b.is_avoided(now)))
                .then_with(|| load(a, b).cmp(&load(b, a)))
                .then_with(|| a.last_used.cmp(&b.last_used))
        })?;
        Some((at, slot.id.clone()?, slot.engine.clone()?))
    }

    /// Whether waiting can help: a replica that is not excluded has no free place, or a worker is yet to come.
    fn may_come(&self, excluded: &[ReplicaId]) -> bool {
        self.slots
            .iter()
            .any(|slot| (slot.is_worker && slot.state != ReplicaState::Ready) || !slot.is_among(excluded))
    }

    /// How many calls may wait: for each worker that is yet to come, those that will have a place on it besides.
    fn queue_room(&self, deployment: &Deployment) -> usize {
        let coming =
            self.slots.iter().filter(|slot| slot.is_worker && slot.state != ReplicaState::Ready).count();
        (deployment.queue_limit as usize)
            .saturating_add(coming.saturating_mul(deployment.max_concurrency as usize))
    }

    /// A call takes a tenth of the new average's weight: recent enough, and not one call's whim.
    fn note_service_time(&mut self, taken: Duration) {
        self.service_time = Some(self.service_time.map_or(taken, |average| average * 9 / 10 + taken / 10));
    }

    /// How long a call that came now would wait behind those that do.
    fn expected_wait(&self) -> Duration {
        let places: u32 = self.slots.iter().map(|slot| slot.capacity).sum();
        let ahead = u32::try_from(self.waiters.len()).unwrap_or(u32::MAX).saturating_add(1);
        let average = self.service_time.unwrap_or(Duration::from_secs(1));
        (average.saturating_mul(ahead) / places.max(1))
            .clamp(Duration::from_millis(100), Duration::from_mins(10))
    }
}

impl Slot {
    fn has_room(&self) -> bool {
        self.state == ReplicaState::Ready && self.engine.is_some() && self.in_flight < self.capacity
    }

    fn is_among(&self, excluded: &[ReplicaId]) -> bool {
        self.id.as_ref().is_some_and(|id| excluded.contains(id))
    }

    fn is_avoided(&self, now: Instant) -> bool {
        self.avoid_until.is_some_and(|until| until > now)
    }

    fn set(&mut self, state: ReplicaState, clock: &dyn Clock) {
        if self.state != state {
            self.state = state;
            self.since = clock.now();
        }
    }
}
