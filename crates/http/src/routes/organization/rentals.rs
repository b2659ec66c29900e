//! `/v1/organization/billing/rentals`: replicas by the second.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use tenfold_kernel::{ProjectId, Timestamp};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use tenfold_protocol::rentals::{CreateRental, RentalObject};
use tenfold_serving::{NewRental, Rental};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Params;
use super::billing::EntryQuery;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{BillingReader, BillingWriter, JsonBody};
use crate::routes::list_of;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_rentals, create_rental)).routes(routes!(get_rental, end_rental))
}

fn written(rental: &Rental) -> RentalObject {
    RentalObject {
        id: rental.id.to_string(),
        object: "billing.rental".to_owned(),
        status: rental.status.as_str().to_owned(),
        model: rental.model.to_string(),
        name: rental.deployment.to_string(),
        project_id: rental.project.to_string(),
        device_class: rental.device_class.to_string(),
        minimum_seconds: rental.minimum_seconds,
        charged_seconds: rental.charged_seconds,
        created_at: rental.created_at.secs(),
        up_at: rental.up_at.map(Timestamp::secs),
        ends_at: rental.ends_at.map(Timestamp::secs),
        end_reason: rental.end_reason.map(|reason| reason.as_str().to_owned()),
    }
}

fn unknown(id: &str) -> ApiError {
    let id: String = id.chars().take(128).collect();
    ApiError::not_found("rental", &id)
}

/// Rentals, newest first, those that are over too.
#[utoipa::path(
    get, path = "/v1/organization/billing/rentals", tag = "billing", params(EntryQuery),
    responses((status = 200, body = List<RentalObject>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn list_rentals(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Params(query): Params<EntryQuery>,
) -> Result<Json<List<RentalObject>>, ApiError> {
    let limit = query.limit()?;
    // One more than is shown tells whether there are more.
    let mut rentals = app.rentals.list(&caller.organization, query.after.as_deref(), limit + 1).await?;
    let has_more = rentals.len() > limit as usize;
    rentals.truncate(limit as usize);
    let data: Vec<RentalObject> = rentals.iter().map(written).collect();
    Ok(Json(list_of(data, has_more, |rental| &rental.id)))
}

/// Rents a replica. Its seconds are charged from the moment on at which it takes calls; calls to it cost nothing more.
#[utoipa::path(
    post, path = "/v1/organization/billing/rentals", tag = "billing", request_body = CreateRental,
    responses((status = 201, body = RentalObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 429, body = ErrorBody))
)]
async fn create_rental(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    JsonBody(body): JsonBody<CreateRental>,
) -> Result<(StatusCode, Json<RentalObject>), ApiError> {
    let id: String = body.project_id.chars().take(128).collect();
    let project = ProjectId::parse(&body.project_id).map_err(|_| ApiError::not_found("project", &id))?;
    let project = app.identity.get_project_to_change(&caller, &project).await?.id;
    let new = NewRental { model: body.model, device_class: body.device_class, name: body.name, project };
    let rental = app.rentals.rent(&caller, new).await?;
    Ok((StatusCode::CREATED, Json(written(&rental))))
}

/// A rental.
#[utoipa::path(
    get, path = "/v1/organization/billing/rentals/{id}", tag = "billing", params(("id" = String, Path)),
    responses((status = 200, body = RentalObject), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn get_rental(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Path(id): Path<String>,
) -> Result<Json<RentalObject>, ApiError> {
    let rental = app.rentals.get(&caller.organization, &id).await?;
    rental.map(|rental| Json(written(&rental))).ok_or_else(|| unknown(&id))
}

/// Ends a rental: its seconds until now are charged, and its replica is taken away.
#[utoipa::path(
    delete, path = "/v1/organization/billing/rentals/{id}", tag = "billing", params(("id" = String, Path)),
    responses((status = 200, body = RentalObject), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn end_rental(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    Path(id): Path<String>,
) -> Result<Json<RentalObject>, ApiError> {
    let rental = app.rentals.stop(&caller.organization, &id).await?;
    rental.map(|rental| Json(written(&rental))).ok_or_else(|| unknown(&id))
}
