//! `/v1/organization/billing/auto_recharge` and `payment_methods`: a balance that is paid in by itself.

use axum::Json;
use axum::extract::{Path, State};
use tenfold_billing::checkout::{AutoRecharge, PaymentMethod, SetRecharge};
use tenfold_kernel::Money;
use tenfold_protocol::admin::Deleted;
use tenfold_protocol::checkouts::{AutoRechargeObject, PaymentMethodObject, SetAutoRecharge};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::billing::{amount, currency, decimal};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{BillingReader, BillingWriter, JsonBody};
use crate::routes::list_of;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_auto_recharge, set_auto_recharge, delete_auto_recharge))
        .routes(routes!(list_payment_methods))
        .routes(routes!(delete_payment_method))
}

fn written(recharge: Option<AutoRecharge>) -> AutoRechargeObject {
    let object = "billing.auto_recharge".to_owned();
    let Some(recharge) = recharge else {
        return AutoRechargeObject { object, status: "off".to_owned(), ..AutoRechargeObject::default() };
    };
    AutoRechargeObject {
        object,
        status: recharge.status.as_str().to_owned(),
        payment_method: Some(recharge.method.to_string()),
        threshold: Some(decimal(recharge.threshold)),
        amount: Some(decimal(recharge.money.nanos)),
        currency: Some(recharge.money.currency.code().to_owned()),
        monthly_limit: recharge.monthly_limit.map(decimal),
        charged_this_month: Some(decimal(recharge.charged)),
        checkout_id: recharge.order.map(|under_way| under_way.order.to_string()),
        failure: recharge.failure.map(|failure| failure.to_string()),
    }
}

/// How the organisation's balance is recharged.
#[utoipa::path(
    get, path = "/v1/organization/billing/auto_recharge", tag = "billing",
    responses((status = 200, body = AutoRechargeObject), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn get_auto_recharge(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
) -> Result<Json<AutoRechargeObject>, ApiError> {
    Ok(Json(written(app.checkout.auto_recharge(&caller.organization).await?)))
}

/// Charges a way to pay that was kept whenever less than the threshold is available.
#[utoipa::path(
    post, path = "/v1/organization/billing/auto_recharge", tag = "billing", request_body = SetAutoRecharge,
    responses((status = 200, body = AutoRechargeObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn set_auto_recharge(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    JsonBody(body): JsonBody<SetAutoRecharge>,
) -> Result<Json<AutoRechargeObject>, ApiError> {
    let limit = |text: &String| amount("monthly_limit", text);
    let set = SetRecharge {
        money: Money::new(amount("amount", &body.amount)?, currency(&body.currency)?),
        threshold: amount("threshold", &body.threshold)?,
        monthly_limit: body.monthly_limit.as_ref().map(limit).transpose()?,
        method: body.payment_method,
    };
    Ok(Json(written(Some(app.checkout.set_recharge(&caller.organization, set).await?))))
}

/// Charges nothing by itself any more. A charge under way goes on.
#[utoipa::path(
    delete, path = "/v1/organization/billing/auto_recharge", tag = "billing",
    responses((status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn delete_auto_recharge(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
) -> Result<Json<Deleted>, ApiError> {
    app.checkout.stop_recharging(&caller.organization).await?;
    let object = "billing.auto_recharge.deleted".to_owned();
    Ok(Json(Deleted { object, id: "auto_recharge".to_owned(), deleted: true }))
}

/// Ways to pay that were kept, oldest first.
#[utoipa::path(
    get, path = "/v1/organization/billing/payment_methods", tag = "billing",
    responses((status = 200, body = List<PaymentMethodObject>), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn list_payment_methods(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
) -> Result<Json<List<PaymentMethodObject>>, ApiError> {
    let methods = app.checkout.payment_methods(&caller.organization).await?;
    let written = |method: PaymentMethod| PaymentMethodObject {
        id: method.id.to_string(),
        object: "billing.payment_method".to_owned(),
        provider: method.provider.to_string(),
        created_at: method.created_at.secs(),
    };
    let data: Vec<PaymentMethodObject> = methods.into_iter().map(written).collect();
    Ok(Json(list_of(data, false, |method| &method.id)))
}

/// Forgets a way to pay; what recharges by it stops.
#[utoipa::path(
    delete, path = "/v1/organization/billing/payment_methods/{id}", tag = "billing",
    params(("id" = String, Path, description = "The way to pay.")),
    responses((status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn delete_payment_method(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    Path(id): Path<String>,
) -> Result<Json<Deleted>, ApiError> {
    if !app.checkout.forget_method(&caller.organization, &id).await? {
        let id: String = id.chars().take(128).collect();
        return Err(ApiError::not_found("payment method", &id));
    }
    Ok(Json(Deleted { object: "billing.payment_method.deleted".to_owned(), id, deleted: true }))
}
