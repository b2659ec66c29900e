//! `/v1/console/password`.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use tenfold_protocol::console::ChangePassword;
use tenfold_protocol::error::ErrorBody;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::browser::Browser;
use crate::error::ApiError;
use crate::extract::JsonBody;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(change_password))
}

/// Changes one's password and signs every other browser out.
#[utoipa::path(
    post, path = "/v1/console/password", tag = "console", request_body = ChangePassword,
    responses((status = 200, body = Value), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 429, body = ErrorBody))
)]
async fn change_password(
    State(app): State<App>,
    browser: Browser,
    JsonBody(body): JsonBody<ChangePassword>,
) -> Result<Json<Value>, ApiError> {
    let (old, new) = (body.password.into_secret(), body.new_password.into_secret());
    app.accounts.change_password(&browser.info, &old, &new).await?;
    Ok(Json(json!({"object": "console.password", "changed": true})))
}
