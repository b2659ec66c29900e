//! `/v1/console/passkeys`.

use axum::Json;
use axum::extract::{Path, State};
use tenfold_accounts::Passkey;
use tenfold_kernel::{ChallengeId, PasskeyId};
use tenfold_protocol::admin::Deleted;
use tenfold_protocol::console::{PasskeyChallenge, PasskeyObject, RegisterPasskey};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::browser::Browser;
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::routes::list_of;
use crate::routes::organization::{body_id, path_id};

const OBJECT: &str = "console.passkey";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_passkeys, register_passkey))
        .routes(routes!(begin_passkey))
        .routes(routes!(delete_passkey))
}

fn written(passkey: Passkey) -> PasskeyObject {
    PasskeyObject {
        id: passkey.id.to_string(),
        object: OBJECT.to_owned(),
        name: passkey.name,
        created_at: passkey.created_at.secs(),
        last_used_at: passkey.last_used_at.map(tenfold_kernel::Timestamp::secs),
    }
}

/// One's passkeys, oldest first.
#[utoipa::path(
    get, path = "/v1/console/passkeys", tag = "console",
    responses((status = 200, body = List<PasskeyObject>), (status = 401, body = ErrorBody))
)]
async fn list_passkeys(
    State(app): State<App>,
    browser: Browser,
) -> Result<Json<List<PasskeyObject>>, ApiError> {
    let passkeys = app.accounts.list_passkeys(&browser.info).await?;
    Ok(Json(list_of(passkeys.into_iter().map(written).collect(), false, |passkey| &passkey.id)))
}

/// What to ask a browser that is to make a passkey.
#[utoipa::path(
    post, path = "/v1/console/passkeys/challenge", tag = "console",
    responses((status = 200, body = PasskeyChallenge), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn begin_passkey(State(app): State<App>, browser: Browser) -> Result<Json<PasskeyChallenge>, ApiError> {
    let question = app.accounts.begin_passkey(&browser.info).await?;
    let challenge_id = question.challenge.to_string();
    Ok(Json(PasskeyChallenge { challenge_id, public_key: question.public_key }))
}

/// Keeps a passkey that the browser has made.
#[utoipa::path(
    post, path = "/v1/console/passkeys", tag = "console", request_body = RegisterPasskey,
    responses((status = 200, body = PasskeyObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 409, body = ErrorBody))
)]
async fn register_passkey(
    State(app): State<App>,
    browser: Browser,
    JsonBody(body): JsonBody<RegisterPasskey>,
) -> Result<Json<PasskeyObject>, ApiError> {
    let challenge = body_id("challenge_id", &body.challenge_id, ChallengeId::parse)?;
    let answer = body.credential.to_string();
    let made =
        app.accounts.register_passkey(&browser.info, &challenge, &body.name, answer.as_bytes()).await?;
    Ok(Json(written(made)))
}

/// Forgets a passkey.
#[utoipa::path(
    delete, path = "/v1/console/passkeys/{passkey_id}", tag = "console", params(("passkey_id" = String, Path)),
    responses((status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn delete_passkey(
    State(app): State<App>,
    browser: Browser,
    Path(id): Path<String>,
) -> Result<Json<Deleted>, ApiError> {
    let id = path_id("passkey", &id, PasskeyId::parse)?;
    app.accounts.delete_passkey(&browser.info, &id).await?;
    Ok(Json(Deleted::new(OBJECT, &id)))
}
