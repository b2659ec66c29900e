//! `/v1/console/...`: signing in to the console, and what people keep for it. A cookie that no script reads holds the
//! session; whatever changes something shows, beside it, a token that only our own pages have.

mod invites;
mod passkeys;
mod password;
mod session;
mod sessions;
mod setup;
mod totp;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use tenfold_accounts::{SessionInfo, SignedIn};
use tenfold_identity::Person;
use tenfold_kernel::{Area, Caller, ErrorKind, Scope};
use tenfold_protocol::console::{
    ConsoleAccess, ConsoleInfo, ConsoleOrganization, ConsoleProject, ConsoleSession, ConsoleUser, SignInWays,
};
use tenfold_protocol::error::ErrorBody;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::browser::COOKIE;
use crate::error::ApiError;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_console))
        .merge(setup::router())
        .merge(session::router())
        .merge(sessions::router())
        .merge(password::router())
        .merge(totp::router())
        .merge(passkeys::router())
        .merge(invites::router())
        .layer(map_response(async |mut response: Response| {
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }))
}

/// What a browser knows before anybody has signed in.
#[utoipa::path(
    get, path = "/v1/console", tag = "console", security(()),
    responses((status = 200, body = ConsoleInfo), (status = 503, body = ErrorBody))
)]
async fn get_console(State(app): State<App>) -> Result<Json<ConsoleInfo>, ApiError> {
    Ok(Json(ConsoleInfo {
        object: "console".to_owned(),
        needs_setup: app.accounts.needs_set_up().await?,
        sign_in: SignInWays { passkeys: app.accounts.has_passkeys(), oidc: Vec::new() },
        version: app.version.to_owned(),
    }))
}

/// The answer to a browser that was just signed in.
type NewSession = (HeaderMap, Json<ConsoleSession>);

async fn signed_in(app: &App, signed_in: SignedIn) -> Result<NewSession, ApiError> {
    let SignedIn { token, csrf_token, info } = signed_in;
    let account = &info.account;
    let (organization, key) = (&account.organization, &account.console_key);
    let person = app.identity.person(organization, &account.user, key, None).await?;
    let life = info.session.ends_at.0.saturating_sub(info.session.created_at.0) / 1000;
    let cookie = set_cookie(app, token.expose(), life)?;
    Ok((cookie, Json(session_body(app, &info, csrf_token, person).await?)))
}

/// A cookie that lives for so many seconds; with none it is forgotten.
fn set_cookie(app: &App, token: &str, seconds: i64) -> Result<HeaderMap, ApiError> {
    let secure = if app.config.is_https { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    let value = HeaderValue::from_str(&cookie)
        .map_err(|_| ApiError::new(ErrorKind::Internal, "a session's token cannot be a cookie"))?;
    Ok(HeaderMap::from_iter([(header::SET_COOKIE, value)]))
}

async fn session_body(
    app: &App,
    info: &SessionInfo,
    csrf_token: String,
    person: Person,
) -> Result<ConsoleSession, ApiError> {
    let Person { user, organization, projects, caller } = person;
    let profile = app.billing.profile(&organization.id).await?;
    Ok(ConsoleSession {
        id: info.session.id.to_string(),
        object: "console.session".to_owned(),
        csrf_token,
        created_at: info.session.created_at.secs(),
        expires_at: info.session.expires_at.secs(),
        access: access(user.role.access(), caller.as_ref()),
        user: ConsoleUser {
            id: user.id.to_string(),
            name: user.name,
            email: user.email,
            role: user.role.as_str().to_owned(),
            has_totp: info.account.totp.is_some(),
            has_passkey: info.has_passkey,
        },
        organization: ConsoleOrganization {
            id: organization.id.to_string(),
            name: organization.name,
            time_zone: profile.zone.iana_name().unwrap_or("UTC").to_owned(),
            default_project: organization.default_project.to_string(),
        },
        projects: projects
            .into_iter()
            .map(|project| ConsoleProject { id: project.id.to_string(), name: project.name })
            .collect(),
    })
}

fn access(access: tenfold_kernel::Access, caller: Option<&Caller>) -> ConsoleAccess {
    let to = |area| access.to(area).as_str().to_owned();
    ConsoleAccess {
        models: to(Area::Models),
        usage: to(Area::Usage),
        billing: to(Area::Billing),
        people: to(Area::People),
        owners: to(Area::Owners),
        own_keys: to(Area::OwnKeys),
        audit: to(Area::Audit),
        settings: to(Area::Settings),
        calls: caller.is_some_and(|caller| caller.allows(Scope::ModelRequest)),
    }
}

/// What the browser says of itself.
fn user_agent(headers: &HeaderMap) -> String {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
