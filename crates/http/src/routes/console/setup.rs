//! `/v1/console/setup`.

use axum::extract::State;
use axum::http::HeaderMap;
use tenfold_accounts::SetUp;
use tenfold_protocol::console::{ConsoleSession, SetUpConsole};
use tenfold_protocol::error::ErrorBody;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NewSession, signed_in, user_agent};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::JsonBody;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(set_up))
}

/// Makes the first account, of the owner whose admin key is shown, and signs the browser in. Once.
#[utoipa::path(
    post, path = "/v1/console/setup", tag = "console", request_body = SetUpConsole, security(()),
    responses((status = 200, body = ConsoleSession), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 409, body = ErrorBody))
)]
async fn set_up(
    State(app): State<App>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SetUpConsole>,
) -> Result<NewSession, ApiError> {
    let caller = app.identity.authenticate(body.admin_key.into_secret().expose()).await?;
    let new = SetUp {
        name: body.name,
        email: body.email,
        password: body.password.into_secret(),
        user_agent: user_agent(&headers),
    };
    signed_in(&app, app.accounts.set_up(&caller, new).await?).await
}
