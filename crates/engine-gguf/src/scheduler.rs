//! The loop of the engine's one thread: admit, batch, decode, choose.
//!
//! Each step computes one token for every answer under way, and after them a bounded piece of prompts that
//! wait, so that a long prompt does not freeze running streams. Slots keep their tokens after an answer; a
//! new request goes to the slot that holds most of its prompt, or to one that copies another's memory of it.
//!
//! Each slot has a memory of its own. In one that all share, the order of a sequence's tokens would depend on
//! what else ran, and so would the rounding of its attention, which a small model turns into other words.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};

use tenfold_kernel::Clock;
use tokio::sync::oneshot;

use crate::adapter::{self, AdapterError};
use crate::embed::{self, EmbedTask, Embedder};
use crate::ffi::{Batch, Context, Decoded, RawAdapter, Shape};
use crate::model::Model;
use crate::pace::Pace;
use crate::sampler;
use crate::slot::{Event, Failure, Run, Scratch, Slot, Task, common_prefix};

/// A copy of another slot's memory costs about as much as computing so many tokens.
const WORTH_COPYING: usize = 16;
/// A prefix shorter than this is computed again rather than waited for.
const WORTH_WAITING: usize = 64;

/// Where the outcome of loading or unloading goes.
pub(crate) type AdapterReply = oneshot::Sender<Result<(), AdapterError>>;

/// What the engine's thread is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Make the answers to one request.
    Generate { tasks: Vec<Task>, place: Place },
    /// Embed.
    Embed(EmbedTask),
    /// Load an adapter.
    Load { name: Arc<str>, path: std::path::PathBuf, scale: f32, done: AdapterReply },
    /// Unload an adapter, once its answers are over.
    Unload { name: Arc<str>, done: AdapterReply },
}

