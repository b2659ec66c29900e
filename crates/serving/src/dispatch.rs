//! From an admitted call to an answer that has begun: a replica, and at most one other.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use tenfold_engine::{Answer, CallContext, ChunkStream, Engine, EngineError};
use tenfold_fleet::{FleetError, Lease, Offered};
use tenfold_kernel::{ReplicaId, Units};

use crate::meter::Chunk;
use crate::settle::{Opening, Settlement};
use crate::{Serving, ServingError};

impl Serving {
    /// Gives the call to a replica; if that one fails before the client has read anything, to another.
    ///
    /// `run` sends the request to an engine under the engine's own name of the model.
    pub(crate) async fn dispatch<T, F>(
        &self,
        offered: &Offered,
        mut opening: Opening,
        context: &CallContext,
        run: F,
    ) -> Result<(T, Settlement), ServingError>
    where
        F: for<'a> Fn(&'a CallContext, Arc<dyn Engine>, String) -> BoxFuture<'a, Result<T, EngineError>>,
    {
        let mut failed: Option<(ReplicaId, EngineError)> = None;
        loop {
            // A worker that was started again is another replica: a model with one worker is served by its successor.
            let excluded =
                failed.as_ref().map(|(replica, _)| std::slice::from_ref(replica)).unwrap_or_default();
            let lease = match self.fleet.acquire(&offered.deployment, excluded).await {
                Ok(lease) => lease,
                Err(error) => {
                    // Where there is no other replica, the first one's error says more than that.
                    let error = match (error, failed) {
                        (FleetError::NoReplica { .. }, Some((_, first))) => first.into(),
                        (error, _) => error.into(),
                    };
                    return Err(self.not_served(opening, error).await);
                }
            };
            describe(&mut opening, &lease);
            let (engine, model) = (Arc::clone(&lease.engine), engine_model(offered, &lease));
            let replica = lease.replica.clone();
            // Open from here on: if the client leaves while the replica works, that is recorded.
            let settlement = Settlement::open(opening, lease);
            match run(context, engine, model).await {
                Ok(answer) => return Ok((answer, settlement)),
                Err(error) if error.is_retryable() && failed.is_none() => {
                    tracing::warn!(%replica, "replica failed before its first token, trying another");
                    settlement.replica_failed();
                    match settlement.reopen() {
                        Some(again) => opening = again,
                        None => return Err(error.into()),
                    }
                    failed = Some((replica, error));
                }
                Err(error) => {
                    if error.is_retryable() {
                        settlement.replica_failed();
                    }
                    let error = ServingError::from(error);
                    settlement.finish(error.status(), error.error_code()).await?;
                    return Err(error);
                }
            }
        }
    }

    /// Records a call that no replica took. It used nothing.
    async fn not_served(&self, opening: Opening, error: ServingError) -> ServingError {
        let recorded = opening.record(error.status(), error.error_code(), Some(Units::new()));
        // In a task of its own: a client that leaves now must not take the event along.
        match self.tracker.spawn(recorded).await {
            Ok(Ok(())) => error,
            Ok(Err(failed)) => failed.into(),
            Err(panicked) => ServingError::Store(Box::new(panicked)),
        }
    }
}

/// What the replica's engine calls what was asked for.
pub(crate) fn engine_model(offered: &Offered, lease: &Lease) -> String {
    offered.adapter.as_deref().unwrap_or(&lease.engine_model).to_owned()
}

fn describe(opening: &mut Opening, lease: &Lease) {
    let event = &mut opening.event;
    event.replica = Some(lease.replica.clone());
    event.node = Some(Arc::clone(&lease.node));
    event.queue_ms += u64::try_from(lease.queued.as_millis()).unwrap_or(u64::MAX);
}

/// Waits for the first part that the client would read, so that a replica that dies before it can be replaced.
pub(crate) async fn primed<W, C: Chunk>(answer: Answer<W, C>) -> Result<Answer<W, C>, EngineError> {
    let mut chunks = match answer {
        Answer::Whole(whole) => return Ok(Answer::Whole(whole)),
        Answer::Stream(chunks) => chunks,
    };
    let mut first = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(before_first_token)?;
        let begun = chunk.has_output() || chunk.is_usage_only();
        first.push(Ok(chunk));
        if begun {
            break;
        }
    }
    let chunks: ChunkStream<C> = stream::iter(first).chain(chunks).boxed();
    Ok(Answer::Stream(chunks))
}

/// An interruption before the first token is an absence: nothing was said, so another replica may be tried.
fn before_first_token(error: EngineError) -> EngineError {
    match error {
        EngineError::Interrupted { source } => EngineError::Unavailable { source },
        other => other,
    }
}
