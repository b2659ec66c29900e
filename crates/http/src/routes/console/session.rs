//! `/v1/console/session`: this browser.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use tenfold_accounts::Credentials;
use tenfold_kernel::ChallengeId;
use tenfold_protocol::admin::Deleted;
use tenfold_protocol::console::{ConsoleSession, PasskeyChallenge, PasskeySignIn, SignIn};
use tenfold_protocol::error::ErrorBody;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NewSession, session_body, set_cookie, signed_in, user_agent};
use crate::app::App;
use crate::browser::Browser;
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::routes::organization::body_id;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_session, sign_in, sign_out))
        .routes(routes!(begin_passkey_sign_in))
        .routes(routes!(sign_in_with_passkey))
}

/// Who is signed in.
#[utoipa::path(
    get, path = "/v1/console/session", tag = "console",
    responses((status = 200, body = ConsoleSession), (status = 401, body = ErrorBody))
)]
async fn get_session(State(app): State<App>, browser: Browser) -> Result<Json<ConsoleSession>, ApiError> {
    let person = browser.person(&app).await?;
    Ok(Json(session_body(&app, &browser.info, browser.csrf_token, person).await?))
}

/// Signs the browser in. 401 with `totp_required` where the password is right and a one-time code has to come with it;
/// 429 with `retry-after` after too many failures.
#[utoipa::path(
    post, path = "/v1/console/session", tag = "console", request_body = SignIn, security(()),
    responses((status = 200, body = ConsoleSession), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 429, body = ErrorBody))
)]
async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SignIn>,
) -> Result<NewSession, ApiError> {
    let credentials = Credentials {
        email: body.email,
        password: body.password.into_secret(),
        code: body.totp_code.map(tenfold_protocol::console::SecretText::into_secret),
        user_agent: user_agent(&headers),
    };
    signed_in(&app, app.accounts.sign_in(credentials).await?).await
}

/// Signs the browser out.
#[utoipa::path(
    delete, path = "/v1/console/session", tag = "console",
    responses((status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn sign_out(State(app): State<App>, browser: Browser) -> Result<(HeaderMap, Json<Deleted>), ApiError> {
    let id = &browser.info.session.id;
    app.accounts.end_session(&browser.info, id).await?;
    Ok((set_cookie(&app, "", 0)?, Json(Deleted::new("console.session", id))))
}

/// What to ask a browser whose person shows a passkey.
#[utoipa::path(
    post, path = "/v1/console/session/passkey/challenge", tag = "console", security(()),
    responses((status = 200, body = PasskeyChallenge), (status = 400, body = ErrorBody))
)]
async fn begin_passkey_sign_in(State(app): State<App>) -> Result<Json<PasskeyChallenge>, ApiError> {
    let question = app.accounts.begin_passkey_sign_in().await?;
    let challenge_id = question.challenge.to_string();
    Ok(Json(PasskeyChallenge { challenge_id, public_key: question.public_key }))
}

/// Signs the browser in with a passkey, which stands for the password and the code.
#[utoipa::path(
    post, path = "/v1/console/session/passkey", tag = "console", request_body = PasskeySignIn, security(()),
    responses((status = 200, body = ConsoleSession), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody))
)]
async fn sign_in_with_passkey(
    State(app): State<App>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<PasskeySignIn>,
) -> Result<NewSession, ApiError> {
    let challenge = body_id("challenge_id", &body.challenge_id, ChallengeId::parse)?;
    let answer = body.credential.to_string();
    let agent = user_agent(&headers);
    let done = app.accounts.sign_in_with_passkey(&challenge, answer.as_bytes(), &agent).await?;
    signed_in(&app, done).await
}
