//! `/v1/organization/spend_limit` and `/v1/organization/projects/{project_id}/spend_limit`: bounds by month.

use axum::Json;
use axum::extract::{Path, State};
use tenfold_billing::{SpendLimit, SpendScope, SpendWindow};
use tenfold_kernel::{Caller, ErrorKind, ProjectId, Timestamp};
use tenfold_protocol::billing::{Enforcement, HardSpendLimit, SetHardSpendLimit, SpendLimitDeleted};
use tenfold_protocol::error::ErrorBody;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{billing, path_id};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{BillingReader, BillingWriter, JsonBody};

/// Nano-units in a hundredth.
pub(super) const HUNDREDTH: i64 = 10_000_000;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_spend_limit, set_spend_limit, delete_spend_limit))
        .routes(routes!(get_project_spend_limit, set_project_spend_limit, delete_project_spend_limit))
}

/// The hard bound by month of the organisation.
#[utoipa::path(
    get, path = "/v1/organization/spend_limit", tag = "organization",
    responses((status = 200, body = HardSpendLimit), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn get_spend_limit(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
) -> Result<Json<HardSpendLimit>, ApiError> {
    get(&app, &caller, SpendScope::Organization).await
}

/// Sets the hard bound by month of the organisation.
#[utoipa::path(
    post, path = "/v1/organization/spend_limit", tag = "organization", request_body = SetHardSpendLimit,
    responses((status = 200, body = HardSpendLimit), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn set_spend_limit(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    JsonBody(body): JsonBody<SetHardSpendLimit>,
) -> Result<Json<HardSpendLimit>, ApiError> {
    set(&app, &caller, SpendScope::Organization, &body).await
}

/// Takes the hard bound of the organisation away.
#[utoipa::path(
    delete, path = "/v1/organization/spend_limit", tag = "organization",
    responses((status = 200, body = SpendLimitDeleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn delete_spend_limit(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
) -> Result<Json<SpendLimitDeleted>, ApiError> {
    delete(&app, &caller, SpendScope::Organization).await
}

/// The hard bound by month of a project.
#[utoipa::path(
    get, path = "/v1/organization/projects/{project_id}/spend_limit", tag = "organization",
    params(("project_id" = String, Path)),
    responses((status = 200, body = HardSpendLimit), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn get_project_spend_limit(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Path(project): Path<String>,
) -> Result<Json<HardSpendLimit>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let project = app.identity.get_project(&caller, &project).await?;
    get(&app, &caller, SpendScope::Project(project.id)).await
}

/// Sets the hard bound by month of a project.
#[utoipa::path(
    post, path = "/v1/organization/projects/{project_id}/spend_limit", tag = "organization",
    params(("project_id" = String, Path)), request_body = SetHardSpendLimit,
    responses((status = 200, body = HardSpendLimit), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn set_project_spend_limit(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    Path(project): Path<String>,
    JsonBody(body): JsonBody<SetHardSpendLimit>,
) -> Result<Json<HardSpendLimit>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let project = app.identity.get_project_to_change(&caller, &project).await?;
    set(&app, &caller, SpendScope::Project(project.id), &body).await
}

/// Takes the hard bound of a project away.
#[utoipa::path(
    delete, path = "/v1/organization/projects/{project_id}/spend_limit", tag = "organization",
    params(("project_id" = String, Path)),
    responses((status = 200, body = SpendLimitDeleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn delete_project_spend_limit(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    Path(project): Path<String>,
) -> Result<Json<SpendLimitDeleted>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let project = app.identity.get_project_to_change(&caller, &project).await?;
    delete(&app, &caller, SpendScope::Project(project.id)).await
}

pub(super) fn object(scope: &SpendScope, what: &str) -> String {
    format!("{}.{what}", scope.parts().0)
}

/// The hard limit by month of a scope; the newest, where there is one in several currencies.
async fn find(app: &App, caller: &Caller, scope: &SpendScope) -> Result<SpendLimit, ApiError> {
    let limits = app.billing.spend_limits(&caller.organization).await?;
    let is_it =
        |limit: &&SpendLimit| limit.scope == *scope && limit.window == SpendWindow::Month && limit.is_hard;
    limits.iter().rfind(is_it).cloned().ok_or_else(|| {
        ApiError::new(ErrorKind::NotFound, "There is no spend limit.").with_code("spend_limit_not_found")
    })
}

async fn written(app: &App, caller: &Caller, limit: &SpendLimit) -> Result<HardSpendLimit, ApiError> {
    let (spent, held) = app.billing.spent(&caller.organization, limit).await?;
    let status = if spent.saturating_add(held) >= limit.nanos { "enforcing" } else { "inactive" };
    Ok(HardSpendLimit {
        object: object(&limit.scope, "spend_limit"),
        currency: limit.currency.code().to_owned(),
        interval: "month".to_owned(),
        threshold_amount: limit.nanos / HUNDREDTH,
        enforcement: Enforcement { status: status.to_owned() },
    })
}

async fn get(app: &App, caller: &Caller, scope: SpendScope) -> Result<Json<HardSpendLimit>, ApiError> {
    let limit = find(app, caller, &scope).await?;
    written(app, caller, &limit).await.map(Json)
}

async fn set(
    app: &App,
    caller: &Caller,
    scope: SpendScope,
    body: &SetHardSpendLimit,
) -> Result<Json<HardSpendLimit>, ApiError> {
    if body.interval != "month" {
        let message = "`interval` is `month`; /v1/organization/billing/budgets has others.";
        return Err(ApiError::invalid("interval", message));
    }
    let nanos =
        body.threshold_amount.checked_mul(HUNDREDTH).filter(|nanos| *nanos >= 0).ok_or_else(|| {
            ApiError::invalid("threshold_amount", "`threshold_amount` is hundredths, zero or more.")
        })?;
    let limit = SpendLimit {
        id: "".into(),
        scope,
        window: SpendWindow::Month,
        currency: billing::currency(&body.currency)?,
        nanos,
        is_hard: true,
        created_at: Timestamp(0),
    };
    let limit = app.billing.set_spend_limit(&caller.organization, limit).await?;
    written(app, caller, &limit).await.map(Json)
}

async fn delete(app: &App, caller: &Caller, scope: SpendScope) -> Result<Json<SpendLimitDeleted>, ApiError> {
    let limit = find(app, caller, &scope).await?;
    let deleted = app.billing.delete_spend_limit(&caller.organization, &limit.id).await?;
    Ok(Json(SpendLimitDeleted { object: object(&scope, "spend_limit.deleted"), deleted }))
}
