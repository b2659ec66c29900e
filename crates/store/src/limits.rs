//! The limits of `tenfold-billing` that administrators set.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::any::AnyRow;
use tenfold_billing::ledger::Metric;
use tenfold_billing::{
    BillingError, CallLimit, CallWindow, LimitOverride, LimitStore, RateLimits, SpendScope,
};
use tenfold_kernel::{OrganizationId, ProjectId, Timestamp};

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
            "SELECT deployment, requests_per_minute, tokens_per_minute, images_per_minute, requests_per_day, concurrency
             FROM rate_limits
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
            "SELECT deployment, requests_per_minute, tokens_per_minute, images_per_minute, requests_per_day, concurrency
             FROM rate_limits
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
            "INSERT INTO rate_limits (project, deployment, requests_per_minute, tokens_per_minute, images_per_minute,
                 requests_per_day, concurrency)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (project, deployment) DO UPDATE SET
                 requests_per_minute = excluded.requests_per_minute,
                 tokens_per_minute = excluded.tokens_per_minute,
                 images_per_minute = excluded.images_per_minute,
                 requests_per_day = excluded.requests_per_day, concurrency = excluded.concurrency",
        )
        .bind(project.as_str())
        .bind(set.deployment.as_str())
        .bind(number(set.limits.requests_per_minute))
        .bind(number(set.limits.tokens_per_minute))
        .bind(number(set.limits.images_per_minute))
        .bind(number(set.limits.requests_per_day))
        .bind(number(set.limits.concurrency))
        .execute(self.writer())
        .await
        .map_err(write_failed)?;
        Ok(())
    }

    async fn call_limits(&self, organization: &OrganizationId) -> Result<Vec<CallLimit>, BillingError> {
        let rows = sqlx::query(
            "SELECT id, scope, subject, metric, period, most, is_hard, created_at FROM call_limits
             WHERE organization = $1 ORDER BY created_at, id",
        )
        .bind(organization.as_str())
        .fetch_all(self.reader())
        .await
        .map_err(|error| read_failed(error.into()))?;
        rows.iter().map(|row| call_limit(row).map_err(read_failed)).collect()
    }

    async fn put_call_limit(
        &self,
        organization: &OrganizationId,
        limit: &CallLimit,
    ) -> Result<(), BillingError> {
        let (scope, subject) = limit.scope.parts();
        sqlx::query(
            "INSERT INTO call_limits (id, organization, scope, subject, metric, period, most, is_hard, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (organization, scope, subject, metric, period) DO UPDATE SET id = excluded.id,
                 most = excluded.most, is_hard = excluded.is_hard, created_at = excluded.created_at",
        )
        .bind(&*limit.id)
        .bind(organization.as_str())
        .bind(scope)
        .bind(subject)
        .bind(limit.metric.as_str())
        .bind(limit.window.as_str())
        .bind(i64::try_from(limit.most).unwrap_or(i64::MAX))
        .bind(i64::from(limit.is_hard))
        .bind(limit.created_at.0)
        .execute(self.writer())
        .await
        .map_err(write_failed)?;
        Ok(())
    }

    async fn delete_call_limit(&self, organization: &OrganizationId, id: &str) -> Result<bool, BillingError> {
        let done = sqlx::query("DELETE FROM call_limits WHERE organization = $1 AND id = $2")
            .bind(organization.as_str())
            .bind(id)
            .execute(self.writer())
            .await
            .map_err(write_failed)?;
        Ok(done.rows_affected() > 0)
    }
}

fn write_failed(error: sqlx::Error) -> BillingError {
    billing_error("write limits", error.into())
}

fn call_limit(row: &AnyRow) -> Result<CallLimit, StoreError> {
    let text = |column: &'static str| row.try_get::<String, _>(column);
    let corrupt = |column: &'static str| StoreError::Corrupt { column };
    let metric = text("metric")?;
    let metrics = [Metric::Requests, Metric::Tokens, Metric::Images, Metric::Running];
    Ok(CallLimit {
        id: text("id")?.into(),
        scope: SpendScope::from_parts(&text("scope")?, &text("subject")?).ok_or(corrupt("scope"))?,
        metric: metrics.into_iter().find(|one| one.as_str() == metric).ok_or(corrupt("metric"))?,
        window: CallWindow::parse(&text("period")?).ok_or(corrupt("period"))?,
        most: u64::try_from(row.try_get::<i64, _>("most")?).map_err(|_| corrupt("most"))?,
        is_hard: row.try_get::<i64, _>("is_hard")? != 0,
        created_at: Timestamp(row.try_get("created_at")?),
    })
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
            images_per_minute: number("images_per_minute")?,
            requests_per_day: number("requests_per_day")?,
            concurrency: number("concurrency")?,
        },
    })
}
