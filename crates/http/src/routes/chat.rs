//! `/v1/chat/completions`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use tenfold_billing::Operation;
use tenfold_protocol::chat::{ChatCompletion, ChatRequest};
use tenfold_protocol::error::ErrorBody;
use tenfold_serving::AnswerOf;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::{JsonBody, ModelCall};
use crate::routes::limit_headers;
use crate::sse;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create_chat_completion))
}

/// Answers a conversation, whole or as server-sent events.
#[utoipa::path(
    post, path = "/v1/chat/completions", tag = "chat", request_body = ChatRequest,
    responses((status = 200, body = ChatCompletion), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 429, body = ErrorBody), (status = 503, body = ErrorBody))
)]
async fn create_chat_completion(
    State(app): State<App>,
    call: ModelCall,
    JsonBody(request): JsonBody<ChatRequest>,
) -> Result<Response, ApiError> {
    let served = app.serving.chat(&call.as_call(Operation::ChatCompletions), request).await?;
    let headers = limit_headers(&served.limits);
    Ok(match served.answer {
        AnswerOf::Whole(whole) => (headers, Json(whole)).into_response(),
        AnswerOf::Stream(chunks) => (headers, sse::openai(chunks)).into_response(),
    })
}
