//! A streamed answer on its way to the client, metered.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::{FutureExt, Stream, StreamExt};
use tenfold_billing::CallStatus;
use tenfold_engine::ChunkStream;

use crate::ServingError;
use crate::meter::Chunk;
use crate::settle::Settlement;

/// A streamed answer. Its final chunks come when its event is durable; dropping it before settles it as left
/// by the client, and cancels the work.
pub struct MeteredStream<C> {
    state: State<C>,
    include_usage: bool,
    /// Final chunks, kept back until the event is durable.
    held: VecDeque<C>,
    deployment: Arc<str>,
}

enum State<C> {
    Streaming { chunks: ChunkStream<C>, settlement: Box<Settlement> },
    Settling { recorded: BoxFuture<'static, Result<(), ServingError>>, outcome: Option<ServingError> },
    Releasing,
    Ended,
}

impl<C> std::fmt::Debug for MeteredStream<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MeteredStream").field("deployment", &self.deployment).finish_non_exhaustive()
    }
}

impl<C: Chunk> MeteredStream<C> {
    pub(crate) fn new(
        chunks: ChunkStream<C>,
        settlement: Settlement,
        deployment: Arc<str>,
        include_usage: bool,
    ) -> Self {
        Self {
            state: State::Streaming { chunks, settlement: Box::new(settlement) },
            include_usage,
            held: VecDeque::new(),
            deployment,
        }
    }

    /// Ends the call: what was counted is recorded, and `outcome` is what the client reads last.
    fn settle(&mut self, outcome: Option<ServingError>) {
        if let State::Streaming { settlement, .. } = std::mem::replace(&mut self.state, State::Ended) {
            let status = match &outcome {
                None => CallStatus::Completed,
                Some(error) => error.status(),
            };
            let code = outcome.as_ref().and_then(ServingError::error_code);
            self.state = State::Settling { recorded: settlement.finish(status, code).boxed(), outcome };
        }
    }
}

impl<C: Chunk + Unpin> Stream for MeteredStream<C> {
    type Item = Result<C, ServingError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::Streaming { chunks, settlement } => {
                    match std::task::ready!(chunks.poll_next_unpin(cx)) {
                        Some(Ok(mut chunk)) => {
                            settlement.observe(chunk.usage(), chunk.has_output());
                            chunk.set_model(&this.deployment);
                            if chunk.is_final() || chunk.is_usage_only() {
                                this.held.push_back(chunk);
                                continue;
                            }
                            chunk.strip_usage();
                            return Poll::Ready(Some(Ok(chunk)));
                        }
                        Some(Err(error)) => this.settle(Some(error.into())),
                        None => this.settle(None),
                    }
                }
                State::Settling { recorded, outcome } => {
                    let recorded = std::task::ready!(recorded.poll_unpin(cx));
                    let outcome = outcome.take();
                    match outcome.or(recorded.err()) {
                        Some(error) => {
                            this.state = State::Ended;
                            return Poll::Ready(Some(Err(error)));
                        }
                        None => this.state = State::Releasing,
                    }
                }
                State::Releasing => match this.held.pop_front() {
                    Some(chunk) if chunk.is_usage_only() && !this.include_usage => {}
                    Some(mut chunk) => {
                        if !chunk.is_usage_only() {
                            chunk.strip_usage();
                        }
                        return Poll::Ready(Some(Ok(chunk)));
                    }
                    None => this.state = State::Ended,
                },
                State::Ended => return Poll::Ready(None),
            }
        }
    }
}
