//! The ledger: what ends or begins together is written together.
//!
//! Making one call's money durable costs a flush of the disk, and a flush costs as much for two hundred calls as for
//! one. So one task writes: while it waits for a flush, commands queue up, and the next transaction takes all of them.
//! Nobody waits for a timer: a command that comes alone is written alone.
//!
//! A transaction reads the accounts, counters and holds that its commands name, under locks, applies the commands to
//! them by the rules of [`Book`](tenfold_billing::ledger::Book), and writes what has changed. Its number of statements
//! does not grow with the number of commands; for a command that is alone one of them reads and one writes.

mod batch;
mod events;
mod read;
mod rows;

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::{Any, AnyConnection, Connection as _, Transaction};
use tenfold_billing::ledger::{Hold, Post, Posted, Reserve, Reserved, Settle};
use tenfold_billing::{BillingError, Ledger, ProcessStore};
use tenfold_kernel::{Classify, Clock, Currency, ErrorKind, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ledger::batch::{Command, Outcome, Statements, is_free};
use crate::ledger::events::Row;
pub(crate) use crate::ledger::events::event;
use crate::ledger::rows::MAX_ROWS;
use crate::reports::billing_error;
use crate::{Backend, Store, StoreError};

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
    let statements = Statements::new(store.backend());
    let mut writer = Writer { store, statements, clock, kept: None };
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
        write(&mut writer, &mut batch).await;
    }
}

/// What the task that writes needs.
struct Writer {
    store: Store,
    statements: Statements,
    clock: Arc<dyn Clock>,
    /// A connection to PostgreSQL, kept from one transaction to the next: the pool asks a connection whether it still works
    /// both when it gives it and when it gets it back.
    kept: Option<AnyConnection>,
}

/// Writes a batch and answers everybody who waits for it.
async fn write(writer: &mut Writer, batch: &mut Vec<Pending>) {
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
async fn run(writer: &mut Writer, commands: &[&Command]) -> Result<Vec<Outcome>, StoreError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match transact(writer, commands).await {
            Err(StoreError::Conflict { .. }) if tries < TRIES => {}
            Err(StoreError::Unavailable { source })
                if tries < TRIES && source.as_database_error().is_some() => {}
            done => return done,
        }
    }
}

/// Runs all commands in one transaction, in order.
async fn transact(writer: &mut Writer, commands: &[&Command]) -> Result<Vec<Outcome>, StoreError> {
    let Writer { store, statements, clock, kept } = writer;
    if commands.iter().all(|command| is_free(command)) {
        return statements.write_free(store, commands).await;
    }
    if store.backend() == Backend::Sqlite {
        // Its one connection that writes is everybody's.
        let transaction = store.begin().await?;
        return finish(transaction, statements, commands, &**clock).await;
    }
    // A hold is of a process, and goes when the machine does: it need not survive that. Should a PostgreSQL die alone, a
    // call whose hold it forgot is charged all the same, from what is there then.
    let is_passing = commands.iter().all(|command| matches!(command, Command::Reserve(_)));
    let begin = if is_passing { "BEGIN; SET LOCAL synchronous_commit = off" } else { "BEGIN" };
    loop {
        let (mut connection, was_kept) = match kept.take() {
            Some(connection) => (connection, true),
            None => (store.writer().acquire().await?.detach(), false),
        };
        let transaction = match connection.begin_with(begin).await {
            Ok(transaction) => transaction,
            // It broke while nobody used it.
            Err(_) if was_kept => continue,
            Err(error) => return Err(error.into()),
        };
        let done = finish(transaction, statements, commands, &**clock).await;
        if done.is_ok() {
            *kept = Some(connection);
        }
        return done;
    }
}

async fn finish(
    mut transaction: Transaction<'_, Any>,
    statements: &Statements,
    commands: &[&Command],
    clock: &dyn Clock,
) -> Result<Vec<Outcome>, StoreError> {
    let outcomes = statements.run(&mut transaction, commands, clock).await?;
    transaction.commit().await?;
    Ok(outcomes)
}

fn write_error(error: Arc<StoreError>) -> BillingError {
    let action = "write the ledger";
    if error.kind() == ErrorKind::Unavailable {
        return BillingError::Unavailable { action, source: error.into() };
    }
    BillingError::Store { action, source: error.into() }
}
