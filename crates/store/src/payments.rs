//! Orders to pay in, for `tenfold-billing`.

use async_trait::async_trait;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use tenfold_billing::BillingError;
use tenfold_billing::checkout::{PaymentOrder, PaymentStatus, PaymentStore, Purpose};
use tenfold_kernel::{Currency, Money, OrganizationId, Timestamp};

use crate::reports::billing_error;
use crate::{Store, StoreError};

fn read_failed(error: impl Into<StoreError>) -> BillingError {
    billing_error("read orders", error.into())
}

fn write_failed(error: impl Into<StoreError>) -> BillingError {
    billing_error("write an order", error.into())
}

/// What went back, as it is stored.
fn returns_text(order: &PaymentOrder) -> Result<String, BillingError> {
    serde_json::to_string(&order.returns)
        .map_err(|error| BillingError::Store { action: "write an order", source: error.into() })
}

#[async_trait]
impl PaymentStore for Store {
    async fn insert(&self, order: &PaymentOrder) -> Result<(), BillingError> {
        sqlx::query(
            "INSERT INTO payment_orders (id, organization, provider, nanos, currency, status, provider_order_id,
             returns, created_at, expires_at, revision, purpose, failure)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(&*order.id)
        .bind(order.organization.as_str())
        .bind(&*order.provider)
        .bind(order.money.nanos)
        .bind(order.money.currency.code())
        .bind(order.status.as_str())
        .bind(order.provider_order_id.as_deref())
        .bind(returns_text(order)?)
        .bind(order.created_at.0)
        .bind(order.expires_at.0)
        .bind(order.revision)
        .bind(order.purpose.to_text())
        .bind(order.failure.as_deref())
        .execute(self.writer())
        .await
        .map_err(write_failed)?;
        Ok(())
    }

    async fn get(&self, id: &str) -> Result<Option<PaymentOrder>, BillingError> {
        let row = sqlx::query(
            "SELECT id, organization, provider, nanos, currency, status, provider_order_id, returns, created_at,
             expires_at, revision, purpose, failure FROM payment_orders WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(self.reader())
        .await
        .map_err(read_failed)?;
        row.as_ref().map(|row| order(row).map_err(read_failed)).transpose()
    }

    async fn list(
        &self,
        organization: &OrganizationId,
        before: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<PaymentOrder>, BillingError> {
        // Without a place, later than anything that is kept.
        let (at, id) = before.unwrap_or((Timestamp(i64::MAX), ""));
        let rows = sqlx::query(
            "SELECT id, organization, provider, nanos, currency, status, provider_order_id, returns, created_at,
             expires_at, revision, purpose, failure FROM payment_orders
             WHERE organization = $1 AND (created_at < $2 OR (created_at = $3 AND id < $4))
             ORDER BY created_at DESC, id DESC LIMIT $5",
        )
        .bind(organization.as_str())
        .bind(at.0)
        .bind(at.0)
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(read_failed)?;
        rows.iter().map(|row| order(row).map_err(read_failed)).collect()
    }

    async fn update(&self, order: &PaymentOrder) -> Result<bool, BillingError> {
        let done = sqlx::query(
            "UPDATE payment_orders SET status = $1, failure = $2, provider_order_id = $3, returns = $4,
             revision = revision + 1 WHERE id = $5 AND revision = $6",
        )
        .bind(order.status.as_str())
        .bind(order.failure.as_deref())
        .bind(order.provider_order_id.as_deref())
        .bind(returns_text(order)?)
        .bind(&*order.id)
        .bind(order.revision)
        .execute(self.writer())
        .await
        .map_err(write_failed)?;
        Ok(done.rows_affected() > 0)
    }
}

fn order(row: &AnyRow) -> Result<PaymentOrder, StoreError> {
    let corrupt = |column: &'static str| StoreError::Corrupt { column };
    let text = |column: &'static str| row.try_get::<String, _>(column);
    let number = |column: &'static str| row.try_get::<i64, _>(column);
    let currency = Currency::parse(&text("currency")?).map_err(|_| corrupt("currency"))?;
    Ok(PaymentOrder {
        id: text("id")?.into(),
        organization: OrganizationId::parse(&text("organization")?).map_err(|_| corrupt("organization"))?,
        purpose: Purpose::parse(&text("purpose")?).ok_or(corrupt("purpose"))?,
        provider: text("provider")?.into(),
        money: Money::new(number("nanos")?, currency),
        status: PaymentStatus::parse(&text("status")?).ok_or(corrupt("status"))?,
        failure: row.try_get::<Option<String>, _>("failure")?.map(Into::into),
        provider_order_id: row.try_get::<Option<String>, _>("provider_order_id")?.map(Into::into),
        returns: serde_json::from_str(&text("returns")?).map_err(|_| corrupt("returns"))?,
        created_at: Timestamp(number("created_at")?),
        expires_at: Timestamp(number("expires_at")?),
        revision: number("revision")?,
    })
}
