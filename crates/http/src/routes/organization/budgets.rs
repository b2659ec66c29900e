//! `/v1/organization/billing/budgets`: what may be spent, by whom, in which window.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use tenfold_billing::{SpendLimit, SpendScope, SpendWindow};
use tenfold_kernel::{Caller, Timestamp};
use tenfold_protocol::billing::{Budget, CreateBudget, SpendLimitDeleted};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::billing::{amount, currency, decimal};
use super::{ListQuery, Params};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{BillingReader, BillingWriter, JsonBody};
use crate::routes::page;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_budgets, create_budget)).routes(routes!(delete_budget))
}

async fn written(app: &App, caller: &Caller, limit: &SpendLimit) -> Result<Budget, ApiError> {
    let (spent, held) = app.billing.spent(&caller.organization, limit).await?;
    let (scope, subject) = limit.scope.parts();
    Ok(Budget {
        id: limit.id.to_string(),
        object: "billing.budget".to_owned(),
        scope: scope.to_owned(),
        subject: Some(subject.to_owned()).filter(|subject| !subject.is_empty()),
        window: limit.window.as_str().to_owned(),
        currency: limit.currency.code().to_owned(),
        amount: decimal(limit.nanos),
        hard: limit.is_hard,
        spent: decimal(spent),
        held: decimal(held),
        created_at: limit.created_at.secs(),
    })
}

/// Every budget, with what was spent of it.
#[utoipa::path(
    get, path = "/v1/organization/billing/budgets", tag = "billing", params(ListQuery),
    responses((status = 200, body = List<Budget>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn list_budgets(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Params(query): Params<ListQuery>,
) -> Result<Json<List<Budget>>, ApiError> {
    let mut budgets = Vec::new();
    for limit in app.billing.spend_limits(&caller.organization).await?.iter() {
        budgets.push(written(&app, &caller, limit).await?);
    }
    if query.order.as_deref() == Some("desc") {
        budgets.reverse();
    }
    let request = query.request()?;
    let limit = request.limit.unwrap_or(20);
    let limit = u32::try_from(limit).map_err(|_| ApiError::invalid("limit", "`limit` is 1 to 100."))?;
    page(budgets, Some(limit), request.after.as_deref(), |budget| Some(&budget.id)).map(Json)
}

/// Makes a budget, in place of one of the same scope, subject, window and currency. What was spent in its window
/// already counts.
#[utoipa::path(
    post, path = "/v1/organization/billing/budgets", tag = "billing", request_body = CreateBudget,
    responses((status = 201, body = Budget), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn create_budget(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    JsonBody(body): JsonBody<CreateBudget>,
) -> Result<(StatusCode, Json<Budget>), ApiError> {
    let scope = scope(&app, &caller, &body.scope, body.subject.as_deref()).await?;
    let window = SpendWindow::parse(&body.window)
        .ok_or_else(|| ApiError::invalid("window", "`window` is `day`, `month` or `lifetime`."))?;
    let limit = SpendLimit {
        id: "".into(),
        scope,
        window,
        currency: currency(&body.currency)?,
        nanos: amount("amount", &body.amount)?,
        is_hard: body.hard.unwrap_or(true),
        created_at: Timestamp(0),
    };
    let limit = app.billing.set_spend_limit(&caller.organization, limit).await?;
    Ok((StatusCode::CREATED, Json(written(&app, &caller, &limit).await?)))
}

/// Whose spending or calls; what is named has to be there.
pub(super) async fn scope(
    app: &App,
    caller: &Caller,
    kind: &str,
    subject: Option<&str>,
) -> Result<SpendScope, ApiError> {
    let kinds = ["organization", "project", "user", "api_key", "model"];
    if !kinds.contains(&kind) {
        let message = "`scope` is `organization`, `project`, `user`, `api_key` or `model`.";
        return Err(ApiError::invalid("scope", message));
    }
    let subject = subject.unwrap_or_default();
    let invalid = || {
        let message = match kind {
            "organization" => "`subject` is left out for the organisation.".to_owned(),
            kind => format!("`subject` is the id of the {kind}."),
        };
        ApiError::invalid("subject", message)
    };
    let scope = SpendScope::from_parts(kind, subject).ok_or_else(invalid)?;
    match &scope {
        SpendScope::Project(id) => {
            app.identity.get_project(caller, id).await.map_err(|_| invalid())?;
        }
        SpendScope::User(id) => {
            app.identity.get_user(caller, id).await.map_err(|_| invalid())?;
        }
        SpendScope::Model(name) => {
            app.fleet.deployment(name).ok_or_else(invalid)?;
        }
        SpendScope::Organization | SpendScope::ApiKey(_) => {}
    }
    Ok(scope)
}

/// Takes a budget away.
#[utoipa::path(
    delete, path = "/v1/organization/billing/budgets/{id}", tag = "billing", params(("id" = String, Path)),
    responses((status = 200, body = SpendLimitDeleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn delete_budget(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    Path(id): Path<String>,
) -> Result<Json<SpendLimitDeleted>, ApiError> {
    if !app.billing.delete_spend_limit(&caller.organization, &id).await? {
        let id: String = id.chars().take(128).collect();
        return Err(ApiError::not_found("budget", &id));
    }
    Ok(Json(SpendLimitDeleted { object: "billing.budget.deleted".to_owned(), deleted: true }))
}
