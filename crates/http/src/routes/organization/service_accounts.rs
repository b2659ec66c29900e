//! `/v1/organization/projects/{project_id}/service_accounts`.

use axum::Json;
use axum::extract::{Path, State};
use tenfold_identity::{CreatedKey, KeyOwner, NewKey};
use tenfold_kernel::{ProjectId, ServiceAccountId, Timestamp};
use tenfold_protocol::admin::{
    CreateServiceAccount, CreateServiceAccountApiKey, CreatedServiceAccount, Deleted, ServiceAccount,
    ServiceAccountApiKey,
};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{ListQuery, Params, ShownOnce, end_of, listed, path_id, scopes_of, shown_once};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{JsonBody, PeopleReader, PeopleWriter};

const OBJECT: &str = "organization.project.service_account";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_service_accounts, create_service_account))
        .routes(routes!(get_service_account, delete_service_account))
        .routes(routes!(create_service_account_key))
}

pub(super) fn written(account: tenfold_identity::ServiceAccount) -> ServiceAccount {
    ServiceAccount {
        object: OBJECT.to_owned(),
        id: account.id.to_string(),
        name: account.name,
        role: account.role.as_str().to_owned(),
        created_at: account.created_at.secs(),
    }
}

/// The key with its value, and with its redacted value in that place.
fn written_key(made: CreatedKey) -> (ServiceAccountApiKey, ServiceAccountApiKey) {
    let key = made.view.key;
    let redacted = ServiceAccountApiKey {
        object: "organization.project.service_account.api_key".to_owned(),
        id: key.id.to_string(),
        name: key.name,
        value: key.redacted,
        created_at: key.created_at.secs(),
        expires_at: key.expires_at.map(Timestamp::secs),
    };
    (ServiceAccountApiKey { value: made.secret.expose().to_owned(), ..redacted.clone() }, redacted)
}

/// The service accounts of a project.
#[utoipa::path(
    get, path = "/v1/organization/projects/{project_id}/service_accounts", tag = "organization",
    params(("project_id" = String, Path), ListQuery),
    responses((status = 200, body = List<ServiceAccount>), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn list_service_accounts(
    State(app): State<App>,
    PeopleReader(caller): PeopleReader,
    Path(project): Path<String>,
    Params(query): Params<ListQuery>,
) -> Result<Json<List<ServiceAccount>>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let list = app.identity.list_service_accounts(&caller, &project, &query.request()?).await?;
    Ok(Json(listed(list, |account| &account.id, written)))
}

/// Makes a service account with a key, whose value is shown once.
#[utoipa::path(
    post, path = "/v1/organization/projects/{project_id}/service_accounts", tag = "organization",
    request_body = CreateServiceAccount, params(("project_id" = String, Path)),
    responses((status = 200, body = CreatedServiceAccount), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody))
)]
async fn create_service_account(
    State(app): State<App>,
    PeopleWriter(caller): PeopleWriter,
    Path(project): Path<String>,
    JsonBody(body): JsonBody<CreateServiceAccount>,
) -> Result<ShownOnce<CreatedServiceAccount>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let end = end_of(&app, body.expires_in_seconds)?;
    let made = app.identity.create_service_account(&caller, &project, &body.name, end).await?;
    let (api_key, redacted) = written_key(made.key);
    let ServiceAccount { object, id, name, role, created_at } = written(made.account);
    let account = CreatedServiceAccount { object, id, name, role, created_at, api_key };
    let redacted = CreatedServiceAccount { api_key: redacted, ..account.clone() };
    shown_once(account, &redacted)
}

/// Makes another key of a service account, whose value is shown once.
#[utoipa::path(
    post, path = "/v1/organization/projects/{project_id}/service_accounts/{service_account_id}/api_keys",
    tag = "organization", request_body = CreateServiceAccountApiKey,
    params(("project_id" = String, Path), ("service_account_id" = String, Path)),
    responses((status = 200, body = ServiceAccountApiKey), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody))
)]
async fn create_service_account_key(
    State(app): State<App>,
    PeopleWriter(caller): PeopleWriter,
    Path((project, id)): Path<(String, String)>,
    JsonBody(body): JsonBody<CreateServiceAccountApiKey>,
) -> Result<ShownOnce<ServiceAccountApiKey>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let id = path_id("service account", &id, ServiceAccountId::parse)?;
    let new = NewKey {
        name: body.name.unwrap_or_else(|| "Secret Key".to_owned()),
        owner: Some(KeyOwner::ServiceAccount(id)),
        scopes: scopes_of(body.scopes.as_deref())?,
        expires_at: end_of(&app, body.expires_in_seconds)?,
    };
    let (key, redacted) = written_key(app.identity.create_project_key(&caller, &project, new).await?);
    shown_once(key, &redacted)
}

/// A service account.
#[utoipa::path(
    get, path = "/v1/organization/projects/{project_id}/service_accounts/{service_account_id}",
    tag = "organization", params(("project_id" = String, Path), ("service_account_id" = String, Path)),
    responses((status = 200, body = ServiceAccount), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn get_service_account(
    State(app): State<App>,
    PeopleReader(caller): PeopleReader,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<ServiceAccount>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let id = path_id("service account", &id, ServiceAccountId::parse)?;
    Ok(Json(written(app.identity.get_service_account(&caller, &project, &id).await?)))
}

/// Removes a service account: the next call with one of its keys is refused.
#[utoipa::path(
    delete, path = "/v1/organization/projects/{project_id}/service_accounts/{service_account_id}",
    tag = "organization", params(("project_id" = String, Path), ("service_account_id" = String, Path)),
    responses((status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn delete_service_account(
    State(app): State<App>,
    PeopleWriter(caller): PeopleWriter,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<Deleted>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let id = path_id("service account", &id, ServiceAccountId::parse)?;
    app.identity.delete_service_account(&caller, &project, &id).await?;
    Ok(Json(Deleted::new(OBJECT, &id)))
}
