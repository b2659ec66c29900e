//! `/v1/organization/billing/vouchers`: codes that are worth money, once.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tenfold_billing::{NewVouchers, Voucher};
use tenfold_kernel::Timestamp;
use tenfold_protocol::billing::{CreateVouchers, RedeemVoucher, Transaction, VoucherObject};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::billing::{EntryQuery, amount, currency, decimal, transaction};
use super::{Params, ShownOnce, shown_once};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{BillingReader, BillingWriter, JsonBody};
use crate::routes::list_of;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_vouchers, create_vouchers)).routes(routes!(redeem_voucher))
}

fn written(voucher: &Voucher, now: Timestamp) -> VoucherObject {
    let has_ended = voucher.expires_at.is_some_and(|end| end <= now);
    let status = match (voucher.is_redeemed, has_ended) {
        (true, _) => "redeemed",
        (false, true) => "expired",
        (false, false) => "open",
    };
    VoucherObject {
        id: voucher.id.to_string(),
        object: "billing.voucher".to_owned(),
        batch: voucher.batch.to_string(),
        code: None,
        amount: decimal(voucher.nanos),
        currency: voucher.currency.code().to_owned(),
        status: status.to_owned(),
        expires_at: voucher.expires_at.map(Timestamp::secs),
        created_at: voucher.created_at.secs(),
    }
}

fn listed(data: Vec<VoucherObject>, has_more: bool) -> List<VoucherObject> {
    list_of(data, has_more, |voucher| &voucher.id)
}

/// Vouchers that were made here, newest first, without their codes.
#[utoipa::path(
    get, path = "/v1/organization/billing/vouchers", tag = "billing", params(EntryQuery),
    responses((status = 200, body = List<VoucherObject>), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn list_vouchers(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Params(query): Params<EntryQuery>,
) -> Result<Json<List<VoucherObject>>, ApiError> {
    let limit = query.limit()?;
    let after = query.after.as_deref();
    // One more than is shown tells whether there are more.
    let mut found = app.billing.vouchers(&caller.organization, after, limit + 1).await?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let now = app.clock.now();
    Ok(Json(listed(found.iter().map(|voucher| written(voucher, now)).collect(), has_more)))
}

/// Makes vouchers. Their codes are shown here and never again.
#[utoipa::path(
    post, path = "/v1/organization/billing/vouchers", tag = "billing", request_body = CreateVouchers,
    responses((status = 200, body = List<VoucherObject>), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn create_vouchers(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    JsonBody(body): JsonBody<CreateVouchers>,
) -> Result<ShownOnce<List<VoucherObject>>, ApiError> {
    let new = NewVouchers {
        count: body.count as usize,
        currency: currency(&body.currency)?,
        nanos: amount("amount", &body.amount)?,
        expires_at: body.expires_at.map(Timestamp::from_secs),
    };
    let made = app.billing.make_vouchers(&caller.organization, &new).await?;
    let now = app.clock.now();
    let redacted: Vec<VoucherObject> = made.iter().map(|(voucher, _)| written(voucher, now)).collect();
    let with_code = |(voucher, (_, code)): (&VoucherObject, &(Voucher, tenfold_kernel::Secret))| {
        VoucherObject { code: Some(code.expose().to_owned()), ..voucher.clone() }
    };
    let shown = redacted.iter().zip(&made).map(with_code).collect();
    shown_once(listed(shown, false), &listed(redacted, false))
}

/// Puts what a voucher is worth on the balance, once.
#[utoipa::path(
    post, path = "/v1/organization/billing/vouchers/redeem", tag = "billing", request_body = RedeemVoucher,
    responses((status = 201, body = Transaction), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn redeem_voucher(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    JsonBody(body): JsonBody<RedeemVoucher>,
) -> Result<(StatusCode, Json<Transaction>), ApiError> {
    let posted = app.billing.redeem(&caller.organization, &body.code).await?;
    let id = posted.entries.first().map(|entry| entry.transaction.to_string()).unwrap_or_default();
    Ok(transaction(&id, &posted))
}
