//! `/v1/prices`: what models cost.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use tenfold_billing::{PriceList, SetPrices};
use tenfold_catalog::{Nanos, nanos_from_decimal};
use tenfold_kernel::{Currency, Timestamp, Unit};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use tenfold_protocol::usage_report::{PriceListObject, SetPriceList};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::{AdminReader, AdminWriter, JsonBody};

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
    _: AdminReader,
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
    _: AdminReader,
    Path(model): Path<String>,
) -> Result<Json<PriceListObject>, ApiError> {
    let lists = app.billing.prices(&model).await?;
    let mut lists = lists.iter().map(|list| written(list));
    let first = lists.next().ok_or_else(|| {
        let model: String = model.chars().take(128).collect();
        ApiError::not_found("price list for the model", &model)
    })?;
    Ok(Json(PriceListObject { scheduled: lists.collect(), ..first }))
}

/// Puts prices in force. Calls that were admitted before keep theirs.
#[utoipa::path(
    put, path = "/v1/prices/{model}", tag = "prices", params(("model" = String, Path)), request_body = SetPriceList,
    responses((status = 200, body = PriceListObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn set_prices(
    State(app): State<App>,
    _: AdminWriter,
    Path(model): Path<String>,
    JsonBody(body): JsonBody<SetPriceList>,
) -> Result<Json<PriceListObject>, ApiError> {
    let deployment = app.fleet.deployment(&model).ok_or_else(|| {
        let model: String = model.chars().take(128).collect();
        ApiError::not_found("model", &model).with_code("model_not_found")
    })?;
    let new = read(deployment.name.to_string().into(), &body)?;
    Ok(Json(written(&*app.billing.set_prices(new).await?)))
}

/// Reads prices exactly, each field refused by its name.
fn read(deployment: Arc<str>, body: &SetPriceList) -> Result<SetPrices, ApiError> {
    let currency = Currency::parse(&body.currency)
        .map_err(|error| ApiError::invalid("currency", format!("{error}.")))?;
    let mut prices = BTreeMap::new();
    for (unit, price) in &body.per_million {
        let field = format!("per_million.{}", unit.chars().take(64).collect::<String>());
        let invalid =
            |reason: String| ApiError::invalid(&field, format!("{reason}.")).with_code("invalid_value");
        let unit: Unit = unit.parse().map_err(|_| {
            let known: Vec<&str> = Unit::ALL.into_iter().map(Unit::as_str).collect();
            invalid(format!("Prices are for one of {}", known.join(", ")))
        })?;
        prices.insert(unit, nanos_from_decimal(price).map_err(|error| invalid(error.to_string()))?);
    }
    let effective_at = body.effective_at.map(Timestamp::from_secs);
    Ok(SetPrices { deployment, currency, prices, effective_at })
}

fn written(list: &PriceList) -> PriceListObject {
    let per_million =
        list.prices.iter().map(|(unit, price)| (unit.as_str().to_owned(), Nanos(*price).to_string()));
    PriceListObject {
        object: "price_list".to_owned(),
        id: list.version.to_string(),
        model: list.deployment.to_string(),
        currency: list.currency.to_string(),
        per_million: per_million.collect(),
        effective_at: list.effective_at.secs(),
        created_at: list.created_at.secs(),
        scheduled: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(unit: &str, price: &str) -> SetPriceList {
        SetPriceList {
            currency: "usd".to_owned(),
            per_million: [(unit.to_owned(), price.to_owned())].into(),
            effective_at: None,
        }
    }

    #[test]
    fn prices_are_read_and_written_exactly() {
        let new = read("m".into(), &body("input_tokens", "0.150000001")).unwrap();
        assert_eq!(new.prices[&Unit::InputTokens], 150_000_001);
        let list = PriceList {
            deployment: "m".into(),
            version: "price_1".into(),
            currency: new.currency,
            prices: new.prices,
            effective_at: Timestamp(2_000),
            created_at: Timestamp(1_000),
        };
        let object = written(&list);
        assert_eq!(object.per_million["input_tokens"], "0.150000001");
        assert_eq!((object.currency.as_str(), object.effective_at), ("USD", 2));
    }

    #[test]
    fn what_is_wrong_is_refused_by_name() {
        let field = |body: SetPriceList| read("m".into(), &body).unwrap_err().body().error.param.unwrap();
        assert_eq!(field(body("input_tokens", "-1")), "per_million.input_tokens");
        assert_eq!(field(body("apples", "1")), "per_million.apples");
        assert_eq!(
            field(SetPriceList { currency: "dollars".to_owned(), ..body("requests", "1") }),
            "currency"
        );
    }
}
