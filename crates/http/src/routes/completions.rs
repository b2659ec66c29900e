//! `/v1/completions`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use tenfold_billing::Operation;
use tenfold_protocol::completion::{Completion, CompletionRequest};
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
    OpenApiRouter::new().routes(routes!(create_completion))
}

/// Goes on with a text; with `suffix`, fills the gap before it.
#[utoipa::path(
    post, path = "/v1/completions", tag = "completions", request_body = CompletionRequest,
    responses((status = 200, body = Completion), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 429, body = ErrorBody), (status = 503, body = ErrorBody))
)]
async fn create_completion(
    State(app): State<App>,
    call: ModelCall,
    JsonBody(request): JsonBody<CompletionRequest>,
) -> Result<Response, ApiError> {
    let served = app.serving.complete(&call.as_call(Operation::Completions), request).await?;
    let headers = limit_headers(&served.limits);
    Ok(match served.answer {
        AnswerOf::Whole(whole) => (headers, Json(whole)).into_response(),
        AnswerOf::Stream(chunks) => (headers, sse::openai(chunks)).into_response(),
    })
}
