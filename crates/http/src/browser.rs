//! Browsers that are signed in to the console.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use tenfold_accounts::SessionInfo;
use tenfold_identity::Person;
use tenfold_kernel::{Caller, ErrorKind, ProjectId};

use crate::app::App;
use crate::error::ApiError;

/// The cookie that holds a session's token.
pub(crate) const COOKIE: &str = "tenfold_session";

/// A browser that is signed in. Where it changes something, its page has proven that it is ours.
#[derive(Debug)]
pub(crate) struct Browser {
    pub(crate) info: SessionInfo,
    pub(crate) csrf_token: String,
    /// The project that the request is about, if it names one.
    project: Option<ProjectId>,
}

impl FromRequestParts<App> for Browser {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let token = token(&parts.headers).unwrap_or_default();
        let info = app.accounts.session(token).await?;
        // A cookie comes along with every request, whichever page sends it; a header of ours does not.
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            let shown = parts.headers.get("x-csrf-token").and_then(|value| value.to_str().ok());
            app.accounts.check_csrf(token, shown.unwrap_or_default())?;
        }
        let csrf_token = app.accounts.csrf_token(token);
        Ok(Self { info, csrf_token, project: project(&parts.headers)? })
    }
}

impl Browser {
    /// Who it is that is signed in, in the project that the request names.
    pub(crate) async fn person(&self, app: &App) -> Result<Person, ApiError> {
        let account = &self.info.account;
        let (organization, user, key) = (&account.organization, &account.user, &account.console_key);
        Ok(app.identity.person(organization, user, key, self.project.as_ref()).await?)
    }

    /// The caller that the person is.
    pub(crate) async fn caller(&self, app: &App) -> Result<Caller, ApiError> {
        self.person(app).await?.caller.ok_or_else(|| {
            let message = "You are a member of no project yet. Ask an administrator to add you to one.";
            ApiError::new(ErrorKind::PermissionDenied, message).with_code("no_project")
        })
    }
}

/// The token of a session, where the request comes with one.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim() == COOKIE).map(|(_, token)| token.trim())
}

fn project(headers: &HeaderMap) -> Result<Option<ProjectId>, ApiError> {
    let Some(value) = headers.get("openai-project") else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(|id| ProjectId::parse(id).ok());
    parsed.map(Some).ok_or_else(|| ApiError::invalid("openai-project", "`openai-project` is a project's id."))
}
