//! `/v1/organization/billing/subscriptions`: an organisation's plans, and what is left of them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use tenfold_billing::ledger::Counter;
use tenfold_billing::plan::{Allowance, Span, Status, Subscription, When, Window};
use tenfold_kernel::{Caller, Timestamp};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use tenfold_protocol::plans::{
    AllowanceLevel, CreateSubscription, ModifySubscription, SubscriptionObject, WindowLevel,
};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Params;
use super::billing::EntryQuery;
use super::plans::{counted, models, plan, window};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{BillingReader, BillingWriter, JsonBody};
use crate::routes::page;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_subscriptions, create_subscription)).routes(routes!(
        get_subscription,
        modify_subscription,
        cancel_subscription
    ))
}

async fn written(app: &App, subscription: &Subscription) -> Result<SubscriptionObject, ApiError> {
    let level = |(of, counter): (&Window, &Counter)| WindowLevel {
        window: window(of),
        used: counted(of.metric, counter.used),
        held: counted(of.metric, counter.held),
        resets_at: has_begun(of, counter).then(|| Timestamp(counter.end).secs()),
    };
    let allowance = |(of, counters): (&Allowance, &Vec<Counter>)| AllowanceLevel {
        models: models(of),
        windows: of.windows.iter().zip(counters).map(level).collect(),
    };
    // What is over covers nothing, whatever is left of it.
    let counters = match subscription.status {
        Status::Ended => Vec::new(),
        Status::Active | Status::PastDue => app.billing.allowances(subscription).await?,
    };
    Ok(SubscriptionObject {
        id: subscription.id.to_string(),
        object: "billing.subscription".to_owned(),
        status: subscription.status.as_str().to_owned(),
        plan: plan(&subscription.plan),
        current_period_start: subscription.period_start.secs(),
        current_period_end: subscription.period_end.secs(),
        next_plan_id: subscription.next_plan.as_ref().map(|plan| plan.id.to_string()),
        cancel_at_period_end: subscription.ends,
        allowances: subscription.plan.allowances.iter().zip(&counters).map(allowance).collect(),
        created_at: subscription.created_at.secs(),
    })
}

/// Whether the window's end is known: hours are counted from the first use on.
fn has_begun(window: &Window, counter: &Counter) -> bool {
    !matches!(window.span, Span::Rolling { .. }) || counter.used > 0 || counter.held > 0
}

fn unknown(id: &str) -> ApiError {
    let id: String = id.chars().take(128).collect();
    ApiError::not_found("subscription", &id)
}

fn when(text: Option<&str>, default: When) -> Result<When, ApiError> {
    match text {
        None => Ok(default),
        Some("now") => Ok(When::Now),
        Some("period_end") => Ok(When::PeriodEnd),
        Some(_) => Err(ApiError::invalid("when", "`when` is `now` or `period_end`.")),
    }
}

/// Subscriptions, oldest first, those that are over too.
#[utoipa::path(
    get, path = "/v1/organization/billing/subscriptions", tag = "billing", params(EntryQuery),
    responses((status = 200, body = List<SubscriptionObject>), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn list_subscriptions(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Params(query): Params<EntryQuery>,
) -> Result<Json<List<SubscriptionObject>>, ApiError> {
    let mut data = Vec::new();
    for subscription in app.billing.subscriptions(&caller.organization).await?.iter() {
        data.push(written(&app, subscription).await?);
    }
    page(data, Some(query.limit()?), query.after.as_deref(), |one: &SubscriptionObject| Some(&one.id))
        .map(Json)
}

/// Subscribes to a plan and charges its first period; where that cannot be paid there is no subscription.
#[utoipa::path(
    post, path = "/v1/organization/billing/subscriptions", tag = "billing", request_body = CreateSubscription,
    responses((status = 201, body = SubscriptionObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 429, body = ErrorBody))
)]
async fn create_subscription(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    JsonBody(body): JsonBody<CreateSubscription>,
) -> Result<(StatusCode, Json<SubscriptionObject>), ApiError> {
    let organization = &caller.organization;
    let made = app.billing.subscribe(organization, organization, &body.plan).await?;
    Ok((StatusCode::CREATED, Json(written(&app, &made).await?)))
}

/// A subscription, and what is left of its allowances.
#[utoipa::path(
    get, path = "/v1/organization/billing/subscriptions/{id}", tag = "billing", params(("id" = String, Path)),
    responses((status = 200, body = SubscriptionObject), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn get_subscription(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Path(id): Path<String>,
) -> Result<Json<SubscriptionObject>, ApiError> {
    let all = app.billing.subscriptions(&caller.organization).await?;
    let found = all.iter().find(|one| *one.id == *id).ok_or_else(|| unknown(&id))?;
    written(&app, found).await.map(Json)
}

/// Gives a subscription another plan.
#[utoipa::path(
    post, path = "/v1/organization/billing/subscriptions/{id}", tag = "billing", params(("id" = String, Path)),
    request_body = ModifySubscription,
    responses((status = 200, body = SubscriptionObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 429, body = ErrorBody))
)]
async fn modify_subscription(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<ModifySubscription>,
) -> Result<Json<SubscriptionObject>, ApiError> {
    let Caller { organization, .. } = &caller;
    let when = when(body.when.as_deref(), When::Now)?;
    let changed = app.billing.change_plan(organization, &id, (organization, &body.plan), when).await?;
    written(&app, &changed.ok_or_else(|| unknown(&id))?).await.map(Json)
}

/// When it ends.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CancelQuery {
    /// `period_end` (when absent) or `now`; what is left of the period is not given back.
    when: Option<String>,
}

/// Ends a subscription, with its period or at once.
#[utoipa::path(
    delete, path = "/v1/organization/billing/subscriptions/{id}", tag = "billing",
    params(("id" = String, Path), CancelQuery),
    responses((status = 200, body = SubscriptionObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn cancel_subscription(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    Path(id): Path<String>,
    Params(query): Params<CancelQuery>,
) -> Result<Json<SubscriptionObject>, ApiError> {
    let when = when(query.when.as_deref(), When::PeriodEnd)?;
    let ended = app.billing.cancel(&caller.organization, &id, when).await?;
    written(&app, &ended.ok_or_else(|| unknown(&id))?).await.map(Json)
}
