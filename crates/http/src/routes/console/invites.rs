//! `/v1/console/invites/{token}`: an invitation as whoever holds it sees it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use tenfold_protocol::console::{AcceptInvite, ConsoleSession, OpenInvite};
use tenfold_protocol::error::ErrorBody;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NewSession, signed_in, user_agent};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::JsonBody;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_open_invite, accept_invite))
}

/// To whom and to what an invitation is.
#[utoipa::path(
    get, path = "/v1/console/invites/{token}", tag = "console", params(("token" = String, Path)), security(()),
    responses((status = 200, body = OpenInvite), (status = 404, body = ErrorBody))
)]
async fn get_open_invite(
    State(app): State<App>,
    Path(token): Path<String>,
) -> Result<Json<OpenInvite>, ApiError> {
    let invite = app.accounts.find_invite(&token).await?;
    Ok(Json(OpenInvite {
        object: "console.invite".to_owned(),
        email: invite.email,
        organization_name: invite.organization_name,
        expires_at: invite.expires_at.secs(),
    }))
}

/// Accepts an invitation, once, and signs the browser in.
#[utoipa::path(
    post, path = "/v1/console/invites/{token}", tag = "console", request_body = AcceptInvite,
    params(("token" = String, Path)), security(()),
    responses((status = 200, body = ConsoleSession), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody))
)]
async fn accept_invite(
    State(app): State<App>,
    headers: HeaderMap,
    Path(token): Path<String>,
    JsonBody(body): JsonBody<AcceptInvite>,
) -> Result<NewSession, ApiError> {
    let (password, agent) = (body.password.into_secret(), user_agent(&headers));
    signed_in(&app, app.accounts.accept_invite(&token, &body.name, &password, &agent).await?).await
}
