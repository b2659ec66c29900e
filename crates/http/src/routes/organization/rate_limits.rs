//! `/v1/organization/projects/{project_id}/rate_limits`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use tenfold_billing::{LimitOverride, RateLimits};
use tenfold_fleet::Deployment;
use tenfold_kernel::{ErrorKind, ProjectId};
use tenfold_protocol::admin::{ModifyRateLimit, ProjectRateLimit};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{ListQuery, Params, path_id};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{BillingReader, BillingWriter, JsonBody};
use crate::routes::page;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_rate_limits)).routes(routes!(modify_rate_limit))
}

fn written(model: &str, limits: RateLimits) -> ProjectRateLimit {
    ProjectRateLimit {
        object: "project.rate_limit".to_owned(),
        id: format!("rl-{model}"),
        model: model.to_owned(),
        max_requests_per_1_minute: limits.requests_per_minute,
        max_tokens_per_1_minute: limits.tokens_per_minute,
        max_images_per_1_minute: limits.images_per_minute,
        max_requests_per_1_day: limits.requests_per_day,
        max_concurrent_requests: limits.concurrency,
    }
}

/// The limits of a project, for every deployment by name.
#[utoipa::path(
    get, path = "/v1/organization/projects/{project_id}/rate_limits", tag = "organization",
    params(("project_id" = String, Path), ListQuery),
    responses((status = 200, body = List<ProjectRateLimit>), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn list_rate_limits(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Path(project): Path<String>,
    Params(query): Params<ListQuery>,
) -> Result<Json<List<ProjectRateLimit>>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let project = app.identity.get_project(&caller, &project).await?;
    let default = app.billing.default_limits();
    let mut limits: BTreeMap<String, RateLimits> = app
        .fleet
        .deployments()
        .iter()
        .filter(|deployment| deployment.project.as_ref().is_none_or(|owner| *owner == project.id))
        .map(|deployment| (deployment.name.to_string(), default))
        .collect();
    // What was set stays in force when a deployment goes and comes again, so it is shown all the time.
    for set in app.billing.limit_overrides(&project.id).await? {
        limits.insert(set.deployment, set.limits.or(default));
    }
    let mut all: Vec<_> = limits.iter().map(|(model, limits)| written(model, *limits)).collect();
    if query.order.as_deref() == Some("desc") {
        all.reverse();
    }
    let request = query.request()?;
    let limit = request.limit.unwrap_or(100);
    let limit = u32::try_from(limit).map_err(|_| ApiError::invalid("limit", "`limit` is 1 to 100."))?;
    page(all, Some(limit), request.after.as_deref(), |limit| Some(&limit.id)).map(Json)
}

/// Sets limits of a project for a deployment; limits that are not named stay as they are.
#[utoipa::path(
    post, path = "/v1/organization/projects/{project_id}/rate_limits/{rate_limit_id}", tag = "organization",
    request_body = ModifyRateLimit, params(("project_id" = String, Path), ("rate_limit_id" = String, Path)),
    responses((status = 200, body = ProjectRateLimit), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody))
)]
async fn modify_rate_limit(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    Path((project, id)): Path<(String, String)>,
    JsonBody(body): JsonBody<ModifyRateLimit>,
) -> Result<Json<ProjectRateLimit>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let project = app.identity.get_project_to_change(&caller, &project).await?;
    let set = app.billing.limit_overrides(&project.id).await?;
    let known = |name: &&str| {
        let deployment = app.fleet.deployment(name);
        let offered = |deployment: &Deployment| deployment.project.as_ref().is_none_or(|p| *p == project.id);
        deployment.is_some_and(|d| offered(&d)) || set.iter().any(|limits| limits.deployment == **name)
    };
    let model = id.strip_prefix("rl-").filter(known).ok_or_else(|| {
        let id: String = id.chars().take(128).collect();
        ApiError::new(ErrorKind::NotFound, format!("No rate limit found with id '{id}'."))
            .with_code("not_found")
    })?;
    let before = set.iter().find(|set| set.deployment == model).map(|set| set.limits).unwrap_or_default();
    let limits = RateLimits {
        requests_per_minute: body.max_requests_per_1_minute.unwrap_or(before.requests_per_minute),
        tokens_per_minute: body.max_tokens_per_1_minute.unwrap_or(before.tokens_per_minute),
        images_per_minute: body.max_images_per_1_minute.unwrap_or(before.images_per_minute),
        requests_per_day: body.max_requests_per_1_day.unwrap_or(before.requests_per_day),
        concurrency: body.max_concurrent_requests.unwrap_or(before.concurrency),
    };
    let change = LimitOverride { deployment: model.to_owned(), limits };
    app.billing.set_limits(&project.id, &change).await?;
    let model: Arc<str> = model.into();
    Ok(Json(written(&model, app.billing.limits(&project.id, &model).await?)))
}
