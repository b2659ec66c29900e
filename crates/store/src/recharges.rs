//! Ways to pay, and how balances are recharged, for `tenfold-billing`.

use async_trait::async_trait;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use tenfold_billing::BillingError;
use tenfold_billing::checkout::{AutoRecharge, PaymentMethod, RechargeStore};
use tenfold_kernel::{OrganizationId, Timestamp};

use crate::reports::billing_error;
use crate::{Store, StoreError};

fn read_failed(error: impl Into<StoreError>) -> BillingError {
    billing_error("read ways to pay", error.into())
}

fn write_failed(error: impl Into<StoreError>) -> BillingError {
    billing_error("write a way to pay", error.into())
}

fn json(recharge: &AutoRecharge) -> Result<String, BillingError> {
    serde_json::to_string(recharge)
        .map_err(|error| BillingError::Store { action: "write a way to pay", source: error.into() })
}

fn recharge(row: &AnyRow) -> Result<AutoRecharge, BillingError> {
    let text: String = row.try_get("body").map_err(read_failed)?;
    serde_json::from_str(&text).map_err(|_| read_failed(StoreError::Corrupt { column: "body" }))
}

fn method(row: &AnyRow) -> Result<PaymentMethod, StoreError> {
    let text = |column: &'static str| row.try_get::<String, _>(column);
    let organization = OrganizationId::parse(&text("organization")?);
    Ok(PaymentMethod {
        id: text("id")?.into(),
        organization: organization.map_err(|_| StoreError::Corrupt { column: "organization" })?,
        provider: text("provider")?.into(),
        reference: text("reference")?.into(),
        created_at: Timestamp(row.try_get("created_at")?),
    })
}

#[async_trait]
impl RechargeStore for Store {
    async fn put_method(&self, method: &PaymentMethod) -> Result<(), BillingError> {
        sqlx::query(
            "INSERT INTO payment_methods (id, organization, provider, reference, created_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organization, provider, reference) DO NOTHING",
        )
        .bind(&*method.id)
        .bind(method.organization.as_str())
        .bind(&*method.provider)
        .bind(&*method.reference)
        .bind(method.created_at.0)
        .execute(self.writer())
        .await
        .map_err(write_failed)?;
        Ok(())
    }

    async fn methods(&self, organization: &OrganizationId) -> Result<Vec<PaymentMethod>, BillingError> {
        let rows = sqlx::query(
            "SELECT id, organization, provider, reference, created_at FROM payment_methods
             WHERE organization = $1 ORDER BY created_at, id",
        )
        .bind(organization.as_str())
        .fetch_all(self.reader())
        .await
        .map_err(read_failed)?;
        rows.iter().map(|row| method(row).map_err(read_failed)).collect()
    }

    async fn delete_method(&self, organization: &OrganizationId, id: &str) -> Result<bool, BillingError> {
        let done = sqlx::query("DELETE FROM payment_methods WHERE organization = $1 AND id = $2")
            .bind(organization.as_str())
            .bind(id)
            .execute(self.writer())
            .await
            .map_err(write_failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn recharge(&self, organization: &OrganizationId) -> Result<Option<AutoRecharge>, BillingError> {
        let row = sqlx::query("SELECT body FROM auto_recharges WHERE organization = $1")
            .bind(organization.as_str())
            .fetch_optional(self.reader())
            .await
            .map_err(read_failed)?;
        row.as_ref().map(recharge).transpose()
    }

    async fn insert_recharge(&self, recharge: &AutoRecharge) -> Result<bool, BillingError> {
        let done = sqlx::query(
            "INSERT INTO auto_recharges (organization, is_live, body, revision) VALUES ($1, $2, $3, $4)
             ON CONFLICT (organization) DO NOTHING",
        )
        .bind(recharge.organization.as_str())
        .bind(i64::from(recharge.is_live()))
        .bind(json(recharge)?)
        .bind(recharge.revision)
        .execute(self.writer())
        .await
        .map_err(write_failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn update_recharge(&self, recharge: &AutoRecharge) -> Result<bool, BillingError> {
        let next = AutoRecharge { revision: recharge.revision + 1, ..recharge.clone() };
        let done = sqlx::query(
            "UPDATE auto_recharges SET is_live = $1, body = $2, revision = $3
             WHERE organization = $4 AND revision = $5",
        )
        .bind(i64::from(next.is_live()))
        .bind(json(&next)?)
        .bind(next.revision)
        .bind(next.organization.as_str())
        .bind(recharge.revision)
        .execute(self.writer())
        .await
        .map_err(write_failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn recharges(
        &self,
        after: Option<&OrganizationId>,
        limit: u32,
    ) -> Result<Vec<AutoRecharge>, BillingError> {
        let rows = sqlx::query(
            "SELECT body FROM auto_recharges WHERE is_live = 1 AND organization > $1 ORDER BY organization LIMIT $2",
        )
        .bind(after.map_or("", OrganizationId::as_str))
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(read_failed)?;
        rows.iter().map(recharge).collect()
    }
}
