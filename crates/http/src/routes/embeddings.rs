//! `/v1/embeddings`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use tenfold_billing::Operation;
use tenfold_protocol::embedding::{EmbeddingRequest, EmbeddingResponse};
use tenfold_protocol::error::ErrorBody;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::{JsonBody, ModelCall};
use crate::routes::limit_headers;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create_embedding))
}

/// Embeds texts or lists of tokens.
#[utoipa::path(
    post, path = "/v1/embeddings", tag = "embeddings", request_body = EmbeddingRequest,
    responses((status = 200, body = EmbeddingResponse), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 429, body = ErrorBody), (status = 503, body = ErrorBody))
)]
async fn create_embedding(
    State(app): State<App>,
    call: ModelCall,
    JsonBody(request): JsonBody<EmbeddingRequest>,
) -> Result<(HeaderMap, Json<EmbeddingResponse>), ApiError> {
    let (response, limits) = app.serving.embed(&call.as_call(Operation::Embeddings), request).await?;
    Ok((limit_headers(&limits), Json(response)))
}
