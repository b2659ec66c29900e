//! `/v1/organization/admin_api_keys`.

use axum::Json;
use axum::extract::{Path, State};
use tenfold_identity::{KeyOwner, KeyView, NewKey, OwnerView};
use tenfold_kernel::{ApiKeyId, Timestamp};
use tenfold_protocol::admin::{AdminApiKey, AdminApiKeyOwner, CreateAdminApiKey, Deleted, OwnerKind};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{ListQuery, Params, ShownOnce, end_of, listed, path_id, scope_names, scopes_of, shown_once};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{JsonBody, OwnersReader, OwnersWriter};

const OBJECT: &str = "organization.admin_api_key";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_admin_keys, create_admin_key))
        .routes(routes!(get_admin_key, delete_admin_key))
}

fn written(KeyView { key, owner }: KeyView) -> AdminApiKey {
    let object = "organization.user".to_owned();
    let owner = match (owner, &key.owner) {
        (Some(OwnerView::User(user, _)), _) => AdminApiKeyOwner {
            kind: OwnerKind::User,
            object,
            id: user.id.to_string(),
            name: user.name,
            created_at: user.added_at.secs(),
            role: user.role.as_str().to_owned(),
        },
        // Admin keys are users' and go with them: what is left is a user who went between two reads.
        (_, KeyOwner::User(id)) => gone(OwnerKind::User, object, id.as_str(), key.created_at),
        (_, KeyOwner::ServiceAccount(id)) => gone(
            OwnerKind::ServiceAccount,
            "organization.service_account".to_owned(),
            id.as_str(),
            key.created_at,
        ),
    };
    AdminApiKey {
        object: OBJECT.to_owned(),
        id: key.id.to_string(),
        name: key.name,
        redacted_value: key.redacted,
        value: None,
        created_at: key.created_at.secs(),
        expires_at: key.expires_at.map(Timestamp::secs),
        last_used_at: key.last_used_at.map(Timestamp::secs),
        scopes: scope_names(&key.scopes),
        owner,
    }
}

fn gone(kind: OwnerKind, object: String, id: &str, since: Timestamp) -> AdminApiKeyOwner {
    AdminApiKeyOwner {
        kind,
        object,
        id: id.to_owned(),
        name: String::new(),
        created_at: since.secs(),
        role: "none".to_owned(),
    }
}

/// The organisation's admin keys, without their values.
#[utoipa::path(
    get, path = "/v1/organization/admin_api_keys", tag = "organization", params(ListQuery),
    responses((status = 200, body = List<AdminApiKey>), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn list_admin_keys(
    State(app): State<App>,
    OwnersReader(caller): OwnersReader,
    Params(query): Params<ListQuery>,
) -> Result<Json<List<AdminApiKey>>, ApiError> {
    let list = app.identity.list_admin_keys(&caller, &query.request()?).await?;
    Ok(Json(listed(list, |key| &key.id, written)))
}

/// Makes an admin key of the caller's user, and shows its value once. It may do no more than the caller's key.
#[utoipa::path(
    post, path = "/v1/organization/admin_api_keys", tag = "organization", request_body = CreateAdminApiKey,
    responses((status = 200, body = AdminApiKey), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn create_admin_key(
    State(app): State<App>,
    OwnersWriter(caller): OwnersWriter,
    JsonBody(body): JsonBody<CreateAdminApiKey>,
) -> Result<ShownOnce<AdminApiKey>, ApiError> {
    let scopes = scopes_of(body.scopes.as_deref())?;
    let expires_at = end_of(&app, body.expires_in_seconds)?;
    let new = NewKey { name: body.name, owner: None, scopes, expires_at };
    let made = app.identity.create_admin_key(&caller, new).await?;
    let value = Some(made.secret.expose().to_owned());
    let redacted = written(made.view);
    shown_once(AdminApiKey { value, ..redacted.clone() }, &redacted)
}

/// An admin key, without its value.
#[utoipa::path(
    get, path = "/v1/organization/admin_api_keys/{key_id}", tag = "organization",
    params(("key_id" = String, Path)),
    responses((status = 200, body = AdminApiKey), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn get_admin_key(
    State(app): State<App>,
    OwnersReader(caller): OwnersReader,
    Path(id): Path<String>,
) -> Result<Json<AdminApiKey>, ApiError> {
    let id = path_id("API key", &id, ApiKeyId::parse)?;
    Ok(Json(written(app.identity.get_admin_key(&caller, &id).await?)))
}

/// Revokes an admin key: the next call with it is refused. The last one stays.
#[utoipa::path(
    delete, path = "/v1/organization/admin_api_keys/{key_id}", tag = "organization",
    params(("key_id" = String, Path)),
    responses((status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody))
)]
async fn delete_admin_key(
    State(app): State<App>,
    OwnersWriter(caller): OwnersWriter,
    Path(id): Path<String>,
) -> Result<Json<Deleted>, ApiError> {
    let id = path_id("API key", &id, ApiKeyId::parse)?;
    app.identity.delete_admin_key(&caller, &id).await?;
    Ok(Json(Deleted::new(OBJECT, &id)))
}
