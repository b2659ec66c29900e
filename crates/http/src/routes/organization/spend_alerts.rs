//! `/v1/organization/spend_alerts` and `/v1/organization/projects/{project_id}/spend_alerts`: who is told of spending.

use axum::Json;
use axum::extract::{Path, State};
use tenfold_billing::{Channel, SpendAlert, SpendScope};
use tenfold_identity::Order;
use tenfold_kernel::{Caller, ProjectId, Secret, Timestamp};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use tenfold_protocol::spend_alerts::{
    NotificationChannel, SetSpendAlert, SpendAlertDeleted, SpendAlertObject,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::billing::currency;
use super::spend_limits::{HUNDREDTH, object};
use super::{ListQuery, Params, ShownOnce, path_id, shown_once};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{BillingReader, BillingWriter, JsonBody};
use crate::routes::page;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_spend_alerts, create_spend_alert))
        .routes(routes!(get_spend_alert, modify_spend_alert, delete_spend_alert))
        .routes(routes!(list_project_spend_alerts, create_project_spend_alert))
        .routes(routes!(get_project_spend_alert, modify_project_spend_alert, delete_project_spend_alert))
}

/// Alerts about what the organisation spends in a month.
#[utoipa::path(
    get, path = "/v1/organization/spend_alerts", tag = "organization", params(ListQuery),
    responses((status = 200, body = List<SpendAlertObject>), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn list_spend_alerts(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Params(query): Params<ListQuery>,
) -> Result<Json<List<SpendAlertObject>>, ApiError> {
    list(&app, &caller, &SpendScope::Organization, query).await
}

/// An alert, without its secret.
#[utoipa::path(
    get, path = "/v1/organization/spend_alerts/{alert_id}", tag = "organization", params(("alert_id" = String, Path)),
    responses((status = 200, body = SpendAlertObject), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn get_spend_alert(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Path(id): Path<String>,
) -> Result<Json<SpendAlertObject>, ApiError> {
    find(&app, &caller, &SpendScope::Organization, &id).await.map(|alert| Json(written(&alert)))
}

/// Makes an alert. The secret of a webhook is shown here and never again.
#[utoipa::path(
    post, path = "/v1/organization/spend_alerts", tag = "organization", request_body = SetSpendAlert,
    responses((status = 200, body = SpendAlertObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn create_spend_alert(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    JsonBody(body): JsonBody<SetSpendAlert>,
) -> Result<ShownOnce<SpendAlertObject>, ApiError> {
    set(&app, &caller, SpendScope::Organization, None, body).await
}

/// Changes an alert.
#[utoipa::path(
    post, path = "/v1/organization/spend_alerts/{alert_id}", tag = "organization", params(("alert_id" = String, Path)),
    request_body = SetSpendAlert,
    responses((status = 200, body = SpendAlertObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn modify_spend_alert(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<SetSpendAlert>,
) -> Result<ShownOnce<SpendAlertObject>, ApiError> {
    set(&app, &caller, SpendScope::Organization, Some(&id), body).await
}

/// Takes an alert away.
#[utoipa::path(
    delete, path = "/v1/organization/spend_alerts/{alert_id}", tag = "organization", params(("alert_id" = String, Path)),
    responses((status = 200, body = SpendAlertDeleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn delete_spend_alert(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    Path(id): Path<String>,
) -> Result<Json<SpendAlertDeleted>, ApiError> {
    delete(&app, &caller, &SpendScope::Organization, &id).await
}

/// Alerts about what a project spends in a month.
#[utoipa::path(
    get, path = "/v1/organization/projects/{project_id}/spend_alerts", tag = "organization",
    params(("project_id" = String, Path), ListQuery),
    responses((status = 200, body = List<SpendAlertObject>), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn list_project_spend_alerts(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Path(project): Path<String>,
    Params(query): Params<ListQuery>,
) -> Result<Json<List<SpendAlertObject>>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let project = app.identity.get_project(&caller, &project).await?;
    list(&app, &caller, &SpendScope::Project(project.id), query).await
}

/// An alert of a project, without its secret.
#[utoipa::path(
    get, path = "/v1/organization/projects/{project_id}/spend_alerts/{alert_id}", tag = "organization",
    params(("project_id" = String, Path), ("alert_id" = String, Path)),
    responses((status = 200, body = SpendAlertObject), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn get_project_spend_alert(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<SpendAlertObject>, ApiError> {
    let project = path_id("project", &project, ProjectId::parse)?;
    let project = app.identity.get_project(&caller, &project).await?;
    find(&app, &caller, &SpendScope::Project(project.id), &id).await.map(|alert| Json(written(&alert)))
}

/// Makes an alert of a project. The secret of a webhook is shown here and never again.
#[utoipa::path(
    post, path = "/v1/organization/projects/{project_id}/spend_alerts", tag = "organization",
    params(("project_id" = String, Path)), request_body = SetSpendAlert,
    responses((status = 200, body = SpendAlertObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn create_project_spend_alert(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    Path(project): Path<String>,
    JsonBody(body): JsonBody<SetSpendAlert>,
) -> Result<ShownOnce<SpendAlertObject>, ApiError> {
    let scope = project_to_change(&app, &caller, &project).await?;
    set(&app, &caller, scope, None, body).await
}

/// Changes an alert of a project.
#[utoipa::path(
    post, path = "/v1/organization/projects/{project_id}/spend_alerts/{alert_id}", tag = "organization",
    params(("project_id" = String, Path), ("alert_id" = String, Path)), request_body = SetSpendAlert,
    responses((status = 200, body = SpendAlertObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn modify_project_spend_alert(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    Path((project, id)): Path<(String, String)>,
    JsonBody(body): JsonBody<SetSpendAlert>,
) -> Result<ShownOnce<SpendAlertObject>, ApiError> {
    let scope = project_to_change(&app, &caller, &project).await?;
    set(&app, &caller, scope, Some(&id), body).await
}

/// Takes an alert of a project away.
#[utoipa::path(
    delete, path = "/v1/organization/projects/{project_id}/spend_alerts/{alert_id}", tag = "organization",
    params(("project_id" = String, Path), ("alert_id" = String, Path)),
    responses((status = 200, body = SpendAlertDeleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn delete_project_spend_alert(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<SpendAlertDeleted>, ApiError> {
    let scope = project_to_change(&app, &caller, &project).await?;
    delete(&app, &caller, &scope, &id).await
}

async fn project_to_change(app: &App, caller: &Caller, project: &str) -> Result<SpendScope, ApiError> {
    let project = path_id("project", project, ProjectId::parse)?;
    Ok(SpendScope::Project(app.identity.get_project_to_change(caller, &project).await?.id))
}

/// An alert as it is written, without its secret.
fn written(alert: &SpendAlert) -> SpendAlertObject {
    let notification_channel = match &alert.channel {
        Channel::Webhook { url, .. } => NotificationChannel::Webhook { url: url.to_string(), secret: None },
        Channel::Email { recipients, subject_prefix } => NotificationChannel::Email {
            recipients: recipients.clone(),
            subject_prefix: subject_prefix.clone(),
        },
    };
    SpendAlertObject {
        id: alert.id.to_string(),
        object: object(&alert.scope, "spend_alert"),
        currency: alert.currency.code().to_owned(),
        interval: "month".to_owned(),
        threshold_amount: alert.nanos / HUNDREDTH,
        notification_channel,
    }
}

async fn list(
    app: &App,
    caller: &Caller,
    scope: &SpendScope,
    query: ListQuery,
) -> Result<Json<List<SpendAlertObject>>, ApiError> {
    let request = query.request()?;
    let alerts = app.billing.alerts(&caller.organization).await?;
    let mut alerts: Vec<SpendAlertObject> =
        alerts.iter().filter(|alert| alert.scope == *scope).map(written).collect();
    if request.order == Order::Descending {
        alerts.reverse();
    }
    let limit = u32::try_from(request.limit.unwrap_or(20))
        .map_err(|_| ApiError::invalid("limit", "`limit` is 1 to 100."))?;
    page(alerts, Some(limit), request.after.as_deref(), |alert| Some(&alert.id)).map(Json)
}

/// The alert of that id, if it is of that scope.
async fn find(app: &App, caller: &Caller, scope: &SpendScope, id: &str) -> Result<SpendAlert, ApiError> {
    let found = app.billing.alert(&caller.organization, id).await?;
    found.filter(|alert| alert.scope == *scope).ok_or_else(|| {
        let id: String = id.chars().take(128).collect();
        ApiError::not_found("spend alert", &id)
    })
}

fn channel(app: &App, channel: NotificationChannel) -> Result<Channel, ApiError> {
    match channel {
        NotificationChannel::Email { .. } if !app.has_mail_server => {
            let message =
                "There is no mail server: the operator sets `[notifications.smtp]`; a `webhook` needs none.";
            Err(ApiError::invalid("notification_channel.type", message))
        }
        NotificationChannel::Email { recipients, subject_prefix } => {
            Ok(Channel::Email { recipients, subject_prefix })
        }
        NotificationChannel::Webhook { secret: Some(_), .. } => {
            let message = "`secret` is made by the platform and shown once; leave it out.";
            Err(ApiError::invalid("notification_channel.secret", message))
        }
        NotificationChannel::Webhook { url, secret: None } => {
            // The platform writes a secret of its own.
            Ok(Channel::Webhook { url: url.into(), secret: Secret::new("") })
        }
    }
}

async fn set(
    app: &App,
    caller: &Caller,
    scope: SpendScope,
    id: Option<&str>,
    body: SetSpendAlert,
) -> Result<ShownOnce<SpendAlertObject>, ApiError> {
    if body.interval != "month" {
        return Err(ApiError::invalid("interval", "`interval` is `month`."));
    }
    let nanos = body.threshold_amount.checked_mul(HUNDREDTH).ok_or_else(|| {
        ApiError::invalid("threshold_amount", "`threshold_amount` is a number of hundredths above zero.")
    })?;
    let before = match id {
        Some(id) => Some(find(app, caller, &scope, id).await?),
        None => None,
    };
    let alert = SpendAlert {
        id: before.as_ref().map(|before| before.id.clone()).unwrap_or_default(),
        organization: caller.organization.clone(),
        scope,
        currency: currency(&body.currency)?,
        nanos,
        channel: channel(app, body.notification_channel)?,
        created_at: Timestamp(0),
        fired_for: None,
    };
    let alert = app.billing.set_alert(alert).await?;
    let redacted = written(&alert);
    let mut shown = redacted.clone();
    let had_secret = before.is_some_and(|before| matches!(before.channel, Channel::Webhook { .. }));
    if let (false, Channel::Webhook { secret, .. }) = (had_secret, &alert.channel)
        && let NotificationChannel::Webhook { secret: place, .. } = &mut shown.notification_channel
    {
        *place = Some(secret.expose().to_owned());
    }
    shown_once(shown, &redacted)
}

async fn delete(
    app: &App,
    caller: &Caller,
    scope: &SpendScope,
    id: &str,
) -> Result<Json<SpendAlertDeleted>, ApiError> {
    let alert = find(app, caller, scope, id).await?;
    let deleted = app.billing.delete_alert(&caller.organization, &alert.id).await?;
    Ok(Json(SpendAlertDeleted {
        id: alert.id.to_string(),
        object: object(scope, "spend_alert.deleted"),
        deleted,
    }))
}
