//! `/v1/responses`.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response as HttpResponse};
use futures::StreamExt;
use serde::Deserialize;
use tenfold_billing::Operation;
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use tenfold_protocol::responses::{Item, Response, ResponseDeleted, ResponsesRequest};
use tenfold_protocol::sse::write_named_json;
use tenfold_serving::AnswerOf;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::{JsonBody, ModelCall};
use crate::routes::{limit_headers, page};
use crate::sse;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_response))
        .routes(routes!(get_response, delete_response))
        .routes(routes!(cancel_response))
        .routes(routes!(list_input_items))
}

/// Makes a response: whole, as server-sent events, or in the background.
#[utoipa::path(
    post, path = "/v1/responses", tag = "responses", request_body = ResponsesRequest,
    responses((status = 200, body = Response), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 429, body = ErrorBody), (status = 503, body = ErrorBody))
)]
async fn create_response(
    State(app): State<App>,
    call: ModelCall,
    JsonBody(request): JsonBody<ResponsesRequest>,
) -> Result<HttpResponse, ApiError> {
    let created = app.serving.create_response(&call.as_call(Operation::Responses), request).await?;
    let headers = limit_headers(&created.limits);
    Ok(match created.answer {
        AnswerOf::Whole(whole) => (headers, Json(whole)).into_response(),
        AnswerOf::Stream(events) => {
            let written = events.map(|event| {
                let mut out = Vec::with_capacity(512);
                if let Err(error) = write_named_json(&mut out, event.name(), &event) {
                    tracing::error!(%error, "event could not be written");
                }
                out
            });
            (headers, sse::response(written)).into_response()
        }
    })
}

/// A stored response.
#[utoipa::path(
    get, path = "/v1/responses/{response_id}", tag = "responses", params(("response_id" = String, Path)),
    responses((status = 200, body = Response), (status = 404, body = ErrorBody))
)]
async fn get_response(
    State(app): State<App>,
    call: ModelCall,
    Path(id): Path<String>,
) -> Result<Json<Response>, ApiError> {
    Ok(Json(app.serving.response(&call.caller().project, &id).await?))
}

/// Forgets a stored response.
#[utoipa::path(
    delete, path = "/v1/responses/{response_id}", tag = "responses", params(("response_id" = String, Path)),
    responses((status = 200, body = ResponseDeleted), (status = 404, body = ErrorBody))
)]
async fn delete_response(
    State(app): State<App>,
    call: ModelCall,
    Path(id): Path<String>,
) -> Result<Json<ResponseDeleted>, ApiError> {
    app.serving.delete_response(&call.caller().project, &id).await?;
    Ok(Json(ResponseDeleted { id, object: "response".to_owned(), deleted: true }))
}

/// Stops a response that is made in the background.
#[utoipa::path(
    post, path = "/v1/responses/{response_id}/cancel", tag = "responses", params(("response_id" = String, Path)),
    responses((status = 200, body = Response), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn cancel_response(
    State(app): State<App>,
    call: ModelCall,
    Path(id): Path<String>,
) -> Result<Json<Response>, ApiError> {
    Ok(Json(app.serving.cancel_response(&call.caller().project, &id).await?))
}

/// Which part of a list, in which order.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct ItemQuery {
    /// 1..=100; 20 when not given.
    limit: Option<u32>,
    /// The id that the page comes after.
    after: Option<String>,
    /// `desc` (newest first, when not given) or `asc`.
    order: Option<String>,
}

/// What a stored response was made from.
#[utoipa::path(
    get, path = "/v1/responses/{response_id}/input_items", tag = "responses",
    params(("response_id" = String, Path), ItemQuery),
    responses((status = 200, body = List<Item>), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn list_input_items(
    State(app): State<App>,
    call: ModelCall,
    Path(id): Path<String>,
    Query(query): Query<ItemQuery>,
) -> Result<Json<List<Item>>, ApiError> {
    let mut items = app.serving.response_input(&call.caller().project, &id).await?;
    match query.order.as_deref() {
        None | Some("desc") => items.reverse(),
        Some("asc") => {}
        Some(_) => return Err(ApiError::invalid("order", "`order` is `asc` or `desc`.")),
    }
    page(items, query.limit, query.after.as_deref(), Item::id).map(Json)
}
