//! `/v1/organization/billing/statement`.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use tenfold_billing::invoice::StatementQuery;
use tenfold_kernel::{Classify as _, Currency, ErrorKind, ProjectId};
use tenfold_protocol::error::ErrorBody;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::billing::currency;
use super::documents::{self, DocumentQuery};
use super::{Params, body_id};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::BillingReader;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_statement))
}

/// What a statement is about, and how it is written.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StatementParams {
    /// The month of the organisation's time zone, as `2026-10`. One that is not over goes until now.
    month: String,
    /// In which currency; `USD` when absent.
    currency: Option<String>,
    /// Of this project alone; of the whole organisation when absent.
    project_id: Option<String>,
    /// The label (a name in `metadata` of calls) by whose value lines are told apart too.
    label: Option<String>,
    /// `pdf` (when absent), `csv` or `json`.
    format: Option<String>,
    /// `en` (when absent) or `zh`: the language of a PDF's own words.
    language: Option<String>,
}

/// What was charged in a month, as a document that asks for nothing: by project, model and scheme, and by a label of calls.
#[utoipa::path(
    get, path = "/v1/organization/billing/statement", tag = "billing", params(StatementParams),
    responses((status = 200, content_type = "application/pdf"), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn get_statement(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Params(params): Params<StatementParams>,
) -> Result<Response, ApiError> {
    let StatementParams { month, currency: code, project_id, label, format, language } = params;
    let form = DocumentQuery { format, language }.form()?;
    let project = project_id.as_deref().map(|id| body_id("project_id", id, ProjectId::parse)).transpose()?;
    if let Some(id) = &project {
        let found = app.identity.get_project(&caller, id).await;
        found.map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                ApiError::invalid("project_id", format!("There is no project `{id}`.")).with_code("not_found")
            }
            _ => error.into(),
        })?;
    }
    let query = StatementQuery {
        organization: caller.organization.clone(),
        month,
        currency: code.as_deref().map_or(Ok(Currency::USD), currency)?,
        project,
        label,
    };
    let statement = app.billing.statement(&query).await?;
    documents::write(&app, &caller, statement, form).await
}