/// A place in the queue; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Place {
    /// Takes a place; nothing when the queue is full.
    pub(crate) fn take(waiting: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| (count < limit).then_some(count + 1))
            .ok()
            .map(|_| Self(Arc::clone(waiting)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[derive(Debug)]
struct Pending {
    task: Task,
    /// Shared by the answers of one request.
    _place: Arc<Place>,
}

/// The engine's thread.
#[derive(Debug)]
pub(crate) struct Scheduler {
    model: Arc<Model>,
    commands: Receiver<Command>,
    context: Context,
    embedder: Embedder,
    slots: Vec<Slot>,
    pending: VecDeque<Pending>,
    embeds: VecDeque<EmbedTask>,
    unloads: Vec<(Arc<str>, AdapterReply)>,
    adapters: HashMap<Arc<str>, RawAdapter>,
    in_use: Option<Arc<str>>,
    batch: Batch,
    scratch: Scratch,
    clock: u64,
    limits: Limits,
    pace: Pace,
    threads: u32,
    time: Arc<dyn Clock>,
}

/// Bounds of a step.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) prefill: usize,
    pub(crate) prefill_beside: usize,
    pub(crate) at_once: usize,
    pub(crate) context_length: usize,
    pub(crate) shape: Shape,
}

/// Rows of a prompt from which llama.cpp's fused attention on a CPU takes another path, which rounds otherwise.
const PIECE: usize = 64;

/// How many of `left` prompt tokens to compute when about `budget` may be: never so many that fewer than
/// [`PIECE`] remain.
fn piece(left: usize, budget: usize, at_once: usize) -> usize {
    let budget = budget.min(at_once);
    if left <= budget || (left < budget + PIECE && left <= at_once) {
        left
    } else if left < budget + PIECE && budget >= 2 * PIECE {
        budget - PIECE
    } else {
        budget
    }
}

/// A place of the batch whose logits are wanted.
struct Wanted {
    slot: usize,
    place: i32,
}

impl Scheduler {
    pub(crate) fn new(
        model: Arc<Model>,
        context: Context,
        commands: Receiver<Command>,
        limits: Limits,
        time: Arc<dyn Clock>,
    ) -> Self {
        let slots = (0..i32::try_from(limits.shape.n_sequences).unwrap_or(1)).map(Slot::new).collect();
        Self {
            embedder: Embedder::new(&limits),
            model,
            commands,
            context,
            slots,
            pending: VecDeque::new(),
            embeds: VecDeque::new(),
            unloads: Vec::new(),
            adapters: HashMap::new(),
            in_use: None,
            batch: Batch::default(),
            scratch: Scratch::default(),
            clock: 0,
            pace: Pace::new(limits.shape.threads),
            threads: limits.shape.threads,
            time,
            limits,
        }
    }

    /// Works until every sender of commands is gone.
    pub(crate) fn run(mut self) {
        loop {
            let idle = self.pending.is_empty()
                && self.embeds.is_empty()
                && self.slots.iter().all(|slot| slot.run.is_none());
            if idle {
                self.finish_unloads();
                match self.commands.recv() {
                    Ok(command) => self.take(command),
                    Err(_) => return,
                }
            }
            loop {
                match self.commands.try_recv() {
                    Ok(command) => self.take(command),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => {
                        self.shut_down();
                        return;
                    }
                }
            }
            self.drop_abandoned();
            self.finish_unloads();
            self.admit();
            self.step();
            if let Some(task) = self.embeds.pop_front()
                && let Some(rest) = embed::step(&mut self.embedder, &self.model, task)
            {
                self.embeds.push_back(rest);
            }
        }
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Generate { tasks, place } => {
                let place = Arc::new(place);
                self.pending
                    .extend(tasks.into_iter().map(|task| Pending { task, _place: Arc::clone(&place) }));
            }
            Command::Embed(task) => self.embeds.push_back(task),
            Command::Load { name, path, scale, done } => {
                let result = adapter::load(&self.model, &path, scale);
                let result = result.map(|adapter| {
                    // Nothing is freed that the context still uses.
                    self.forget_adapter(&name);
                    self.adapters.insert(name, adapter);
                });
                let _ = done.send(result);
            }
            Command::Unload { name, done } => self.unloads.push((name, done)),
        }
    }

    fn shut_down(&mut self) {
        for slot in &mut self.slots {
            if let Some(run) = slot.run.take() {
                run.fail(Failure::Shutdown);
            }
        }
    }

    /// Takes an adapter out of the context, and forgets all that was computed with it.
    fn forget_adapter(&mut self, name: &Arc<str>) {
        if self.in_use.as_ref() == Some(name) {
            self.context.use_adapter(None);
            self.in_use = None;
        }
        for index in 0..self.slots.len() {
            if self.slots[index].adapter.as_ref() == Some(name) {
                if let Some(run) = self.slots[index].run.take() {
                    run.fail(Failure::AdapterGone);
                }
                self.clear(index);
            }
        }
    }

    fn finish_unloads(&mut self) {
        for (name, done) in std::mem::take(&mut self.unloads) {
            let busy = self.pending.iter().any(|pending| pending.task.adapter.as_ref() == Some(&name))
                || self.slots.iter().any(|slot| slot.run.is_some() && slot.adapter.as_ref() == Some(&name));
            if busy {
                self.unloads.push((name, done));
                continue;
            }
            self.forget_adapter(&name);
            let result = self.adapters.remove(&name).map(drop).ok_or(AdapterError::Unknown);
            let _ = done.send(result);
        }
    }

    fn drop_abandoned(&mut self) {
        self.pending.retain(|pending| !pending.task.events.is_closed());
        for slot in &mut self.slots {
            if slot.run.as_ref().is_some_and(Run::is_abandoned) {
                Self::release(slot, self.clock);
            }
        }
    }

    /// Ends a slot's answer; its tokens stay for the next one.
    fn release(slot: &mut Slot, clock: u64) {
        slot.run = None;
        slot.tokens.truncate(slot.computed);
        slot.last_used = clock;
    }

    fn clear(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        self.context.forget(slot.sequence, 0);
        slot.tokens.clear();
        slot.computed = 0;
        slot.adapter = None;
        slot.last_used = 0;
    }

    /// Gives free slots to those who wait, oldest first.
    fn admit(&mut self) {
        let mut at = 0;
        while at < self.pending.len() && self.slots.iter().any(|slot| slot.run.is_none()) {
            if self.is_worth_waiting(&self.pending[at].task) {
                at += 1;
                continue;
            }
            if let Some(pending) = self.pending.remove(at) {
                self.place(pending.task);
            }
        }
    }

    /// Whether a slot is just computing a long prefix of this prompt.
    fn is_worth_waiting(&self, task: &Task) -> bool {
        if !self.model.prefixes || task.prompt_chances {
            return false;
        }
        let wanted = task.prompt.len().saturating_sub(1);
        let (mut now, mut soon) = (0, 0);
        for slot in self.slots.iter().filter(|slot| slot.adapter == task.adapter) {
            now = now.max(common_prefix(slot.held(), &task.prompt));
            if slot.run.is_some() && slot.left() > 1 {
                soon = soon.max(common_prefix(&slot.tokens, &task.prompt));
            }
        }
        soon.min(wanted) >= now + WORTH_WAITING
    }

    fn place(&mut self, task: Task) {
        // At least the last token is computed, for its logits, and not so few that a kept prefix would change
        // the answer.
        let least = if task.prompt.len() < PIECE { 1 } else { PIECE };
        let most = if task.prompt_chances { 0 } else { task.prompt.len().saturating_sub(least) };
        let held = |slot: &Slot| {
            if slot.adapter == task.adapter { common_prefix(slot.held(), &task.prompt).min(most) } else { 0 }
        };
        let free = || self.slots.iter().enumerate().filter(|(_, slot)| slot.run.is_none());
        let Some((oldest, _)) = free().min_by_key(|(_, slot)| (slot.computed > 0, slot.last_used)) else {
            return;
        };
        let best_free = free().max_by_key(|(_, slot)| held(slot)).map_or(oldest, |(index, _)| index);
        let best = (0..self.slots.len()).max_by_key(|index| held(&self.slots[*index])).unwrap_or(oldest);
        // A slot is taken over when little of what it holds is lost; otherwise its memory is shared.
        let free_held = held(&self.slots[best_free]);
        let take_over = free_held > 0
            && free_held >= held(&self.slots[best])
            && (free_held * 2 >= self.slots[best_free].computed || !self.model.prefixes);
        let index = if take_over { best_free } else { oldest };
        let own = held(&self.slots[index]);
        let others = held(&self.slots[best]);
        let sequence = self.slots[index].sequence;
        let mut cached = own;
        if !take_over && best != index && self.model.prefixes && others >= own + WORTH_COPYING {
            self.context.copy(self.slots[best].sequence, sequence, others);
            self.slots[best].last_used = self.clock;
            cached = others;
        } else if self.slots[index].computed > cached && !self.context.forget(sequence, cached) {
            self.context.forget(sequence, 0);
            cached = 0;
        }
        let slot = &mut self.slots[index];
        slot.tokens.clear();
        slot.tokens.extend_from_slice(&task.prompt);
        slot.computed = cached;
        slot.adapter.clone_from(&task.adapter);
        slot.last_used = self.clock;
        slot.run = Some(Run::new(task, u32::try_from(cached).unwrap_or(u32::MAX)));
    }

    /// The slot that waited longest; its adapter has its turn.
    fn turn(&self) -> Option<usize> {
        (0..self.slots.len())
            .filter(|index| self.slots[*index].run.is_some())
            .min_by_key(|index| self.slots[*index].last_used)
    }

    fn step(&mut self) {
        let Some(turn) = self.turn() else { return };
        let adapter = self.slots[turn].adapter.clone();
        if !self.use_adapter(adapter.as_ref()) {
            for slot in self.slots.iter_mut().filter(|slot| slot.adapter == adapter) {
                if let Some(run) = slot.run.take() {
                    run.fail(Failure::AdapterGone);
                }
            }
            return;
        }
        self.clock += 1;
        let beside = self.fill_answers(adapter.as_ref());
        if beside.is_empty() || self.compute(adapter.as_ref(), beside) {
            self.compute_prompts(adapter.as_ref());
        }
    }

    /// Computes pieces of prompts, one at a time, until the step is as long as it may be.
    ///
    /// A piece is a batch of its own, and not shorter than [`PIECE`] unless the prompt is, so that its
    /// numbers are those that the prompt would give alone.
    fn compute_prompts(&mut self, adapter: Option<&Arc<str>>) {
        let beside = self.slots.iter().any(|slot| slot.run.as_ref().is_some_and(|run| run.generated > 0));
        let most = if beside { self.limits.prefill_beside } else { self.limits.prefill };
        let mut budget = self.pace.prompt_tokens(beside, most).max(PIECE);
        let mut prompts: Vec<usize> = (0..self.slots.len())
            .filter(|index| {
                let slot = &self.slots[*index];
                slot.run.is_some() && slot.adapter.as_ref() == adapter && slot.left() > 1
            })
            .collect();
        // The prompt that was taken up first is finished first.
        prompts.sort_by_key(|index| self.slots[*index].last_used);
        for (number, index) in prompts.into_iter().enumerate() {
            let slot = &self.slots[index];
            let take = piece(slot.left(), budget.max(PIECE), self.limits.at_once);
            if number > 0 && take > budget {
                return;
            }
            budget = budget.saturating_sub(take);
            let all_outputs = slot.run.as_ref().is_some_and(|run| run.task.prompt_chances);
            let take = if all_outputs { take.min(self.slots.len()) } else { take };
            self.batch.clear();
            let mut wanted = Vec::new();
            for at in slot.computed..slot.computed + take {
                let output = all_outputs || at + 1 == slot.tokens.len();
                let place = self.batch.push(slot.tokens[at], at, slot.sequence, output);
                if output {
                    wanted.push(Wanted { slot: index, place });
                }
            }
            if !self.compute(adapter, wanted) {
                return;
            }
        }
    }

    /// Computes the batch and what follows from it; false when the library failed.
    fn compute(&mut self, adapter: Option<&Arc<str>>, wanted: Vec<Wanted>) -> bool {
        let threads = self.pace.threads();
        if threads != self.threads {
            self.context.use_threads(threads);
            self.threads = threads;
        }
        let start = self.time.monotonic();
        if let Decoded::Failed(code) = self.context.decode(&mut self.batch) {
            tracing::error!(code, "llama.cpp failed");
            for index in 0..self.slots.len() {
                if self.slots[index].adapter.as_ref() == adapter
                    && let Some(run) = self.slots[index].run.take()
                {
                    run.fail(Failure::Decode(code));
                    self.clear(index);
                }
            }
            return false;
        }
        let took = self.time.monotonic().saturating_duration_since(start);
        self.pace.note(self.batch.len(), self.batch.len().saturating_sub(wanted.len()), took);
        self.advance(adapter, wanted);
        true
    }

    fn use_adapter(&mut self, adapter: Option<&Arc<str>>) -> bool {
        if self.in_use.as_ref() == adapter {
            return true;
        }
        let raw = match adapter {
            Some(name) => match self.adapters.get(name) {
                Some(raw) => Some(raw),
                None => return false,
            },
            None => None,
        };
        let used = self.context.use_adapter(raw);
        self.in_use = if used { adapter.cloned() } else { None };
        used
    }

    /// Puts one token of each answer under way into the batch.
    fn fill_answers(&mut self, adapter: Option<&Arc<str>>) -> Vec<Wanted> {
        self.batch.clear();
        let mut wanted = Vec::with_capacity(self.slots.len());
        for (index, slot) in self.slots.iter().enumerate() {
            if slot.run.is_some()
                && slot.adapter.as_ref() == adapter
                && slot.left() == 1
                && let Some(token) = slot.tokens.get(slot.computed)
            {
                let place = self.batch.push(*token, slot.computed, slot.sequence, true);
                wanted.push(Wanted { slot: index, place });
            }
        }
        wanted
    }

    /// Notes what was computed, and chooses the next tokens.
    fn advance(&mut self, adapter: Option<&Arc<str>>, wanted: Vec<Wanted>) {
        let computed = self.batch.ends();
        for slot in
            self.slots.iter_mut().filter(|slot| slot.run.is_some() && slot.adapter.as_ref() == adapter)
        {
            if let Some(end) = computed.iter().find(|(sequence, _)| *sequence == slot.sequence) {
                slot.computed = end.1;
                // Prompts keep the order in which they came; answers take turns.
                if slot.left() == 0 {
                    slot.last_used = self.clock;
                }
            }
        }
        for Wanted { slot: index, place } in wanted {
            let slot = &mut self.slots[index];
            let Some(run) = &mut slot.run else { continue };
            let Some(logits) = self.context.logits(place) else {
                run.fail(Failure::NoToken);
                Self::release(slot, self.clock);
                continue;
            };
            if run.task.prompt_chances && run.generated == 0 {
                let at = self.batch.position(place) + 1;
                if let Some(next) = run.task.prompt.get(at).filter(|_| run.prompt_chances.len() + 1 == at) {
                    let count = run.task.chances.unwrap_or(0);
                    run.prompt_chances.push(sampler::chance(logits, *next, count, &mut self.scratch.weights));
                }
            }
            if self.batch.position(place) + 1 < slot.tokens.len() {
                continue;
            }
            let room = slot.tokens.len() < self.limits.context_length;
            match run.step(&self.model, logits, room, &mut self.scratch) {
                Some(token) => slot.tokens.push(token),
                None => Self::release(slot, self.clock),
            }
        }
    }
}

/// Tells every pending request that the engine is gone.
impl Drop for Scheduler {
    fn drop(&mut self) {
        for pending in &self.pending {
            let _ = pending.task.events.send(Event::Failed(Failure::Shutdown));
        }
    }
}
