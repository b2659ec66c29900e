//! `/v1/organization/projects/{project_id}/users`.

use axum::Json;
use axum::extract::{Path, State};
use tenfold_identity::Member;
use tenfold_kernel::{ProjectId, UserId};
use tenfold_protocol::admin::{AddProjectUser, Deleted, ModifyRole, ProjectUser};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{ListQuery, Params, body_id, listed, path_id};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{JsonBody, PeopleReader, PeopleWriter};

const OBJECT: &str = "organization.project.user";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_project_users, add_project_user)).routes(routes!(
        get_project_user,
        modify_project_user,
        remove_project_user
    ))
}

fn written(member: Member) -> ProjectUser {
    ProjectUser {
        object: OBJECT.to_owned(),
        id: member.user.id.to_string(),
        name: member.user.name,
        email: member.user.email,
        role: member.role.as_str().to_owned(),
        added_at: member.added_at.secs(),
    }
}

/// The users of a project.
#[utoipa::path(
    get, path = "/v1/organization/projects/{project_id}/users", tag = "organization",
    params(("project_id" = String, Path), ListQuery),
    responses((status = 200, body = List<ProjectUser>), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn list_project_users(
    State(app): State<App>,
    PeopleReader(caller): PeopleReader,
    Path(project): Path<String>,
    Params(query): Params<ListQuery>,
) -> Result<Json<List<ProjectUser>>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let list = app.identity.list_members(&caller, &project, &query.request()?).await?;
    Ok(Json(listed(list, |user| &user.id, written)))
}

/// Adds a user of the organisation to a project.
#[utoipa::path(
    post, path = "/v1/organization/projects/{project_id}/users", tag = "organization",
    request_body = AddProjectUser, params(("project_id" = String, Path)),
    responses((status = 200, body = ProjectUser), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody))
)]
async fn add_project_user(
    State(app): State<App>,
    PeopleWriter(caller): PeopleWriter,
    Path(project): Path<String>,
    JsonBody(body): JsonBody<AddProjectUser>,
) -> Result<Json<ProjectUser>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let user = body_id("user_id", &body.user_id, UserId::parse)?;
    let member = app.identity.add_member(&caller, &project, &user, body.role.parse()?).await?;
    Ok(Json(written(member)))
}

/// A user of a project.
#[utoipa::path(
    get, path = "/v1/organization/projects/{project_id}/users/{user_id}", tag = "organization",
    params(("project_id" = String, Path), ("user_id" = String, Path)),
    responses((status = 200, body = ProjectUser), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn get_project_user(
    State(app): State<App>,
    PeopleReader(caller): PeopleReader,
    Path((project, user)): Path<(String, String)>,
) -> Result<Json<ProjectUser>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let user = path_id("user", &user, UserId::parse)?;
    Ok(Json(written(app.identity.get_member(&caller, &project, &user).await?)))
}

/// Gives a user of a project another role there.
#[utoipa::path(
    post, path = "/v1/organization/projects/{project_id}/users/{user_id}", tag = "organization",
    request_body = ModifyRole, params(("project_id" = String, Path), ("user_id" = String, Path)),
    responses((status = 200, body = ProjectUser), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody))
)]
async fn modify_project_user(
    State(app): State<App>,
    PeopleWriter(caller): PeopleWriter,
    Path((project, user)): Path<(String, String)>,
    JsonBody(body): JsonBody<ModifyRole>,
) -> Result<Json<ProjectUser>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let user = path_id("user", &user, UserId::parse)?;
    let member = app.identity.modify_member(&caller, &project, &user, body.role.parse()?).await?;
    Ok(Json(written(member)))
}

/// Removes a user from a project: its keys there stop at once.
#[utoipa::path(
    delete, path = "/v1/organization/projects/{project_id}/users/{user_id}", tag = "organization",
    params(("project_id" = String, Path), ("user_id" = String, Path)),
    responses((status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn remove_project_user(
    State(app): State<App>,
    PeopleWriter(caller): PeopleWriter,
    Path((project, user)): Path<(String, String)>,
) -> Result<Json<Deleted>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let user = path_id("user", &user, UserId::parse)?;
    app.identity.remove_member(&caller, &project, &user).await?;
    Ok(Json(Deleted::new(OBJECT, &user)))
}
