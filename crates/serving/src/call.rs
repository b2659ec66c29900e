//! One call, and what is served for it.

use tenfold_billing::{Operation, RateLimitState};
use tenfold_kernel::{Caller, RequestId, Timestamp};

use crate::stream::MeteredStream;

/// Who calls what, in whose name, under which id.
#[derive(Debug, Clone)]
pub struct Call {
    /// The authenticated caller.
    pub caller: Caller,
    /// The id of the HTTP request.
    pub request_id: RequestId,
    /// Under which name the event is unique. The request id, unless the client sent an `Idempotency-Key`.
    pub event_key: Option<String>,
    /// The endpoint that was called.
    pub operation: Operation,
    /// When it was asked for, where its turn came later: it has the price of then.
    pub asked_at: Option<Timestamp>,
}

/// What is served: a whole answer whose event is durable, or a stream that sees to it itself.
#[derive(Debug)]
pub struct Served<W, C> {
    /// The answer.
    pub answer: ServedAnswer<W, C>,
    /// The caller's limits after this call.
    pub limits: RateLimitState,
}

/// See [`Served`].
pub type ServedAnswer<W, C> = AnswerOf<W, MeteredStream<C>>;

/// A whole answer or a stream of parts.
#[derive(Debug)]
pub enum AnswerOf<W, S> {
    /// The whole answer.
    Whole(Box<W>),
    /// Its parts as they come.
    Stream(S),
}
