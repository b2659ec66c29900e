//! The ledger: what ends or begins together is written together.
//!
//! Making one call's money durable costs a flush of the disk, and a flush costs as much for two hundred calls as for
//! one. So one task writes: while it waits for a flush, commands queue up, and the next transaction takes all of them.
//! Nobody waits for a timer: a command that comes alone is written alone.
//!
//! A transaction reads the accounts, counters and holds that its commands name, under locks, applies the commands to
//! them by the rules of [`Book`](tenfold_billing::ledger::Book), and writes what has changed. Its number of statements
//! does not grow with the number of commands.

mod batch;
mod events;
mod read;
mod rows;

use std::sync::Arc;

use async_trait::async_trait;
use tenfold_billing::ledger::{Hold, Post, Posted, Reserve, Reserved, Settle};
use tenfold_billing::{BillingError, Ledger, ProcessStore};
use tenfold_kernel::{Classify, Clock, Currency, ErrorKind, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ledger::batch::{Command, Outcome, Statements};
use crate::ledger::events::Row;
use crate::ledger::rows::MAX_ROWS;
use crate::reports::billing_error;
use crate::{Store, StoreError};

/// Commands that wait to be written, at most. Who comes when it is full waits before the queue.
const QUEUE: usize = 4096;

/// How often a transaction is tried that another process's was in the way of.
const TRIES: usize = 5;

/// The ledger over a [`Store`]: group commit by one task.
#[derive(Debug)]
pub struct LedgerWriter {
    store: Store,
    tracker: TaskTracker,
    queue: mpsc::Sender<Pending>,
    closing: CancellationToken,
    ended: CancellationToken,
}

#[derive(Debug)]
struct Pending {
    command: Command,
    done: Option<oneshot::Sender<Result<Outcome, BillingError>>>,
}

impl Pending {
    fn answer(self, answer: Result<Outcome, BillingError>) {
        // A receiver that is gone belongs to a call whose connection broke; what it asked is written all the same.
        if let Some(done) = self.done {
            let _ = done.send(answer);
        }
    }
}

impl LedgerWriter {
    /// Starts the task that writes, on `tracker`. It ends after [`LedgerWriter::close`], or when nobody holds the
    /// ledger any more.
    pub fn start(store: Store, clock: Arc<dyn Clock>, tracker: &TaskTracker) -> Arc<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (closing, ended) = (CancellationToken::new(), CancellationToken::new());
        let at_end = ended.clone().drop_guard();
        let write = write_until_closed(store.clone(), clock, waiting, closing.clone());
        tracker.spawn(async move {
            write.await;
            drop(at_end);
        });
        Arc::new(Self { store, tracker: tracker.clone(), queue, closing, ended })
    }

    /// Takes no more commands, writes those that wait, and returns when the task has ended.
    pub async fn close(&self) {
        self.closing.cancel();
        self.ended.cancelled().await;
    }

    async fn ask(&self, command: Command) -> Result<Outcome, BillingError> {
        let (done, written) = oneshot::channel();
        let pending = Pending { command, done: Some(done) };
        self.queue.send(pending).await.map_err(|_| BillingError::Closed)?;
        // The task answers all that it took, unless it was killed with the runtime.
        written.await.unwrap_or(Err(BillingError::Closed))
    }
}

#[async_trait]
impl Ledger for LedgerWriter {
    async fn reserve(&self, reserve: Reserve) -> Result<Reserved, BillingError> {
        let currency = reserve.currency;
        match self.ask(Command::Reserve(Box::new(reserve))).await? {
            Outcome::Reserved(reserved) => Ok(*reserved),
            other => Err(unexpected(other, currency)),
        }
    }

    async fn settle(&self, settle: Settle) -> Result<(), BillingError> {
        let Settle { event, hold, sources } = settle;
        let currency = event.cost.map_or(Currency::USD, |cost| cost.currency);
        // Whatever cannot be written fails here, before it can spoil the transaction that it shares with others.
        let row = Row::try_from(event)?;
        match self.ask(Command::Settle { row: Box::new(row), hold, sources }).await? {
            Outcome::Done => Ok(()),
            other => Err(unexpected(other, currency)),
        }
    }

