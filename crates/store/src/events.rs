//! The log of events: calls that end together are written together.
//!
//! Making one event durable costs a flush of the disk, and a flush costs as much for five hundred events as for
//! one. So one task writes: while it waits for a flush, the calls that end queue up, and the next statement takes
//! all of them. Nobody waits for a timer: an event that comes alone is written alone.

mod insert;

use std::sync::Arc;

use async_trait::async_trait;
use tenfold_billing::{BillingError, Event, EventLog};
use tenfold_kernel::Classify;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::events::insert::{Inserts, MAX_ROWS, Row};
use crate::{Store, StoreError};

/// Events that wait to be written, at most. Who comes when it is full waits before the queue.
const QUEUE: usize = 4096;

/// The log of events over a [`Store`]: group commit by one task.
#[derive(Debug)]
pub struct EventWriter {
    queue: mpsc::Sender<Pending>,
    closing: CancellationToken,
    ended: CancellationToken,
}

#[derive(Debug)]
struct Pending {
    row: Row,
    done: oneshot::Sender<Result<(), BillingError>>,
}

impl EventWriter {
    /// Starts the task that writes, on `tracker`. It ends after [`EventWriter::close`], or when nobody holds the
    /// log any more.
    pub fn start(store: Store, tracker: &TaskTracker) -> Arc<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (closing, ended) = (CancellationToken::new(), CancellationToken::new());
        let at_end = ended.clone().drop_guard();
        let write = write_until_closed(store, waiting, closing.clone());
        tracker.spawn(async move {
            write.await;
            drop(at_end);
        });
        Arc::new(Self { queue, closing, ended })
    }

    /// Takes no more events, writes those that wait, and returns when the task has ended.
    pub async fn close(&self) {
        self.closing.cancel();
        self.ended.cancelled().await;
    }
}

#[async_trait]
impl EventLog for EventWriter {
    async fn append(&self, event: Event) -> Result<(), BillingError> {
        // Whatever cannot be written fails here, before it can spoil the statement that it shares with others.
        let row = Row::try_from(event)?;
        let (done, written) = oneshot::channel();
        self.queue.send(Pending { row, done }).await.map_err(|_| BillingError::Closed)?;
        // The task answers all that it took, unless it was killed with the runtime.
        written.await.unwrap_or(Err(BillingError::Closed))
    }
}

async fn write_until_closed(store: Store, mut waiting: mpsc::Receiver<Pending>, closing: CancellationToken) {
    let inserts = Inserts::new(store.backend());
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
        write(&store, &inserts, &mut batch).await;
    }
}

/// Writes a batch and answers everybody who waits for it.
async fn write(store: &Store, inserts: &Inserts, batch: &mut Vec<Pending>) {
    let error = match inserts.run(store, batch.iter().map(|pending| &pending.row)).await {
        Ok(()) => {
            // A receiver that is gone belongs to a call whose connection broke; its event is written all the same.
            batch.drain(..).for_each(|pending| drop(pending.done.send(Ok(()))));
            return;
        }
        Err(error) => error,
    };
    if batch.len() == 1 || error.kind() == tenfold_kernel::ErrorKind::Unavailable {
        tracing::error!(
            events = batch.len(),
            error = &error as &dyn std::error::Error,
            "events are not written"
        );
        let error = Arc::new(error);
        for pending in batch.drain(..) {
            let _ = pending.done.send(Err(write_error(error.clone())));
        }
        return;
    }
    // One of them may be at fault: each for itself, so that the others do not suffer for it.
    for pending in batch.drain(..) {
        let done = inserts.run(store, std::iter::once(&pending.row)).await;
        if let Err(error) = &done {
            tracing::error!(error = error as &dyn std::error::Error, "an event is not written");
        }
        let _ = pending.done.send(done.map_err(|error| write_error(Arc::new(error))));
    }
}

fn write_error(error: Arc<StoreError>) -> BillingError {
    let action = "write events";
    if error.kind() == tenfold_kernel::ErrorKind::Unavailable {
        return BillingError::Unavailable { action, source: error.into() };
    }
    BillingError::Store { action, source: error.into() }
}
