//! `/v1/organization/projects`.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use tenfold_kernel::ProjectId;
use tenfold_protocol::admin::{Project, ProjectBody, ProjectStatus};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{ListQuery, Params, listed, path_id};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{JsonBody, PeopleReader, PeopleWriter};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_projects, create_project))
        .routes(routes!(get_project, modify_project))
        .routes(routes!(archive_project))
}

fn written(project: tenfold_identity::Project) -> Project {
    Project {
        id: project.id.to_string(),
        object: "organization.project".to_owned(),
        name: project.name,
        created_at: project.created_at.secs(),
        archived_at: project.archived_at.map(tenfold_kernel::Timestamp::secs),
        status: if project.archived_at.is_some() { ProjectStatus::Archived } else { ProjectStatus::Active },
    }
}

/// Which part of the list of projects.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ProjectsQuery {
    /// 1 to 100; 20 when absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The id that the page comes after.
    after: Option<String>,
    /// `asc` (oldest first, when absent) or `desc`.
    order: Option<String>,
    /// Whether archived projects are among them.
    #[serde(default)]
    include_archived: bool,
}

/// The organisation's projects.
#[utoipa::path(
    get, path = "/v1/organization/projects", tag = "organization", params(ProjectsQuery),
    responses((status = 200, body = List<Project>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn list_projects(
    State(app): State<App>,
    PeopleReader(caller): PeopleReader,
    Params(query): Params<ProjectsQuery>,
) -> Result<Json<List<Project>>, ApiError> {
    let ProjectsQuery { limit, after, order, include_archived } = query;
    let request = ListQuery { limit, after, order }.request()?;
    let list = app.identity.list_projects(&caller, include_archived, &request).await?;
    Ok(Json(listed(list, |project| &project.id, written)))
}

/// Makes a project.
#[utoipa::path(
    post, path = "/v1/organization/projects", tag = "organization", request_body = ProjectBody,
    responses((status = 200, body = Project), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn create_project(
    State(app): State<App>,
    PeopleWriter(caller): PeopleWriter,
    JsonBody(body): JsonBody<ProjectBody>,
) -> Result<Json<Project>, ApiError> {
    Ok(Json(written(app.identity.create_project(&caller, &body.name).await?)))
}

/// A project.
#[utoipa::path(
    get, path = "/v1/organization/projects/{project_id}", tag = "organization",
    params(("project_id" = String, Path)),
    responses((status = 200, body = Project), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn get_project(
    State(app): State<App>,
    PeopleReader(caller): PeopleReader,
    Path(id): Path<String>,
) -> Result<Json<Project>, ApiError> {
    let id = path_id("project", &id, ProjectId::parse)?;
    Ok(Json(written(app.identity.get_project(&caller, &id).await?)))
}

/// Gives a project another name.
#[utoipa::path(
    post, path = "/v1/organization/projects/{project_id}", tag = "organization", request_body = ProjectBody,
    params(("project_id" = String, Path)),
    responses((status = 200, body = Project), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody))
)]
async fn modify_project(
    State(app): State<App>,
    PeopleWriter(caller): PeopleWriter,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<ProjectBody>,
) -> Result<Json<Project>, ApiError> {
    let id = path_id("project", &id, ProjectId::parse)?;
    Ok(Json(written(app.identity.modify_project(&caller, &id, &body.name).await?)))
}

/// Archives a project: its keys stop at once, its records stay. The default project cannot be.
#[utoipa::path(
    post, path = "/v1/organization/projects/{project_id}/archive", tag = "organization",
    params(("project_id" = String, Path)),
    responses((status = 200, body = Project), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody))
)]
async fn archive_project(
    State(app): State<App>,
    PeopleWriter(caller): PeopleWriter,
    Path(id): Path<String>,
) -> Result<Json<Project>, ApiError> {
    let id = path_id("project", &id, ProjectId::parse)?;
    Ok(Json(written(app.identity.archive_project(&caller, &id).await?)))
}
