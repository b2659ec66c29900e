//! `/v1/organization/billing/...`: how an organisation pays, what it has, and what has moved.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tenfold_billing::ledger::{AccountKind, Entry, EntryKind, EntryPlace, Posted};
use tenfold_billing::{Grant, Mode, Profile, TopUp, zone};
use tenfold_catalog::nanos_from_decimal;
use tenfold_kernel::{Currency, Money, Timestamp, base62};
use tenfold_protocol::billing::{
    BillingBalance, BillingProfile, CreateGrant, CreateReversal, CreateTopUp, CurrencyBalance, LedgerEntry,
    LedgerVerification, ModifyBillingProfile, Transaction,
};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Params;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{BillingReader, BillingWriter, ChangeKey, JsonBody};
use crate::routes::list_of;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_profile, modify_profile))
        .routes(routes!(get_balance))
        .routes(routes!(create_top_up))
        .routes(routes!(create_grant))
        .routes(routes!(create_reversal))
        .routes(routes!(list_entries))
        .routes(routes!(verify_ledger))
}

/// An amount as it is written: every digit, without a currency.
pub(super) fn decimal(nanos: i64) -> String {
    Money::new(nanos, Currency::USD).to_string().split_off(4)
}

pub(super) fn amount(param: &str, text: &str) -> Result<i64, ApiError> {
    nanos_from_decimal(text).map_err(|error| ApiError::invalid(param, format!("{error}.")))
}

pub(super) fn currency(text: &str) -> Result<Currency, ApiError> {
    Currency::parse(text).map_err(|error| ApiError::invalid("currency", format!("{error}.")))
}

fn profile(profile: &Profile) -> BillingProfile {
    let (mode, credit_limit) = match profile.mode {
        Mode::Prepaid => ("prepaid", None),
        Mode::Postpaid { credit_limit } => ("postpaid", credit_limit.map(decimal)),
    };
    BillingProfile {
        object: "billing.profile".to_owned(),
        mode: mode.to_owned(),
        credit_limit,
        time_zone: profile.zone.iana_name().unwrap_or("UTC").to_owned(),
        currency: profile.currency.map(|currency| currency.to_string()),
    }
}

