//! `/v1/console/sessions`: a person's browsers.

use axum::Json;
use axum::extract::{Path, State};
use tenfold_accounts::Session;
use tenfold_kernel::SessionId;
use tenfold_protocol::admin::Deleted;
use tenfold_protocol::console::BrowserSession;
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::browser::Browser;
use crate::error::ApiError;
use crate::routes::list_of;
use crate::routes::organization::path_id;

const OBJECT: &str = "console.session";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_sessions)).routes(routes!(end_session))
}

/// The browsers in which one is signed in, newest first.
#[utoipa::path(
    get, path = "/v1/console/sessions", tag = "console",
    responses((status = 200, body = List<BrowserSession>), (status = 401, body = ErrorBody))
)]
async fn list_sessions(
    State(app): State<App>,
    browser: Browser,
) -> Result<Json<List<BrowserSession>>, ApiError> {
    let this = &browser.info.session.id;
    let written = |session: Session| BrowserSession {
        id: session.id.to_string(),
        object: OBJECT.to_owned(),
        created_at: session.created_at.secs(),
        last_seen_at: session.last_seen_at.secs(),
        expires_at: session.expires_at.secs(),
        is_this_one: session.id == *this,
        user_agent: session.user_agent,
    };
    let sessions = app.accounts.list_sessions(&browser.info).await?;
    Ok(Json(list_of(sessions.into_iter().map(written).collect(), false, |session| &session.id)))
}

/// Signs another browser of one's own out.
#[utoipa::path(
    delete, path = "/v1/console/sessions/{session_id}", tag = "console", params(("session_id" = String, Path)),
    responses((status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn end_session(
    State(app): State<App>,
    browser: Browser,
    Path(id): Path<String>,
) -> Result<Json<Deleted>, ApiError> {
    let id = path_id("session", &id, SessionId::parse)?;
    app.accounts.end_session(&browser.info, &id).await?;
    Ok(Json(Deleted::new(OBJECT, &id)))
}
