//! `/v1/organization/projects/{project_id}/api_keys`.

use axum::Json;
use axum::extract::{Path, State};
use tenfold_identity::{Calls, KeyOwner, KeyView, NewKey, OwnerView};
use tenfold_kernel::{ApiKeyId, ProjectId, ServiceAccountId, Timestamp, UserId};
use tenfold_protocol::admin::{
    CreateProjectApiKey, Deleted, KeyUser, OwnerAccess, OwnerKind, ProjectApiKey, ProjectApiKeyOwner,
};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{
    ListQuery, Params, ShownOnce, body_id, end_of, listed, path_id, scope_names, scopes_of, service_accounts,
    shown_once,
};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{JsonBody, KeysReader, KeysWriter};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_keys, create_key)).routes(routes!(get_key, delete_key))
}

fn written(KeyView { key, owner }: KeyView) -> ProjectApiKey {
    let kind = match key.owner {
        KeyOwner::User(_) => OwnerKind::User,
        KeyOwner::ServiceAccount(_) => OwnerKind::ServiceAccount,
    };
    let (user, service_account, active) = match owner {
        None => (None, None, false),
        Some(OwnerView::ServiceAccount(account)) => (None, Some(service_accounts::written(account)), true),
        Some(OwnerView::User(user, member)) => {
            let everywhere = user.role.calls() == Calls::InEveryProject;
            let active = everywhere || member.is_some();
            // An owner of the organisation is one in every project.
            let role = member.as_ref().map_or(if everywhere { "owner" } else { "none" }, |m| m.role.as_str());
            let since = member.as_ref().map_or(user.added_at, |member| member.added_at);
            let user = KeyUser {
                object: "organization.project.user".to_owned(),
                id: user.id.to_string(),
                name: user.name,
                email: user.email,
                role: role.to_owned(),
                created_at: user.added_at.secs(),
                added_at: since.secs(),
            };
            (Some(user), None, active)
        }
    };
    ProjectApiKey {
        object: "organization.project.api_key".to_owned(),
        id: key.id.to_string(),
        name: key.name,
        redacted_value: key.redacted,
        value: None,
        created_at: key.created_at.secs(),
        expires_at: key.expires_at.map(Timestamp::secs),
        last_used_at: key.last_used_at.map(Timestamp::secs),
        scopes: scope_names(&key.scopes),
        owner: ProjectApiKeyOwner { kind, user, service_account },
        owner_project_access: if active { OwnerAccess::Active } else { OwnerAccess::Inactive },
    }
}

/// The keys of a project, without their values.
#[utoipa::path(
    get, path = "/v1/organization/projects/{project_id}/api_keys", tag = "organization",
    params(("project_id" = String, Path), ListQuery),
    responses((status = 200, body = List<ProjectApiKey>), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn list_keys(
    State(app): State<App>,
    KeysReader(caller): KeysReader,
    Path(project): Path<String>,
    Params(query): Params<ListQuery>,
) -> Result<Json<List<ProjectApiKey>>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let list = app.identity.list_project_keys(&caller, &project, &query.request()?).await?;
    Ok(Json(listed(list, |key| &key.id, written)))
}

/// Makes a key that calls in the project's name, and shows its value once. An extension of the OpenAI API, which
/// makes such keys on a web page only.
#[utoipa::path(
    post, path = "/v1/organization/projects/{project_id}/api_keys", tag = "organization",
    request_body = CreateProjectApiKey, params(("project_id" = String, Path)),
    responses((status = 200, body = ProjectApiKey), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody))
)]
async fn create_key(
    State(app): State<App>,
    KeysWriter(caller): KeysWriter,
    Path(project): Path<String>,
    JsonBody(body): JsonBody<CreateProjectApiKey>,
) -> Result<ShownOnce<ProjectApiKey>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let owner = match (&body.user_id, &body.service_account_id) {
        (None, None) => None,
        (Some(id), None) => Some(KeyOwner::User(body_id("user_id", id, UserId::parse)?)),
        (None, Some(id)) => {
            Some(KeyOwner::ServiceAccount(body_id("service_account_id", id, ServiceAccountId::parse)?))
        }
        (Some(_), Some(_)) => {
            let message = "A key is for a user or for a service account, not for both.";
            return Err(ApiError::invalid("service_account_id", message));
        }
    };
    let scopes = scopes_of(body.scopes.as_deref())?;
    let expires_at = end_of(&app, body.expires_in_seconds)?;
    let new = NewKey { name: body.name, owner, scopes, expires_at };
    let made = app.identity.create_project_key(&caller, &project, new).await?;
    let value = Some(made.secret.expose().to_owned());
    let redacted = written(made.view);
    shown_once(ProjectApiKey { value, ..redacted.clone() }, &redacted)
}

/// A key of a project, without its value.
#[utoipa::path(
    get, path = "/v1/organization/projects/{project_id}/api_keys/{key_id}", tag = "organization",
    params(("project_id" = String, Path), ("key_id" = String, Path)),
    responses((status = 200, body = ProjectApiKey), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn get_key(
    State(app): State<App>,
    KeysReader(caller): KeysReader,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<ProjectApiKey>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let id = path_id("API key", &id, ApiKeyId::parse)?;
    Ok(Json(written(app.identity.get_project_key(&caller, &project, &id).await?)))
}

/// Revokes a key: the next call with it is refused.
#[utoipa::path(
    delete, path = "/v1/organization/projects/{project_id}/api_keys/{key_id}", tag = "organization",
    params(("project_id" = String, Path), ("key_id" = String, Path)),
    responses((status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn delete_key(
    State(app): State<App>,
    KeysWriter(caller): KeysWriter,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<Deleted>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let id = path_id("API key", &id, ApiKeyId::parse)?;
    app.identity.delete_project_key(&caller, &project, &id).await?;
    Ok(Json(Deleted::new("organization.project.api_key", &id)))
}