/// How the organisation pays.
#[utoipa::path(
    get, path = "/v1/organization/billing/profile", tag = "billing",
    responses((status = 200, body = BillingProfile), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn get_profile(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
) -> Result<Json<BillingProfile>, ApiError> {
    Ok(Json(profile(&*app.billing.profile(&caller.organization).await?)))
}

/// Sets how the organisation pays; what is left out stays as it is.
#[utoipa::path(
    post, path = "/v1/organization/billing/profile", tag = "billing", request_body = ModifyBillingProfile,
    responses((status = 200, body = BillingProfile), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn modify_profile(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    JsonBody(body): JsonBody<ModifyBillingProfile>,
) -> Result<Json<BillingProfile>, ApiError> {
    let before = app.billing.profile(&caller.organization).await?;
    let (was_prepaid, limit_before) = match before.mode {
        Mode::Prepaid => (true, None),
        Mode::Postpaid { credit_limit } => (false, credit_limit),
    };
    let is_prepaid = match body.mode.as_deref() {
        None => was_prepaid,
        Some("prepaid") => true,
        Some("postpaid") => false,
        Some(_) => return Err(ApiError::invalid("mode", "`mode` is `prepaid` or `postpaid`.")),
    };
    let credit_limit = match &body.credit_limit {
        None => limit_before,
        Some(limit) => limit.as_deref().map(|text| amount("credit_limit", text)).transpose()?,
    };
    if is_prepaid && body.credit_limit.as_ref().is_some_and(Option::is_some) {
        return Err(ApiError::invalid("credit_limit", "`credit_limit` is for `postpaid` alone."));
    }
    let after = Profile {
        mode: if is_prepaid { Mode::Prepaid } else { Mode::Postpaid { credit_limit } },
        zone: match &body.time_zone {
            Some(name) => zone(name)?,
            None => before.zone.clone(),
        },
        currency: match &body.currency {
            Some(code) => Some(currency(code)?),
            None => before.currency,
        },
    };
    app.billing.set_profile(&caller.organization, &after).await?;
    Ok(Json(profile(&after)))
}

/// What the organisation has, by currency.
#[utoipa::path(
    get, path = "/v1/organization/billing/balance", tag = "billing",
    responses((status = 200, body = BillingBalance), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn get_balance(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
) -> Result<Json<BillingBalance>, ApiError> {
    /// Paid, granted, held, owed, charged.
    type Sums = (i64, i64, i64, i64, i64);
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    for (id, account) in app.billing.accounts(&caller.organization).await? {
        let (Some(kind), Some(currency)) = (id.kind(), id.currency()) else { continue };
        let of = sums.entry(currency.code().to_owned()).or_default();
        match kind {
            AccountKind::Balance => of.0 += account.balance,
            AccountKind::Promotion(_) => of.1 += account.balance,
            AccountKind::Receivable => of.3 -= account.balance,
            AccountKind::Revenue => of.4 += account.balance,
            _ => {}
        }
        if kind.is_funds() {
            of.2 += account.held;
        }
    }
    let written = |(currency, (paid, granted, held, owed, charged)): (String, Sums)| CurrencyBalance {
        currency,
        paid: decimal(paid),
        granted: decimal(granted),
        held: decimal(held),
        available: decimal(paid + granted - held),
        owed: decimal(owed),
        charged: decimal(charged),
    };
    let balances = sums.into_iter().map(written).collect();
    Ok(Json(BillingBalance { object: "billing.balance".to_owned(), balances }))
}

pub(crate) fn ledger_entry(entry: &Entry) -> LedgerEntry {
    LedgerEntry {
        id: format!("{}:{}", entry.transaction, entry.sequence),
        object: "billing.entry".to_owned(),
        transaction: entry.transaction.to_string(),
        kind: entry.kind.as_str().to_owned(),
        debit: entry.debit.to_string(),
        credit: entry.credit.to_string(),
        amount: decimal(entry.money.nanos),
        currency: entry.money.currency.code().to_owned(),
        project_id: entry.project.as_ref().map(ToString::to_string),
        reverses: entry.reverses.as_ref().map(ToString::to_string),
        memo: entry.memo.clone(),
        created_at: entry.created_at.secs(),
    }
}

pub(super) fn transaction(id: &str, posted: &Posted) -> (StatusCode, Json<Transaction>) {
    let status = if posted.is_repeat { StatusCode::OK } else { StatusCode::CREATED };
    let body = Transaction {
        object: "billing.transaction".to_owned(),
        id: id.to_owned(),
        entries: posted.entries.iter().map(ledger_entry).collect(),
        repeated: posted.is_repeat,
    };
    (status, Json(body))
}

/// Enters money that was paid outside of the platform. With an `Idempotency-Key`, once.
#[utoipa::path(
    post, path = "/v1/organization/billing/top_ups", tag = "billing", request_body = CreateTopUp,
    responses((status = 201, body = Transaction), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn create_top_up(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    ChangeKey(key): ChangeKey,
    JsonBody(body): JsonBody<CreateTopUp>,
) -> Result<(StatusCode, Json<Transaction>), ApiError> {
    let key: Arc<str> = format!("top_up:{key}").into();
    let top_up = TopUp {
        key: Arc::clone(&key),
        organization: &caller.organization,
        provider: "manual",
        currency: currency(&body.currency)?,
        nanos: amount("amount", &body.amount)?,
        memo: body.memo,
    };
    Ok(transaction(&key, &app.billing.top_up(top_up).await?))
}

/// Gives credit, which is used before what was paid, what ends first first.
#[utoipa::path(
    post, path = "/v1/organization/billing/grants", tag = "billing", request_body = CreateGrant,
    responses((status = 201, body = Transaction), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn create_grant(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    ChangeKey(key): ChangeKey,
    JsonBody(body): JsonBody<CreateGrant>,
) -> Result<(StatusCode, Json<Transaction>), ApiError> {
    let now = app.clock.now();
    let expires_at = body.expires_at.map(Timestamp::from_secs);
    if expires_at.is_some_and(|end| end <= now) {
        return Err(ApiError::invalid("expires_at", "`expires_at` is in the past."));
    }
    let key: Arc<str> = format!("grant:{key}").into();
    let grant = Grant {
        id: format!("grant_{}", base62(app.rng.as_ref(), 24)).into(),
        organization: caller.organization.clone(),
        currency: currency(&body.currency)?,
        nanos: amount("amount", &body.amount)?,
        expires_at,
        created_at: now,
    };
    Ok(transaction(&key, &app.billing.grant(&grant, Arc::clone(&key), body.memo).await?))
}

/// Undoes a transaction by entries the other way, once.
#[utoipa::path(
    post, path = "/v1/organization/billing/reversals", tag = "billing", request_body = CreateReversal,
    responses((status = 201, body = Transaction), (status = 200, body = Transaction), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn create_reversal(
    State(app): State<App>,
    BillingWriter(caller): BillingWriter,
    JsonBody(body): JsonBody<CreateReversal>,
) -> Result<(StatusCode, Json<Transaction>), ApiError> {
    let kind = match body.kind.as_deref() {
        None | Some("reversal") => EntryKind::Reversal,
        Some("refund") => EntryKind::Refund,
        Some("chargeback") => EntryKind::Chargeback,
        Some(_) => {
            return Err(ApiError::invalid("kind", "`kind` is `reversal`, `refund` or `chargeback`."));
        }
    };
    let posted = app.billing.reverse(&caller.organization, &body.transaction, kind, body.memo).await?;
    let id = posted.entries.first().map(|entry| entry.transaction.to_string()).unwrap_or_default();
    Ok(transaction(&id, &posted))
}

/// Which part of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EntryQuery {
    /// 1 to 100; 20 when absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// The entry that the page comes after.
    pub(super) after: Option<String>,
}

impl EntryQuery {
    pub(super) fn limit(&self) -> Result<u32, ApiError> {
        let limit = self.limit.unwrap_or(20);
        if (1..=100).contains(&limit) {
            return Ok(limit);
        }
        Err(ApiError::invalid("limit", "`limit` is 1 to 100."))
    }
}

/// What has moved, newest first.
#[utoipa::path(
    get, path = "/v1/organization/billing/entries", tag = "billing", params(EntryQuery),
    responses((status = 200, body = List<LedgerEntry>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn list_entries(
    State(app): State<App>,
    BillingReader(caller): BillingReader,
    Params(query): Params<EntryQuery>,
) -> Result<Json<List<LedgerEntry>>, ApiError> {
    let limit = query.limit()?;
    let before = match &query.after {
        None => None,
        Some(after) => Some(place(&app, &caller.organization, after).await?),
    };
    // One more than is shown tells whether there are more.
    let mut entries = app.billing.entries(&caller.organization, before.as_ref(), limit + 1).await?;
    let has_more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let data: Vec<LedgerEntry> = entries.iter().map(ledger_entry).collect();
    Ok(Json(list_of(data, has_more, |entry| &entry.id)))
}

async fn place(
    app: &App,
    organization: &tenfold_kernel::OrganizationId,
    id: &str,
) -> Result<EntryPlace, ApiError> {
    let unknown = || ApiError::invalid("after", "`after` is not an id of this list.");
    let (transaction, sequence) = id.rsplit_once(':').ok_or_else(unknown)?;
    let sequence: u32 = sequence.parse().map_err(|_| unknown())?;
    let entries = app.billing.transaction(organization, transaction).await?;
    let found = entries.iter().find(|entry| entry.sequence == sequence);
    found.map(Entry::place).ok_or_else(unknown)
}

/// Computes the ledger of the whole platform anew from its entries, and says what is wrong.
#[utoipa::path(
    get, path = "/v1/organization/billing/verification", tag = "billing",
    responses((status = 200, body = LedgerVerification), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody))
)]
async fn verify_ledger(
    State(app): State<App>,
    _: BillingReader,
) -> Result<Json<LedgerVerification>, ApiError> {
    let found = app.billing.verify().await?;
    Ok(Json(LedgerVerification {
        object: "billing.verification".to_owned(),
        clean: found.faults.is_empty(),
        accounts: found.accounts,
        entries: found.entries,
        charged_calls: found.charged_events,
        holds: found.holds,
        faults: found.faults,
    }))
}
