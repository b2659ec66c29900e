//! `/v1/console/totp`: one-time codes.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use tenfold_protocol::console::{ConfirmPassword, DisableTotp, EnabledTotp, NewTotp, TotpCode};
use tenfold_protocol::error::ErrorBody;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::browser::Browser;
use crate::error::ApiError;
use crate::extract::JsonBody;

const OBJECT: &str = "console.totp";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(begin_totp, disable_totp)).routes(routes!(confirm_totp))
}

/// Makes a secret for an authenticator app. Nothing changes until a code of it is shown.
#[utoipa::path(
    post, path = "/v1/console/totp", tag = "console", request_body = ConfirmPassword,
    responses((status = 200, body = NewTotp), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 409, body = ErrorBody), (status = 429, body = ErrorBody))
)]
async fn begin_totp(
    State(app): State<App>,
    browser: Browser,
    JsonBody(body): JsonBody<ConfirmPassword>,
) -> Result<Json<NewTotp>, ApiError> {
    let pending = app.accounts.begin_totp(&browser.info, &body.password.into_secret()).await?;
    let (secret, url) = (pending.secret.to_base32(), pending.url.expose().to_owned());
    Ok(Json(NewTotp { object: OBJECT.to_owned(), secret, url }))
}

/// Turns one-time codes on.
#[utoipa::path(
    post, path = "/v1/console/totp/confirm", tag = "console", request_body = TotpCode,
    responses((status = 200, body = EnabledTotp), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 409, body = ErrorBody))
)]
async fn confirm_totp(
    State(app): State<App>,
    browser: Browser,
    JsonBody(body): JsonBody<TotpCode>,
) -> Result<Json<EnabledTotp>, ApiError> {
    let codes = app.accounts.confirm_totp(&browser.info, body.code.into_secret().expose()).await?;
    let recovery_codes = codes.iter().map(|code| code.expose().to_owned()).collect();
    Ok(Json(EnabledTotp { object: OBJECT.to_owned(), enabled: true, recovery_codes }))
}

/// Turns one-time codes off.
#[utoipa::path(
    delete, path = "/v1/console/totp", tag = "console", request_body = DisableTotp,
    responses((status = 200, body = Value), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 409, body = ErrorBody), (status = 429, body = ErrorBody))
)]
async fn disable_totp(
    State(app): State<App>,
    browser: Browser,
    JsonBody(body): JsonBody<DisableTotp>,
) -> Result<Json<Value>, ApiError> {
    let (password, code) = (body.password.into_secret(), body.code.into_secret());
    app.accounts.disable_totp(&browser.info, &password, code.expose()).await?;
    Ok(Json(json!({"object": OBJECT, "enabled": false})))
}
