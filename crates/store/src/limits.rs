//! The limits of `tenfold-billing` that administrators set.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::any::AnyRow;
use tenfold_billing::{BillingError, LimitOverride, LimitStore, RateLimits};
use tenfold_kernel::ProjectId;

use crate::reports::billing_error;
use crate::{Store, StoreError};

#[async_trait]
impl LimitStore for Store {
    async fn get(
        &self,
        project: &ProjectId,
        deployment: &str,
    ) -> Result<Option<LimitOverride>, BillingError> {
        let row = sqlx::query(
            "SELECT deployment, requests_per_minute, tokens_per_minute, concurrency FROM rate_limits
             WHERE project = $1 AND deployment = $2",
        )
        .bind(project.as_str())
        .bind(deployment)
        .fetch_optional(self.reader())
        .await
        .map_err(|error| read_failed(error.into()))?;
        row.as_ref().map(|row| limits(row).map_err(read_failed)).transpose()
    }

    async fn list(&self, project: &ProjectId) -> Result<Vec<LimitOverride>, BillingError> {
        let rows = sqlx::query(
            "SELECT deployment, requests_per_minute, tokens_per_minute, concurrency FROM rate_limits
             WHERE project = $1 ORDER BY deployment",
        )
        .bind(project.as_str())
        .fetch_all(self.reader())
        .await
        .map_err(|error| read_failed(error.into()))?;
        rows.iter().map(|row| limits(row).map_err(read_failed)).collect()
    }

    async fn put(&self, project: &ProjectId, set: &LimitOverride) -> Result<(), BillingError> {
        let number = |limit: Option<u64>| limit.map(|l| i64::try_from(l).unwrap_or(i64::MAX));
        sqlx::query(
            "INSERT INTO rate_limits (project, deployment, requests_per_minute, tokens_per_minute, concurrency)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (project, deployment) DO UPDATE SET
                 requests_per_minute = excluded.requests_per_minute,
                 tokens_per_minute = excluded.tokens_per_minute, concurrency = excluded.concurrency",
        )
        .bind(project.as_str())
        .bind(set.deployment.as_str())
        .bind(number(set.limits.requests_per_minute))
        .bind(number(set.limits.tokens_per_minute))
        .bind(number(set.limits.concurrency))
        .execute(self.writer())
        .await
        .map_err(|error| billing_error("write limits", error.into()))?;
        Ok(())
    }
}

fn read_failed(error: StoreError) -> BillingError {
    billing_error("read limits", error)
}

fn limits(row: &AnyRow) -> Result<LimitOverride, StoreError> {
    let number = |column: &'static str| -> Result<Option<u64>, StoreError> {
        let value: Option<i64> = row.try_get(column)?;
        value.map(|v| u64::try_from(v).map_err(|_| StoreError::Corrupt { column })).transpose()
    };
    Ok(LimitOverride {
        deployment: row.try_get("deployment")?,
        limits: RateLimits {
            requests_per_minute: number("requests_per_minute")?,
            tokens_per_minute: number("tokens_per_minute")?,
            concurrency: number("concurrency")?,
        },
    })
}
