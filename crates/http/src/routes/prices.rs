//! `/v1/prices`: what models cost.

mod wire;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use tenfold_protocol::usage_report::{PriceListObject, SetPriceList};
use tenfold_serving::DEVICE_PRICES;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::{BillingWriter, JsonBody, ModelsReader};

use wire::{read, written};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_prices)).routes(routes!(get_prices, set_prices))
}

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// 1 to 100; 20 when absent.
    limit: Option<u32>,
    /// The model that the page comes after.
    after: Option<String>,
}

/// The price lists that are in force now, by model.
#[utoipa::path(
    get, path = "/v1/prices", tag = "prices", params(ListQuery),
    responses((status = 200, body = List<PriceListObject>), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn list_prices(
    State(app): State<App>,
    _: ModelsReader,
    Query(query): Query<ListQuery>,
) -> Result<Json<List<PriceListObject>>, ApiError> {
    let limit = query.limit.unwrap_or(20);
    if !(1..=100).contains(&limit) {
        return Err(ApiError::invalid("limit", "`limit` is 1 to 100."));
    }
    // One more than is shown tells whether there are more.
    let mut lists = app.billing.all_prices(query.after.as_deref(), limit + 1).await?;
    let has_more = lists.len() > limit as usize;
    lists.truncate(limit as usize);
    let data: Vec<PriceListObject> = lists.iter().map(|list| written(list)).collect();
    let model = |list: Option<&PriceListObject>| list.map(|list| list.model.clone());
    let (first_id, last_id) = (model(data.first()), model(data.last()));
    Ok(Json(List { object: "list".to_owned(), data, first_id, last_id, has_more }))
}

/// What a model costs, now and from later moments on.
#[utoipa::path(
    get, path = "/v1/prices/{model}", tag = "prices", params(("model" = String, Path)),
    responses((status = 200, body = PriceListObject), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn get_prices(
    State(app): State<App>,
    _: ModelsReader,
    Path(model): Path<String>,
) -> Result<Json<PriceListObject>, ApiError> {
    let lists = app.billing.prices(&model).await?;
    let now = app.clock.now();
    let (in_force, later): (Vec<_>, Vec<_>) = lists.iter().partition(|list| list.effective_at <= now);
    // What was put in force last is what is paid in no particular currency.
    let mut in_force = in_force.into_iter().rev().map(|list| written(list));
    let mut later = later.into_iter().map(|list| written(list));
    let first = in_force.next().or_else(|| later.next()).ok_or_else(|| {
        let model: String = model.chars().take(128).collect();
        ApiError::not_found("price list for the model", &model)
    })?;
    Ok(Json(PriceListObject { other_currencies: in_force.collect(), scheduled: later.collect(), ..first }))
}

/// Puts prices in force, of a model or, as `device:CLASS`, of the seconds of a rented replica. Calls that were admitted before keep theirs.
#[utoipa::path(
    put, path = "/v1/prices/{model}", tag = "prices", params(("model" = String, Path)), request_body = SetPriceList,
    responses((status = 200, body = PriceListObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn set_prices(
    State(app): State<App>,
    _: BillingWriter,
    Path(model): Path<String>,
    JsonBody(body): JsonBody<SetPriceList>,
) -> Result<Json<PriceListObject>, ApiError> {
    let is_device = model.strip_prefix(DEVICE_PRICES).is_some_and(|class| app.rentals.has_class(class));
    if !is_device && app.fleet.deployment(&model).is_none() {
        let model: String = model.chars().take(128).collect();
        return Err(ApiError::not_found("model", &model).with_code("model_not_found"));
    }
    let new = read(model.into(), &body)?;
    Ok(Json(written(&*app.billing.set_prices(new).await?)))
}
