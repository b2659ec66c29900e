//! `/v1/organization/billing/limits`: what may be called, by whom, in which window.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use tenfold_billing::ledger::Metric;
use tenfold_billing::{CallLimit, CallWindow};
use tenfold_kernel::{Caller, Timestamp};
use tenfold_protocol::billing::SpendLimitDeleted;
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::limits::{CallLimitObject, SetCallLimit};
use tenfold_protocol::model::List;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Params;
use super::billing::EntryQuery;
use super::budgets::scope;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{BillingReader, BillingWriter, JsonBody};
use crate::routes::page;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_limits, set_limit)).routes(routes!(delete_limit))
}

const CONCURRENCY: &str = "concurrency";

fn metric(text: &str) -> Option<Metric> {
    Some(match text {
        "requests" => Metric::Requests,
        "tokens" => Metric::Tokens,
        "images" => Metric::Images,
        CONCURRENCY => Metric::Running,
        _ => return None,
    })
}

async fn written(app: &App, caller: &Caller, limit: &CallLimit) -> Result<CallLimitObject, ApiError> {
    let level = app.billing.call_level(&caller.organization, limit).await?;
    let (scope, subject) = limit.scope.parts();
    let is_running = limit.metric == Metric::Running;
    Ok(CallLimitObject {
        id: limit.id.to_string(),
        object: "billing.limit".to_owned(),
        scope: scope.to_owned(),
        subject: Some(subject.to_owned()).filter(|subject| !subject.is_empty()),
        metric: if is_running { CONCURRENCY } else { limit.metric.as_str() }.to_owned(),
        window: (!is_running).then(|| limit.window.as_str().to_owned()),
        limit: limit.most,
        hard: limit.is_hard,
        used: level.used,
        remaining: level.remaining,
        resets_at: level.resets_at.map(Timestamp::secs),
        created_at: limit.created_at.secs(),
    })
}

/// Every limit of calls, with what is left of it, oldest first.
#[utoipa::path(
    get, path = "/v1/organization/billing/limits", tag = "billing", params(EntryQuery),
    responses((status = 200, body = List<CallLimitObject>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn list_limits(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Params(query): Params<EntryQuery>,
) -> Result<Json<List<CallLimitObject>>, ApiError> {
    let mut limits = Vec::new();
    for limit in app.billing.call_limits(&caller.organization).await?.iter() {
        limits.push(written(&app, &caller, limit).await?);
    }
    page(limits, Some(query.limit()?), query.after.as_deref(), |one: &CallLimitObject| Some(&one.id))
        .map(Json)
}

/// Sets a limit of calls, in place of one of the same scope, subject, metric and window.
#[utoipa::path(
    post, path = "/v1/organization/billing/limits", tag = "billing", request_body = SetCallLimit,
    responses((status = 201, body = CallLimitObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn set_limit(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    JsonBody(body): JsonBody<SetCallLimit>,
) -> Result<(StatusCode, Json<CallLimitObject>), ApiError> {
    let metric = metric(&body.metric).ok_or_else(|| {
        ApiError::invalid("metric", "`metric` is `requests`, `tokens`, `images` or `concurrency`.")
    })?;
    let window = match body.window.as_deref() {
        None if metric == Metric::Running => CallWindow::Now,
        Some("minute") => CallWindow::Minute,
        Some("day") => CallWindow::Day,
        _ => return Err(ApiError::invalid("window", "`window` is `minute` or `day`.")),
    };
    let limit = CallLimit {
        id: "".into(),
        scope: scope(&app, &caller, &body.scope, body.subject.as_deref()).await?,
        metric,
        window,
        most: body.limit,
        is_hard: body.hard.unwrap_or(true),
        created_at: Timestamp(0),
    };
    let limit = app.billing.set_call_limit(&caller.organization, limit).await?;
    Ok((StatusCode::CREATED, Json(written(&app, &caller, &limit).await?)))
}

/// Takes a limit of calls away.
#[utoipa::path(
    delete, path = "/v1/organization/billing/limits/{id}", tag = "billing", params(("id" = String, Path)),
    responses((status = 200, body = SpendLimitDeleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn delete_limit(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    Path(id): Path<String>,
) -> Result<Json<SpendLimitDeleted>, ApiError> {
    if !app.billing.delete_call_limit(&caller.organization, &id).await? {
        let id: String = id.chars().take(128).collect();
        return Err(ApiError::not_found("limit", &id));
    }
    Ok(Json(SpendLimitDeleted { object: "billing.limit.deleted".to_owned(), deleted: true }))
}