    fn release(&self, hold: Hold) {
        let pending = Pending { command: Command::Release(hold), done: None };
        if let Err(mpsc::error::TrySendError::Full(pending)) = self.queue.try_send(pending)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let queue = self.queue.clone();
            let send = async move {
                // A ledger that has ended releases nothing; the next process does.
                let _ = queue.send(pending).await;
            };
            self.tracker.spawn_on(send, &runtime);
        }
    }

    async fn post(&self, post: Post) -> Result<Posted, BillingError> {
        let currency = post.currency;
        match self.ask(Command::Post(Box::new(post))).await? {
            Outcome::Posted(posted) => Ok(posted),
            other => Err(unexpected(other, currency)),
        }
    }
}

fn unexpected(outcome: Outcome, currency: Currency) -> BillingError {
    match outcome {
        Outcome::Refused(refusal) => refusal.into_error(currency),
        Outcome::Done | Outcome::Reserved(_) | Outcome::Posted(_) => {
            BillingError::Store { action: "enter money", source: "an answer to another question".into() }
        }
    }
}

#[async_trait]
impl ProcessStore for LedgerWriter {
    async fn beat(&self, process: &str, now: Timestamp, dead_before: Timestamp) -> Result<u64, BillingError> {
        let failed = |error| billing_error("release holds", error);
        self.store.seen(process, now).await.map_err(failed)?;
        let mut released = 0;
        loop {
            let dead = self.store.holds_of_the_dead(dead_before, MAX_ROWS).await.map_err(failed)?;
            let count = dead.len();
            for hold in dead {
                self.ask(Command::Release(hold)).await?;
                released += 1;
            }
            if count < MAX_ROWS {
                break;
            }
        }
        self.store.forget_the_dead(dead_before).await.map_err(failed)?;
        Ok(released)
    }
}

async fn write_until_closed(
    store: Store,
    clock: Arc<dyn Clock>,
    mut waiting: mpsc::Receiver<Pending>,
    closing: CancellationToken,
) {
    let writer = Writer { statements: Statements::new(store.backend()), store, clock };
    let mut batch = Vec::with_capacity(MAX_ROWS);
    loop {
        let taken = tokio::select! {
            biased;
            () = closing.cancelled(), if !waiting.is_closed() => {
                // What is in the queue can still be taken, until there is nothing left.
                waiting.close();
                continue;
            }
            taken = waiting.recv_many(&mut batch, MAX_ROWS) => taken,
        };
        if taken == 0 {
            return;
        }
        write(&writer, &mut batch).await;
    }
}

/// What the task that writes needs.
struct Writer {
    store: Store,
    statements: Statements,
    clock: Arc<dyn Clock>,
}

/// Writes a batch and answers everybody who waits for it.
async fn write(writer: &Writer, batch: &mut Vec<Pending>) {
    let commands: Vec<&Command> = batch.iter().map(|pending| &pending.command).collect();
    let error = match run(writer, &commands).await {
        Ok(outcomes) => {
            batch.drain(..).zip(outcomes).for_each(|(pending, outcome)| pending.answer(Ok(outcome)));
            return;
        }
        Err(error) => error,
    };
    if batch.len() == 1 || error.kind() == ErrorKind::Unavailable {
        tracing::error!(
            commands = batch.len(),
            error = &error as &dyn std::error::Error,
            "the ledger is not written"
        );
        let error = Arc::new(error);
        for pending in batch.drain(..) {
            pending.answer(Err(write_error(error.clone())));
        }
        return;
    }
    // One of them may be at fault: each for itself, so that the others do not suffer for it.
    for pending in batch.drain(..) {
        let done = run(writer, &[&pending.command]).await;
        if let Err(error) = &done {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "a command of the ledger is not written"
            );
        }
        let done = done.map_err(|error| write_error(Arc::new(error)));
        // One command has one outcome.
        pending.answer(done.map(|outcomes| outcomes.into_iter().next().unwrap_or(Outcome::Done)));
    }
}

/// Runs a transaction, again where another process's was in its way.
async fn run(writer: &Writer, commands: &[&Command]) -> Result<Vec<Outcome>, StoreError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match writer.statements.run(&writer.store, commands, &*writer.clock).await {
            Err(StoreError::Conflict { .. }) if tries < TRIES => {}
            Err(StoreError::Unavailable { source })
                if tries < TRIES && source.as_database_error().is_some() => {}
            done => return done,
        }
    }
}

fn write_error(error: Arc<StoreError>) -> BillingError {
    let action = "write the ledger";
    if error.kind() == ErrorKind::Unavailable {
        return BillingError::Unavailable { action, source: error.into() };
    }
    BillingError::Store { action, source: error.into() }
}
