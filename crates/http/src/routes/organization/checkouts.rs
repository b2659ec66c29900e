//! `/v1/organization/billing/checkouts`: paying through a payment provider.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use tenfold_billing::checkout::{NewCheckout, Ordered, PaymentOrder, Prompt, Purpose};
use tenfold_kernel::Money;
use tenfold_protocol::checkouts::{Checkout, CreateCheckout};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Params;
use super::billing::{amount, currency, decimal};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{BillingReader, BillingWriter, JsonBody};
use crate::routes::list_of;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create_checkout, list_checkouts)).routes(routes!(get_checkout))
}

fn checkout(order: &PaymentOrder, prompt: Option<Prompt>) -> Checkout {
    let (redirect_url, qr_code) = match prompt {
        Some(Prompt::Redirect(url)) => (Some(url), None),
        Some(Prompt::QrCode(content)) => (None, Some(content)),
        None => (None, None),
    };
    Checkout {
        id: order.id.to_string(),
        object: "billing.checkout".to_owned(),
        purpose: order.purpose.as_str().to_owned(),
        invoice_id: match &order.purpose {
            Purpose::Invoice(id) => Some(id.to_string()),
            Purpose::TopUp | Purpose::AutoRecharge => None,
        },
        provider: order.provider.to_string(),
        amount: decimal(order.money.nanos),
        currency: order.money.currency.code().to_owned(),
        status: order.status.as_str().to_owned(),
        failure: order.failure.as_deref().map(str::to_owned),
        refunded: decimal(order.refunded_nanos()),
        redirect_url,
        qr_code,
        created_at: order.created_at.secs(),
        expires_at: order.expires_at.secs(),
    }
}

/// What is ordered: an amount for the balance, or what is owed for an invoice.
fn ordered(body: &CreateCheckout) -> Result<Ordered, ApiError> {
    let missing = |field: &'static str| {
        move || {
            ApiError::invalid(
                field,
                format!("`{field}` is missing: say how much is paid in, or which `invoice`."),
            )
        }
    };
    let Some(invoice) = &body.invoice else {
        let nanos = amount("amount", body.amount.as_deref().ok_or_else(missing("amount"))?)?;
        let currency = currency(body.currency.as_deref().ok_or_else(missing("currency"))?)?;
        return Ok(Ordered::TopUp(Money::new(nanos, currency)));
    };
    for (field, given) in [("amount", &body.amount), ("currency", &body.currency)] {
        if given.is_some() {
            let message = format!("`{field}` is the invoice's: leave it out with `invoice`.");
            return Err(ApiError::invalid(field, message));
        }
    }
    Ok(Ordered::Invoice(invoice.clone()))
}

/// Makes an order at a payment provider, and says what to show the payer. The balance grows, or the invoice is paid, when
/// the provider says that the order was.
#[utoipa::path(
    post, path = "/v1/organization/billing/checkouts", tag = "billing", request_body = CreateCheckout,
    responses((status = 201, body = Checkout), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 502, body = ErrorBody))
)]
async fn create_checkout(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    JsonBody(body): JsonBody<CreateCheckout>,
) -> Result<(StatusCode, Json<Checkout>), ApiError> {
    let ordered = ordered(&body)?;
    let save_method = body.save_payment_method.unwrap_or_default();
    let new = NewCheckout { provider: body.provider, ordered, return_url: body.return_url, save_method };
    let (order, prompt) = app.checkout.create(&caller.organization, new).await?;
    Ok((StatusCode::CREATED, Json(checkout(&order, Some(prompt)))))
}

/// Which part of the orders.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CheckoutQuery {
    /// 1 to 100; 20 when absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// The order that the page comes after.
    after: Option<String>,
}

/// Orders, newest first.
#[utoipa::path(
    get, path = "/v1/organization/billing/checkouts", tag = "billing", params(CheckoutQuery),
    responses((status = 200, body = List<Checkout>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn list_checkouts(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Params(query): Params<CheckoutQuery>,
) -> Result<Json<List<Checkout>>, ApiError> {
    let limit = query.limit.unwrap_or(20);
    if !(1..=100).contains(&limit) {
        return Err(ApiError::invalid("limit", "`limit` is 1 to 100."));
    }
    let before = match &query.after {
        None => None,
        Some(after) => {
            let found = app.checkout.order(&caller.organization, after).await?;
            Some(found.ok_or_else(|| ApiError::invalid("after", "`after` is not an id of this list."))?)
        }
    };
    // One more than is shown tells whether there are more.
    let mut orders = app.checkout.orders(&caller.organization, before.as_ref(), limit + 1).await?;
    let has_more = orders.len() > limit as usize;
    orders.truncate(limit as usize);
    let data: Vec<Checkout> = orders.iter().map(|order| checkout(order, None)).collect();
    Ok(Json(list_of(data, has_more, |checkout| &checkout.id)))
}

/// An order.
#[utoipa::path(
    get, path = "/v1/organization/billing/checkouts/{id}", tag = "billing",
    params(("id" = String, Path, description = "The order.")),
    responses((status = 200, body = Checkout), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn get_checkout(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Path(id): Path<String>,
) -> Result<Json<Checkout>, ApiError> {
    let order = app.checkout.order(&caller.organization, &id).await?;
    let order = order.ok_or_else(|| ApiError::not_found("checkout", &id).with_code("not_found"))?;
    Ok(Json(checkout(&order, None)))
}
