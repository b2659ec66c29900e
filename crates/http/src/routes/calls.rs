//! `/v1/organization/usage/calls`: single calls.

use axum::Json;
use axum::extract::{Path, State};
use tenfold_billing::{CallQuery, Event, Filter};
use tenfold_kernel::{Caller, ErrorKind, ReplicaId, Role, ServiceAccountId, UserId};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use tenfold_protocol::usage_report::{Amount, UsageCall, UsageCallDetails};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::list_of;
use super::organization::ledger_entry;
use super::usage::{Parameters, id, number, push, restrict, seconds, unknown};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::Reader;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_calls)).routes(routes!(get_call))
}

/// Which calls. Lists are given by repeating the name, with or without `[]` behind it.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the API description is generated from it; `Parameters` reads the query")]
struct CallParams {
    /// From when: seconds since the epoch, inclusive.
    start_time: Option<i64>,
    /// Until when: seconds since the epoch, exclusive.
    end_time: Option<i64>,
    /// Of these projects. A project's key reads its own project's calls, whatever is asked.
    project_ids: Option<Vec<String>>,
    /// Of these people.
    user_ids: Option<Vec<String>>,
    /// With these keys.
    api_key_ids: Option<Vec<String>>,
    /// Of these models.
    models: Option<Vec<String>>,
    /// In batches, or not.
    batch: Option<bool>,
    /// How they ended: `completed`, `client_gone`, `failed`, `timed_out`, `rejected`.
    statuses: Option<Vec<String>>,
    /// 1 to 100; 20 when absent.
    limit: Option<u32>,
    /// The `id` of the last call of the page before.
    after: Option<String>,
}

/// Single calls, newest first: what was asked of which model, how it ended, what it used and cost; never what was said.
#[utoipa::path(
    get, path = "/v1/organization/usage/calls", tag = "usage", params(CallParams),
    responses((status = 200, body = List<UsageCall>), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn list_calls(
    State(app): State<App>,
    Reader(caller): Reader,
    parameters: Parameters,
) -> Result<Json<List<UsageCall>>, ApiError> {
    let (query, after) = read(parameters, &caller)?;
    let (calls, has_more) = app.billing.calls(query, after.as_deref()).await?;
    Ok(Json(list_of(calls.iter().map(call).collect(), has_more, |call| &call.id)))
}

/// One call with what it moved in the ledger. Its id is the request's `x-request-id`, or, for a request with an
/// `Idempotency-Key`, the project's id, a slash and that key.
#[utoipa::path(
    get, path = "/v1/organization/usage/calls/{call_id}", tag = "usage", params(("call_id" = String, Path)),
    responses((status = 200, body = UsageCallDetails), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn get_call(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(id): Path<String>,
) -> Result<Json<UsageCallDetails>, ApiError> {
    let project = (caller.role == Role::Project).then_some(&caller.project);
    let Some(event) = app.billing.call(&caller.organization, project, &id).await? else {
        let id: String = id.chars().take(128).collect();
        let message = format!("No call found with id '{id}'.");
        return Err(ApiError::new(ErrorKind::NotFound, message).with_code("not_found"));
    };
    let entries = app.billing.transaction(&caller.organization, &event.idempotency_key).await?;
    Ok(Json(UsageCallDetails { call: call(&event), entries: entries.iter().map(ledger_entry).collect() }))
}

/// Reads the query, each field refused by its name; and the id that the page comes after.
fn read(parameters: Parameters, caller: &Caller) -> Result<(CallQuery, Option<String>), ApiError> {
    let mut after = None;
    let mut query = CallQuery {
        organization: caller.organization.clone(),
        from: None,
        until: None,
        filter: Filter::default(),
        statuses: Vec::new(),
        before: None,
        limit: 20,
    };
    for (name, value) in parameters.0 {
        let filter = &mut query.filter;
        match name.strip_suffix("[]").unwrap_or(&name) {
            "start_time" => query.from = Some(seconds("start_time", &value)?),
            "end_time" => query.until = Some(seconds("end_time", &value)?),
            "project_ids" => push("project_ids", &mut filter.projects, id("project_ids", &value)?)?,
            "user_ids" => push("user_ids", &mut filter.users, id("user_ids", &value)?)?,
            "api_key_ids" => push("api_key_ids", &mut filter.api_keys, id("api_key_ids", &value)?)?,
            "models" => push("models", &mut filter.models, value)?,
            "batch" => filter.batch = Some(number("batch", "`true` or `false`", &value)?),
            "statuses" => {
                let what = "`completed`, `client_gone`, `failed`, `timed_out` or `rejected`";
                push("statuses", &mut query.statuses, number("statuses", what, &value)?)?;
            }
            "limit" => query.limit = number("limit", "a whole number", &value)?,
            "after" => after = Some(value),
            other => return Err(unknown(other)),
        }
    }
    restrict(&mut query.filter, caller)?;
    Ok((query, after))
}

fn call(event: &Event) -> UsageCall {
    let text = |text: Option<&str>| text.map(str::to_owned);
    UsageCall {
        id: event.idempotency_key.clone(),
        object: "organization.usage.call".to_owned(),
        event_id: event.id.to_string(),
        request_id: event.request_id.to_string(),
        created_at: event.created_at.secs(),
        completed_at: event.completed_at.secs(),
        project_id: event.project.to_string(),
        api_key_id: event.api_key.to_string(),
        user_id: text(event.user.as_ref().map(UserId::as_str)),
        service_account_id: text(event.service_account.as_ref().map(ServiceAccountId::as_str)),
        operation: event.operation.as_str().to_owned(),
        model: event.deployment.to_string(),
        model_version: Some(event.model_version.to_string()).filter(|version| !version.is_empty()),
        replica_id: text(event.replica.as_ref().map(ReplicaId::as_str)),
        node: text(event.node.as_deref()),
        status: event.status.as_str().to_owned(),
        error_code: event.error_code.clone(),
        units: event.units.iter().map(|(unit, count)| (unit.as_str().to_owned(), count)).collect(),
        usage_known: event.usage_known,
        cost: event.cost.map(Amount::from),
        price_version: text(event.price_version.as_deref()),
        queue_ms: event.queue_ms,
        first_token_ms: event.first_token_ms,
        duration_ms: event.duration_ms,
        batch: event.batch,
        service_tier: event.service_tier.clone(),
        metadata: event.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        energy_millijoules: event.energy.as_ref().map(|energy| energy.millijoules),
        energy_source: text(event.energy.as_ref().map(|energy| &*energy.source)),
    }
}
