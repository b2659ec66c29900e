//! `/v1/organization/users`.

use axum::Json;
use axum::extract::{Path, State};
use tenfold_identity::{NewUser, OrganizationRole};
use tenfold_kernel::UserId;
use tenfold_protocol::admin::{CreateUser, Deleted, ModifyRole, User};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{ListQuery, Params, listed, path_id};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{JsonBody, PeopleReader, PeopleWriter};

const OBJECT: &str = "organization.user";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_users, create_user)).routes(routes!(
        get_user,
        modify_user,
        delete_user
    ))
}

fn written(user: tenfold_identity::User) -> User {
    User {
        object: OBJECT.to_owned(),
        id: user.id.to_string(),
        name: user.name,
        email: user.email,
        role: user.role.as_str().to_owned(),
        added_at: user.added_at.secs(),
    }
}

/// The organisation's users.
#[utoipa::path(
    get, path = "/v1/organization/users", tag = "organization", params(ListQuery),
    responses((status = 200, body = List<User>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn list_users(
    State(app): State<App>,
    PeopleReader(caller): PeopleReader,
    Params(query): Params<ListQuery>,
) -> Result<Json<List<User>>, ApiError> {
    let list = app.identity.list_users(&caller, &query.request()?).await?;
    Ok(Json(listed(list, |user| &user.id, written)))
}

/// Adds a user to the organisation. An extension of the OpenAI API, which sends invitations.
#[utoipa::path(
    post, path = "/v1/organization/users", tag = "organization", request_body = CreateUser,
    responses((status = 200, body = User), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 409, body = ErrorBody))
)]
async fn create_user(
    State(app): State<App>,
    PeopleWriter(caller): PeopleWriter,
    JsonBody(body): JsonBody<CreateUser>,
) -> Result<Json<User>, ApiError> {
    let role = match body.role {
        Some(role) => role.parse()?,
        None => OrganizationRole::Developer,
    };
    let new = NewUser { name: body.name, email: body.email, role };
    Ok(Json(written(app.identity.create_user(&caller, new).await?)))
}

/// A user of the organisation.
#[utoipa::path(
    get, path = "/v1/organization/users/{user_id}", tag = "organization", params(("user_id" = String, Path)),
    responses((status = 200, body = User), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn get_user(
    State(app): State<App>,
    PeopleReader(caller): PeopleReader,
    Path(user): Path<String>,
) -> Result<Json<User>, ApiError> {
    let user = path_id("user", &user, UserId::parse)?;
    Ok(Json(written(app.identity.get_user(&caller, &user).await?)))
}

/// Gives a user another role. The last owner stays one.
#[utoipa::path(
    post, path = "/v1/organization/users/{user_id}", tag = "organization", request_body = ModifyRole,
    params(("user_id" = String, Path)),
    responses((status = 200, body = User), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody))
)]
async fn modify_user(
    State(app): State<App>,
    PeopleWriter(caller): PeopleWriter,
    Path(user): Path<String>,
    JsonBody(body): JsonBody<ModifyRole>,
) -> Result<Json<User>, ApiError> {
    let user = path_id("user", &user, UserId::parse)?;
    Ok(Json(written(app.identity.modify_user(&caller, &user, body.role.parse()?).await?)))
}

/// Removes a user from the organisation: its keys stop at once. The last owner stays.
#[utoipa::path(
    delete, path = "/v1/organization/users/{user_id}", tag = "organization", params(("user_id" = String, Path)),
    responses((status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody))
)]
async fn delete_user(
    State(app): State<App>,
    PeopleWriter(caller): PeopleWriter,
    Path(user): Path<String>,
) -> Result<Json<Deleted>, ApiError> {
    let user = path_id("user", &user, UserId::parse)?;
    app.identity.delete_user(&caller, &user).await?;
    Ok(Json(Deleted::new(OBJECT, &user)))
}
