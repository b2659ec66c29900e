//! Reading an answer that comes as a stream of events.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use tenfold_engine::{ChunkStream, EngineError};
use tenfold_protocol::chat::ChatChunk;
use tenfold_protocol::completion::Completion;
use tenfold_protocol::sse::{DONE, Event, Reader, SseError};
use tokio::time::{Instant, Sleep};

use crate::client::{Client, Deadline, connection};
use crate::error::UpstreamError;
use crate::refusal;

/// After the answer's end, how long we wait for the connection's own end, so that it can be used again.
const LINGER: Duration = Duration::from_millis(20);

/// What one event carries.
pub(crate) trait Part: DeserializeOwned + Send + Unpin + 'static {
    /// Whether it holds a part of the answer: from then on no other replica may begin anew.
    fn speaks(&self) -> bool;
    /// Whether a choice ends with it.
    fn ends(&self) -> bool;
}

impl Part for ChatChunk {
    fn speaks(&self) -> bool {
        self.choices.iter().any(|choice| {
            let (delta, filled) =
                (&choice.delta, |text: &Option<String>| text.as_ref().is_some_and(|t| !t.is_empty()));
            choice.finish_reason.is_some()
                || filled(&delta.content)
                || filled(&delta.reasoning_content)
                || filled(&delta.refusal)
                || delta.tool_calls.is_some()
                || !delta.extra.is_empty()
        })
    }

    fn ends(&self) -> bool {
        self.choices.iter().any(|choice| choice.finish_reason.is_some())
    }
}

impl Part for Completion {
    fn speaks(&self) -> bool {
        self.choices.iter().any(|choice| !choice.text.is_empty() || choice.finish_reason.is_some())
    }

    fn ends(&self) -> bool {
        self.choices.iter().any(|choice| choice.finish_reason.is_some())
    }
}

/// The parts of `response`'s stream. Dropping them closes the connection.
pub(crate) async fn open<T: Part>(
    client: &Client,
    response: Response,
    deadline: Deadline,
) -> Result<ChunkStream<T>, EngineError> {
    let is_stream = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"text/event-stream"));
    if !is_stream {
        // Some servers answer a stream's request with 200 and an error as JSON.
        let read = client.whole::<serde_json::Map<String, serde_json::Value>>(response, deadline).await;
        let said = read.ok().and_then(|map| serde_json::to_vec(&map).ok());
        let error = said.and_then(|body| refusal::from_event(&body, false, deadline.after));
        return Err(error.unwrap_or_else(|| EngineError::Failed { source: UpstreamError::NoStream.into() }));
    }
    Ok(Parts::<T> {
        body: response.bytes_stream().boxed(),
        reader: Reader::new(client.limits.event_bytes),
        events: Vec::new(),
        next: 0,
        timer: Box::pin(tokio::time::sleep_until(deadline.at)),
        deadline,
        idle: client.timeouts.idle,
        phase: Phase::Silent,
        has_ended: false,
        kind: std::marker::PhantomData,
    }
    .boxed())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No part of the answer came yet.
    Silent,
    /// Some did.
    Speaking,
    /// All did; the connection is to end.
    Lingering,
    /// Nothing more is to be said.
    Over,
}

struct Parts<T> {
    body: BoxStream<'static, reqwest::Result<Bytes>>,
    reader: Reader,
    /// Events that are read, from `next` on not yet handed out.
    events: Vec<Event>,
    next: usize,
    timer: Pin<Box<Sleep>>,
    deadline: Deadline,
    idle: Duration,
    phase: Phase,
    /// Whether a choice gave the reason for its end: a server that then forgets `[DONE]` is forgiven.
    has_ended: bool,
    kind: std::marker::PhantomData<fn() -> T>,
}

impl<T: Part> Stream for Parts<T> {
    type Item = Result<T, EngineError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if this.phase == Phase::Over {
                return Poll::Ready(None);
            }
            if let Some(event) = this.events.get_mut(this.next) {
                let data = std::mem::take(&mut event.data);
                this.next += 1;
                match this.read(&data) {
                    Some(Ok(part)) => return Poll::Ready(Some(Ok(part))),
                    Some(Err(error)) => return this.fail(error),
                    None => continue,
                }
            }
            match this.body.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(_))) if this.phase == Phase::Lingering => {}
                Poll::Ready(Some(Ok(bytes))) => {
                    this.events.clear();
                    this.next = 0;
                    if let Err(error) = this.reader.push(&bytes, &mut this.events) {
                        // What came whole before the fault is handed out by no one: the answer is lost anyway.
                        return this.fail(unreadable(error));
                    }
                }
                Poll::Ready(ended) => {
                    if this.phase == Phase::Lingering || (ended.is_none() && this.has_ended) {
                        this.phase = Phase::Over;
                        return Poll::Ready(None);
                    }
                    let source = match ended {
                        Some(Err(error)) => connection(error),
                        Some(Ok(_)) | None => UpstreamError::CutShort,
                    };
                    let error = this.broken(source);
                    return this.fail(error);
                }
                Poll::Pending => {
                    if this.timer.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    if this.phase == Phase::Lingering {
                        this.phase = Phase::Over;
                        return Poll::Ready(None);
                    }
                    let is_whole = Instant::now() >= this.deadline.at;
                    let after = if is_whole { this.deadline.after } else { this.idle };
                    return this.fail(EngineError::Timeout { after });
                }
            }
        }
    }
}

impl<T: Part> Parts<T> {
    /// Reads one event; nothing where there is nothing to hand out.
    fn read(&mut self, data: &str) -> Option<Result<T, EngineError>> {
        let now = Instant::now();
        if data == DONE {
            self.phase = Phase::Lingering;
            self.events.clear();
            self.timer.as_mut().reset(now + LINGER);
            return None;
        }
        if data.is_empty() {
            return None;
        }
        self.timer.as_mut().reset(self.deadline.at.min(now + self.idle));
        match serde_json::from_str::<T>(data) {
            Ok(part) => {
                if self.phase == Phase::Silent && part.speaks() {
                    self.phase = Phase::Speaking;
                }
                self.has_ended |= part.ends();
                Some(Ok(part))
            }
            Err(error) => {
                let has_spoken = self.phase == Phase::Speaking;
                let said = refusal::from_event(data.as_bytes(), has_spoken, self.deadline.after);
                Some(Err(said.unwrap_or_else(|| crate::client::unreadable(error))))
            }
        }
    }

    fn broken(&self, source: UpstreamError) -> EngineError {
        let source = source.into();
        match self.phase {
            Phase::Silent => EngineError::Unavailable { source },
            Phase::Speaking | Phase::Lingering | Phase::Over => EngineError::Interrupted { source },
        }
    }

    /// Ends with `error`, and closes the connection at once.
    fn fail(&mut self, error: EngineError) -> Poll<Option<Result<T, EngineError>>> {
        self.phase = Phase::Over;
        self.body = futures::stream::empty().boxed();
        Poll::Ready(Some(Err(error)))
    }
}

fn unreadable(error: SseError) -> EngineError {
    let source = match error {
        SseError::TooLarge { limit_bytes } => UpstreamError::TooLarge { limit_bytes },
        SseError::NotUtf8 => UpstreamError::Unreadable { source: error.into() },
    };
    EngineError::Failed { source: source.into() }
}
