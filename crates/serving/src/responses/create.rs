//! Making a response: whole, as it comes, or in the background.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use tenfold_billing::RateLimitState;
use tenfold_kernel::{Classify, ErrorKind, ResponseId};
use tenfold_protocol::chat::{ChatRequest, StreamOptions};
use tenfold_protocol::responses::{
    Item, Response, ResponseStatus, ResponseStream, ResponseStreamEvent, ResponsesRequest, from_chat, to_chat,
};

use crate::chat::size;
use crate::responses::BackgroundResponse;
use crate::{AnswerOf, Call, MeteredStream, Serving, ServingError};

/// The events of a response as it is made. An error is told as `response.failed`.
pub type ResponseEvents = BoxStream<'static, ResponseStreamEvent>;

/// A response that was made, is being made, or will be.
pub struct Created {
    /// The response, or its events.
    pub answer: AnswerOf<Response, ResponseEvents>,
    /// The caller's limits after this call.
    pub limits: RateLimitState,
}

impl std::fmt::Debug for Created {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Created").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// A request that is ready to be a chat call.
pub(super) struct Prepared {
    pub(super) response: Response,
    /// What came in with this request, without what stood before it.
    pub(super) input: Vec<Item>,
    pub(super) chat: ChatRequest,
}

impl Serving {
    /// Makes a response.
    ///
    /// # Errors
    /// [`ServingError`]; when it is returned, the client has read nothing.
    pub async fn create_response(
        self: &Arc<Self>,
        call: &Call,
        request: ResponsesRequest,
    ) -> Result<Created, ServingError> {
        let id = ResponseId::generate(self.rng.as_ref());
        if request.background == Some(true) {
            return self.begin_background(call, id, request).await;
        }
        let Prepared { response, input, chat } = self.prepare(call, &id, &request).await?;
        let served = self.chat(call, chat).await?;
        let answer = match served.answer {
            AnswerOf::Whole(whole) => {
                let response = from_chat(response, *whole, self.clock.now(), self.rng.as_ref());
                if request.is_stored() {
                    self.keep(&call.caller.project, &input, &response).await?;
                }
                AnswerOf::Whole(Box::new(response))
            }
            AnswerOf::Stream(chunks) => {
                let kept = request.is_stored().then_some(input);
                AnswerOf::Stream(Arc::clone(self).stream_response(call, response, chunks, kept))
            }
        };
        Ok(Created { answer, limits: served.limits })
    }

    /// Translates a request, with everything that was said before it.
    pub(super) async fn prepare(
        &self,
        call: &Call,
        id: &ResponseId,
        request: &ResponsesRequest,
    ) -> Result<Prepared, ServingError> {
        let history = self.history(&call.caller.project, request.previous_response_id.as_deref()).await?;
        let mut chat = to_chat(request, &history)?;
        if request.is_stream() {
            chat.stream = Some(true);
            chat.stream_options =
                Some(StreamOptions { include_usage: Some(true), ..StreamOptions::default() });
        }
        let response = Response::start(id, request, self.clock.now());
        Ok(Prepared { response, input: request.input_items(self.rng.as_ref()), chat })
    }

    /// The events of a response. It is kept before its last event, so that whoever reads that can go on from it.
    fn stream_response(
        self: Arc<Self>,
        call: &Call,
        response: Response,
        chunks: MeteredStream<tenfold_protocol::chat::ChatChunk>,
        kept: Option<Vec<Item>>,
    ) -> ResponseEvents {
        let mut translator = ResponseStream::new(response, Arc::clone(&self.rng));
        let ready: VecDeque<_> = translator.start().into();
        let project = call.caller.project.clone();
        let state = (ready, Some((translator, chunks)));
        stream::unfold(state, move |(mut ready, mut source)| {
            let (serving, project, kept) = (Arc::clone(&self), project.clone(), kept.clone());
            async move {
                while ready.is_empty() {
                    let (mut translator, mut chunks) = source.take()?;
                    match chunks.next().await {
                        Some(Ok(chunk)) => {
                            ready.extend(translator.push(&chunk));
                            source = Some((translator, chunks));
                        }
                        Some(Err(error)) => ready.extend(translator.fail(code(&error), &message(&error))),
                        None => {
                            let last = translator.finish(serving.clock.now());
                            let stored = match &kept {
                                Some(input) => serving.keep(&project, input, translator.response()).await,
                                None => Ok(()),
                            };
                            match stored {
                                Ok(()) => ready.extend(last),
                                Err(error) => ready.extend(translator.fail(code(&error), &message(&error))),
                            }
                        }
                    }
                }
                ready.pop_front().map(|event| (event, (ready, source)))
            }
        })
        .boxed()
    }

    /// Keeps a response that will be made in the background, and queues it.
    async fn begin_background(
        &self,
        call: &Call,
        id: ResponseId,
        request: ResponsesRequest,
    ) -> Result<Created, ServingError> {
        let conflict = |param: &str, message: &str| ServingError::Invalid {
            message: message.to_owned(),
            param: Some(param.to_owned()),
        };
        if !request.is_stored() {
            return Err(conflict(
                "store",
                "A background response must be stored: leave `store` out or set it true.",
            ));
        }
        if request.is_stream() {
            return Err(conflict(
                "stream",
                "A background response is polled; leave `stream` out or set it false.",
            ));
        }
        // Refused now rather than in the background: a request that cannot be translated, a model that is not there, what
        // limits or the balance have no room for. The room is held again when its turn comes.
        let Prepared { mut response, input, chat } = self.prepare(call, &id, &request).await?;
        drop(self.admit(call, &chat.model, size(&chat)).await?);
        response.status = ResponseStatus::Queued;
        self.keep(&call.caller.project, &input, &response).await?;
        let work = BackgroundResponse::new(&id, call, request, self.clock.now());
        self.background.enqueue(work).await.map_err(ServingError::Store)?;
        Ok(Created { answer: AnswerOf::Whole(Box::new(response)), limits: RateLimitState::default() })
    }
}

/// The code of `response.failed`: the API knows few.
pub(super) fn code(error: &ServingError) -> &'static str {
    if error.kind() == ErrorKind::TooManyRequests { "rate_limit_exceeded" } else { "server_error" }
}

/// What a client may read of an error.
pub(super) fn message(error: &ServingError) -> String {
    if error.kind() == ErrorKind::Internal {
        "The server had an error while processing your request.".to_owned()
    } else {
        error.to_string()
    }
}
