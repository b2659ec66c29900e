//! `/v1/messages`: Anthropic's API, its errors included.

use std::collections::VecDeque;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Json, middleware};
use futures::{StreamExt, stream};
use tenfold_billing::Operation;
use tenfold_kernel::{ErrorKind, RequestId};
use tenfold_protocol::chat::ChatChunk;
use tenfold_protocol::messages::{
    CountTokensRequest, Message, MessageStream, MessagesErrorBody, MessagesRequest, TokenCount,
    count_to_chat, from_chat, to_chat,
};
use tenfold_protocol::sse::write_named_json;
use tenfold_serving::{AnswerOf, MeteredStream};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::{JsonBody, ModelCall};
use crate::sse;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_message))
        .routes(routes!(count_tokens))
        .layer(middleware::from_fn(in_anthropics_words))
}

/// Answers a conversation, whole or as server-sent events.
#[utoipa::path(
    post, path = "/v1/messages", tag = "messages", request_body = MessagesRequest,
    responses((status = 200, body = Message), (status = 400, body = MessagesErrorBody), (status = 401, body = MessagesErrorBody),
        (status = 404, body = MessagesErrorBody), (status = 429, body = MessagesErrorBody))
)]
async fn create_message(
    State(app): State<App>,
    call: ModelCall,
    JsonBody(request): JsonBody<MessagesRequest>,
) -> Result<Response, ApiError> {
    let chat = to_chat(&request)?;
    let served = app.serving.chat(&call.as_call(Operation::Messages), chat).await?;
    Ok(match served.answer {
        AnswerOf::Whole(whole) => Json(from_chat(*whole, app.rng.as_ref())).into_response(),
        AnswerOf::Stream(chunks) => stream_message(&app, request.model, chunks),
    })
}

/// Counts the tokens of a conversation's prompt.
#[utoipa::path(
    post, path = "/v1/messages/count_tokens", tag = "messages", request_body = CountTokensRequest,
    responses((status = 200, body = TokenCount), (status = 400, body = MessagesErrorBody), (status = 401, body = MessagesErrorBody))
)]
async fn count_tokens(
    State(app): State<App>,
    call: ModelCall,
    JsonBody(request): JsonBody<CountTokensRequest>,
) -> Result<Json<TokenCount>, ApiError> {
    let chat = count_to_chat(&request)?;
    let input_tokens = app.serving.count_tokens(&call.as_call(Operation::Messages), chat).await?;
    Ok(Json(TokenCount { input_tokens }))
}

fn stream_message(app: &App, model: String, chunks: MeteredStream<ChatChunk>) -> Response {
    let mut translator = MessageStream::new(model, app.rng.clone());
    let ready: VecDeque<_> = translator.start().into();
    let events = stream::unfold((ready, Some((translator, chunks))), |(mut ready, mut source)| async move {
        while ready.is_empty() {
            let (mut translator, mut chunks) = source.take()?;
            match chunks.next().await {
                Some(Ok(chunk)) => {
                    ready.extend(translator.push(&chunk));
                    source = Some((translator, chunks));
                }
                Some(Err(error)) => {
                    let error = ApiError::from(error);
                    ready.extend(translator.fail(class(error.kind()), &error.body().error.message));
                }
                None => ready.extend(translator.finish()),
            }
        }
        let event = ready.pop_front()?;
        let mut out = Vec::with_capacity(256);
        if let Err(error) = write_named_json(&mut out, event.name(), &event) {
            tracing::error!(%error, "event could not be written");
        }
        Some((out, (ready, source)))
    });
    sse::response(events)
}

/// Writes an error of ours as Anthropic's API does.
async fn in_anthropics_words(request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<RequestId>().map(ToString::to_string);
    let mut response = next.run(request).await;
    // What the platform calls `x-request-id`, under the name that clients of this API read.
    if let Some(Ok(id)) = request_id.as_deref().map(HeaderValue::from_str) {
        response.headers_mut().insert("request-id", id);
    }
    let Some(error) = response.extensions().get::<ApiError>() else { return response };
    let body = MessagesErrorBody::new(class(error.kind()), error.body().error.message, request_id);
    let mut headers: HeaderMap = response.headers().clone();
    headers.remove("content-length");
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    (response.status(), headers, Json(body)).into_response()
}

/// The class of an error, as the Anthropic API calls it.
fn class(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::Conflict => "invalid_request_error",
        ErrorKind::Unauthenticated => "authentication_error",
        ErrorKind::PermissionDenied => "permission_error",
        ErrorKind::NotFound => "not_found_error",
        ErrorKind::PayloadTooLarge => "request_too_large",
        ErrorKind::TooManyRequests => "rate_limit_error",
        ErrorKind::Timeout => "timeout_error",
        ErrorKind::Unavailable => "overloaded_error",
        ErrorKind::BadGateway | ErrorKind::Internal => "api_error",
    }
}
