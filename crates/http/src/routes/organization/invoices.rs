//! `/v1/organization/billing/invoices` and `/v1/organization/billing/details`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use tenfold_billing::invoice::{
    Invoice, InvoiceDetails, Issuer, Party, Totals, minor_digits, round_to_minor,
};
use tenfold_catalog::nanos_from_decimal;
use tenfold_invoice::{InvoiceError, write_minor};
use tenfold_kernel::Timestamp;
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::invoices::{
    BillingDetails, CloseMonth, CreateCreditNote, InvoiceObject, PartyDetails, PayInvoice,
};
use tenfold_protocol::model::List;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Params;
use super::billing::{EntryQuery, amount, currency, decimal};
use super::documents::{self, DocumentQuery};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{BillingReader, BillingWriter, JsonBody};
use crate::routes::list_of;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_details, set_details))
        .routes(routes!(list_invoices, close_month))
        .routes(routes!(get_invoice))
        .routes(routes!(get_document))
        .routes(routes!(pay_invoice))
        .routes(routes!(create_credit_note))
}

fn unknown(id: &str) -> ApiError {
    let id: String = id.chars().take(128).collect();
    ApiError::not_found("invoice", &id)
}

async fn written(app: &App, invoice: &Invoice) -> Result<InvoiceObject, ApiError> {
    let statement = &invoice.statement;
    let overflow = || InvoiceError::Overflow { number: statement.number.clone() };
    let totals = Totals::of(statement).ok_or_else(overflow)?;
    let minor = |amount| write_minor(amount, totals.digits);
    let owed = app.billing.due(invoice).await?.max(0);
    Ok(InvoiceObject {
        id: invoice.id.to_string(),
        object: format!("billing.{}", statement.kind.as_str()),
        number: statement.number.clone(),
        status: if owed > 0 { "open" } else { "settled" }.to_owned(),
        invoice_id: invoice.credits.as_ref().map(|(of, _)| of.to_string()),
        currency: statement.currency.code().to_owned(),
        month: statement.month().unwrap_or_default(),
        period_start: statement.period_start.secs(),
        period_end: statement.period_end.secs(),
        subtotal: minor(totals.subtotal),
        tax: minor(totals.total - totals.subtotal),
        total: minor(totals.total),
        paid_before: minor(totals.credits_applied),
        balance_due: minor(totals.balance_due),
        owed: minor(round_to_minor(owed.into(), minor_digits(statement.currency))),
        issued_at: statement.issued_at.secs(),
        due_at: statement.due_at.map(Timestamp::secs),
    })
}

fn details(details: InvoiceDetails) -> BillingDetails {
    let party =
        |party: Party| PartyDetails { name: party.name, address: party.address, tax_id: party.tax_id };
    // Parts per million are ten-thousandths of a percent.
    let tax = decimal(i64::from(details.tax_rate) * 100_000);
    BillingDetails {
        customer: party(details.customer),
        issuer: party(details.issuer.party),
        payment_note: details.issuer.payment_note,
        tax_percent: tax.trim_end_matches('0').trim_end_matches('.').to_owned(),
        due_days: details.due_days,
    }
}

