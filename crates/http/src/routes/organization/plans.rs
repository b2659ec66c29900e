//! `/v1/organization/billing/plans`: what a period costs, and what may be used in it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use tenfold_billing::ledger::Metric;
use tenfold_billing::plan::{Allowance, Overage, Period, Plan, Span, Window};
use tenfold_kernel::Timestamp;
use tenfold_protocol::billing::SpendLimitDeleted;
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use tenfold_protocol::plans::{CreatePlan, PlanAllowance, PlanObject, PlanWindow};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Params;
use super::billing::{EntryQuery, amount, currency, decimal};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{BillingReader, BillingWriter, JsonBody};
use crate::routes::page;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_plans, create_plan)).routes(routes!(archive_plan))
}

/// Plans that the organisation offers, oldest first, those that are archived too.
#[utoipa::path(
    get, path = "/v1/organization/billing/plans", tag = "billing", params(EntryQuery),
    responses((status = 200, body = List<PlanObject>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn list_plans(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Params(query): Params<EntryQuery>,
) -> Result<Json<List<PlanObject>>, ApiError> {
    let plans = app.billing.plans(&caller.organization).await?;
    let plans = plans.iter().map(plan).collect();
    page(plans, Some(query.limit()?), query.after.as_deref(), |plan: &PlanObject| Some(&plan.id)).map(Json)
}

/// Offers a plan. A plan is never changed; another one takes its place.
#[utoipa::path(
    post, path = "/v1/organization/billing/plans", tag = "billing", request_body = CreatePlan,
    responses((status = 201, body = PlanObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn create_plan(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    JsonBody(body): JsonBody<CreatePlan>,
) -> Result<(StatusCode, Json<PlanObject>), ApiError> {
    let period = match body.period.as_deref() {
        None | Some("month") => Period::Month,
        Some("year") => Period::Year,
        Some(_) => return Err(ApiError::invalid("period", "`period` is `month` or `year`.")),
    };
    let overage = match body.overage.as_deref() {
        None | Some("pay") => Overage::Pay,
        Some("stop") => Overage::Stop,
        Some(_) => return Err(ApiError::invalid("overage", "`overage` is `pay` or `stop`.")),
    };
    for model in body.allowances.iter().flat_map(|allowance| &allowance.models) {
        app.fleet.deployment(model).ok_or_else(|| {
            let name = model.escape_debug();
            ApiError::invalid("allowances", format!("`allowances` names `{name}`, which is no model here."))
        })?;
    }
    let made = Plan {
        id: "".into(),
        issuer: caller.organization.clone(),
        name: body.name,
        currency: currency(&body.currency)?,
        nanos: amount("amount", &body.amount)?,
        period,
        allowances: body.allowances.iter().map(read_allowance).collect::<Result<_, _>>()?,
        overage,
        is_archived: false,
        created_at: Timestamp(0),
    };
    let made = app.billing.make_plan(made).await?;
    Ok((StatusCode::CREATED, Json(plan(&made))))
}

/// Lets nobody subscribe to a plan any more; who has it keeps it.
#[utoipa::path(
    delete, path = "/v1/organization/billing/plans/{id}", tag = "billing", params(("id" = String, Path)),
    responses((status = 200, body = SpendLimitDeleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn archive_plan(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    Path(id): Path<String>,
) -> Result<Json<SpendLimitDeleted>, ApiError> {
    if !app.billing.archive_plan(&caller.organization, &id).await? {
        let id: String = id.chars().take(128).collect();
        return Err(ApiError::not_found("plan", &id));
    }
    Ok(Json(SpendLimitDeleted { object: "billing.plan.archived".to_owned(), deleted: true }))
}

/// A plan as it is written.
pub(super) fn plan(plan: &Plan) -> PlanObject {
    let period = match plan.period {
        Period::Month => "month",
        Period::Year => "year",
    };
    let overage = match plan.overage {
        Overage::Pay => "pay",
        Overage::Stop => "stop",
    };
    let allowance = |allowance: &Allowance| PlanAllowance {
        models: models(allowance),
        windows: allowance.windows.iter().map(window).collect(),
    };
    PlanObject {
        id: plan.id.to_string(),
        object: "billing.plan".to_owned(),
        name: plan.name.clone(),
        amount: decimal(plan.nanos),
        currency: plan.currency.code().to_owned(),
        period: period.to_owned(),
        allowances: plan.allowances.iter().map(allowance).collect(),
        overage: overage.to_owned(),
        status: if plan.is_archived { "archived" } else { "open" }.to_owned(),
        created_at: plan.created_at.secs(),
    }
}

pub(super) fn models(allowance: &Allowance) -> Vec<String> {
    allowance.models.iter().map(ToString::to_string).collect()
}

pub(super) fn window(window: &Window) -> PlanWindow {
    let (span, hours) = match window.span {
        Span::Rolling { hours } => ("rolling", Some(hours)),
        Span::Day => ("day", None),
        Span::Week => ("week", None),
        Span::Month => ("month", None),
        Span::Period => ("period", None),
    };
    PlanWindow {
        metric: window.metric.as_str().to_owned(),
        amount: counted(window.metric, window.amount),
        window: span.to_owned(),
        hours,
    }
}

/// How much of a metric, as it is written: of money in units of its currency.
pub(super) fn counted(metric: Metric, amount: i64) -> String {
    if metric == Metric::Spend { decimal(amount) } else { amount.to_string() }
}

fn read_allowance(allowance: &PlanAllowance) -> Result<Allowance, ApiError> {
    Ok(Allowance {
        models: allowance.models.iter().map(|model| Arc::from(model.as_str())).collect(),
        windows: allowance.windows.iter().map(read_window).collect::<Result<_, _>>()?,
    })
}

fn read_window(window: &PlanWindow) -> Result<Window, ApiError> {
    let invalid = |message: &str| ApiError::invalid("allowances", message);
    let span = match (window.window.as_str(), window.hours) {
        ("rolling", Some(hours)) => Span::Rolling { hours },
        ("rolling", None) => return Err(invalid("A `rolling` window has `hours`.")),
        (_, Some(_)) => return Err(invalid("`hours` is for a `rolling` window alone.")),
        ("day", None) => Span::Day,
        ("week", None) => Span::Week,
        ("month", None) => Span::Month,
        ("period", None) => Span::Period,
        _ => return Err(invalid("`window` is `rolling`, `day`, `week`, `month` or `period`.")),
    };
    let metric = [Metric::Requests, Metric::Tokens, Metric::Spend]
        .into_iter()
        .find(|metric| metric.as_str() == window.metric)
        .ok_or_else(|| invalid("`metric` is `requests`, `tokens` or `spend`."))?;
    let amount = match metric {
        Metric::Spend => amount("allowances", &window.amount)?,
        _ => window.amount.parse().map_err(|_| invalid("`amount` of calls or tokens is a whole number."))?,
    };
    Ok(Window { metric, amount, span })
}