/// Who the organisation is on invoices, and who writes them.
#[utoipa::path(
    get, path = "/v1/organization/billing/details", tag = "billing",
    responses((status = 200, body = BillingDetails), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn get_details(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
) -> Result<Json<BillingDetails>, ApiError> {
    Ok(Json(details(app.billing.invoice_details(&caller.organization).await?)))
}

/// Sets who the organisation is on invoices that are made from now on.
#[utoipa::path(
    put, path = "/v1/organization/billing/details", tag = "billing", request_body = BillingDetails,
    responses((status = 200, body = BillingDetails), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn set_details(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    JsonBody(body): JsonBody<BillingDetails>,
) -> Result<Json<BillingDetails>, ApiError> {
    let party =
        |party: PartyDetails| Party { name: party.name, address: party.address, tax_id: party.tax_id };
    let bad_tax = || {
        let message = "`tax_percent` is 0 to 100 with at most four digits behind the point.";
        ApiError::invalid("tax_percent", message)
    };
    let tax = nanos_from_decimal(&body.tax_percent).map_err(|_| bad_tax())?;
    if !(0..=100_000_000_000).contains(&tax) || tax % 100_000 != 0 {
        return Err(bad_tax());
    }
    let set = InvoiceDetails {
        customer: party(body.customer),
        issuer: Issuer { party: party(body.issuer), payment_note: body.payment_note },
        tax_rate: u32::try_from(tax / 100_000).map_err(|_| bad_tax())?,
        due_days: body.due_days,
    };
    app.billing.set_invoice_details(&caller.organization, &set).await?;
    Ok(Json(details(set)))
}

/// Invoices and credit notes, the newest month first.
#[utoipa::path(
    get, path = "/v1/organization/billing/invoices", tag = "billing", params(EntryQuery),
    responses((status = 200, body = List<InvoiceObject>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn list_invoices(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Params(query): Params<EntryQuery>,
) -> Result<Json<List<InvoiceObject>>, ApiError> {
    let limit = query.limit()?;
    // One more than is shown tells whether there are more.
    let mut found = app.billing.invoices(&caller.organization, query.after.as_deref(), limit + 1).await?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let mut data = Vec::with_capacity(found.len());
    for invoice in &found {
        data.push(written(&app, invoice).await?);
    }
    Ok(Json(list_of(data, has_more, |one| &one.id)))
}

/// Makes the invoice of a month that is over, once. The platform does so by itself, an hour after the month's end.
#[utoipa::path(
    post, path = "/v1/organization/billing/invoices", tag = "billing", request_body = CloseMonth,
    responses((status = 200, body = InvoiceObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn close_month(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    JsonBody(body): JsonBody<CloseMonth>,
) -> Result<Json<InvoiceObject>, ApiError> {
    let currency = currency(&body.currency)?;
    let made = app.billing.close_month(&caller.organization, &body.month, currency).await?;
    written(&app, &made).await.map(Json)
}

/// An invoice or a credit note.
#[utoipa::path(
    get, path = "/v1/organization/billing/invoices/{id}", tag = "billing", params(("id" = String, Path)),
    responses((status = 200, body = InvoiceObject), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn get_invoice(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Path(id): Path<String>,
) -> Result<Json<InvoiceObject>, ApiError> {
    let found = app.billing.invoice(&caller.organization, &id).await?.ok_or_else(|| unknown(&id))?;
    written(&app, &found).await.map(Json)
}

/// The document, with its lines.
#[utoipa::path(
    get, path = "/v1/organization/billing/invoices/{id}/document", tag = "billing",
    params(("id" = String, Path), DocumentQuery),
    responses((status = 200, content_type = "application/pdf"), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn get_document(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Path(id): Path<String>,
    Params(query): Params<DocumentQuery>,
) -> Result<Response, ApiError> {
    let form = query.form()?;
    let found = app.billing.invoice(&caller.organization, &id).await?.ok_or_else(|| unknown(&id))?;
    documents::write(&app, &caller, found.statement, form).await
}

/// Enters that an invoice was paid outside of the platform, all that is owed for it, once.
#[utoipa::path(
    post, path = "/v1/organization/billing/invoices/{id}/pay", tag = "billing", params(("id" = String, Path)),
    request_body = PayInvoice,
    responses((status = 200, body = InvoiceObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn pay_invoice(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<PayInvoice>,
) -> Result<Json<InvoiceObject>, ApiError> {
    let paid = app.billing.pay_invoice(&caller.organization, &id, body.memo).await?;
    written(&app, &paid.ok_or_else(|| unknown(&id))?).await.map(Json)
}

/// Takes back an invoice, or a part of it: what was owed is owed no more, what was paid is on the balance again.
#[utoipa::path(
    post, path = "/v1/organization/billing/invoices/{id}/credit_notes", tag = "billing", params(("id" = String, Path)),
    request_body = CreateCreditNote,
    responses((status = 201, body = InvoiceObject), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn create_credit_note(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<CreateCreditNote>,
) -> Result<(StatusCode, Json<InvoiceObject>), ApiError> {
    let part = body.amount.as_deref().map(|text| amount("amount", text)).transpose()?;
    let note = app.billing.credit_note(&caller.organization, &id, part, &body.reason).await?;
    Ok((StatusCode::CREATED, Json(written(&app, &note.ok_or_else(|| unknown(&id))?).await?)))
}
