//! Plans and subscriptions, for `tenfold-billing`.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use tenfold_billing::plan::{Plan, Status, Subscription};
use tenfold_billing::{BillingError, PlanStore};
use tenfold_kernel::{OrganizationId, Timestamp};

use crate::reports::billing_error;
use crate::{Store, StoreError};

fn read_failed(error: impl Into<StoreError>) -> BillingError {
    billing_error("read plans", error.into())
}

fn write_failed(error: impl Into<StoreError>) -> BillingError {
    billing_error("write a plan", error.into())
}

fn json(value: &impl Serialize) -> Result<String, BillingError> {
    serde_json::to_string(value)
        .map_err(|error| BillingError::Store { action: "write a plan", source: error.into() })
}

fn body<T: DeserializeOwned>(row: &AnyRow) -> Result<T, StoreError> {
    let text: String = row.try_get("body")?;
    serde_json::from_str(&text).map_err(|_| StoreError::Corrupt { column: "body" })
}

fn bodies<T: DeserializeOwned>(rows: Result<Vec<AnyRow>, sqlx::Error>) -> Result<Vec<T>, BillingError> {
    rows.map_err(read_failed)?.iter().map(|row| body(row).map_err(read_failed)).collect()
}

/// When the next period begins, if there is one.
fn renews_at(subscription: &Subscription) -> Option<i64> {
    (subscription.status != Status::Ended).then_some(subscription.period_end.0)
}

#[async_trait]
impl PlanStore for Store {
    async fn put_plan(&self, plan: &Plan) -> Result<(), BillingError> {
        sqlx::query(
            "INSERT INTO plans (id, issuer, body, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (id) DO UPDATE SET body = excluded.body",
        )
        .bind(&*plan.id)
        .bind(plan.issuer.as_str())
        .bind(json(plan)?)
        .bind(plan.created_at.0)
        .execute(self.writer())
        .await
        .map_err(write_failed)?;
        Ok(())
    }

    async fn plan(&self, issuer: &OrganizationId, id: &str) -> Result<Option<Plan>, BillingError> {
        let row = sqlx::query("SELECT body FROM plans WHERE id = $1 AND issuer = $2")
            .bind(id)
            .bind(issuer.as_str())
            .fetch_optional(self.reader())
            .await
            .map_err(read_failed)?;
        row.as_ref().map(|row| body(row).map_err(read_failed)).transpose()
    }

    async fn plans(&self, issuer: &OrganizationId) -> Result<Vec<Plan>, BillingError> {
        bodies(
            sqlx::query("SELECT body FROM plans WHERE issuer = $1 ORDER BY created_at, id")
                .bind(issuer.as_str())
                .fetch_all(self.reader())
                .await,
        )
    }

    async fn insert(&self, subscription: &Subscription) -> Result<(), BillingError> {
        sqlx::query(
            "INSERT INTO subscriptions (id, organization, status, renews_at, body, revision, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&*subscription.id)
        .bind(subscription.organization.as_str())
        .bind(subscription.status.as_str())
        .bind(renews_at(subscription))
        .bind(json(subscription)?)
        .bind(subscription.revision)
        .bind(subscription.created_at.0)
        .execute(self.writer())
        .await
        .map_err(write_failed)?;
        Ok(())
    }

    async fn update(&self, subscription: &Subscription) -> Result<bool, BillingError> {
        let next = Subscription { revision: subscription.revision + 1, ..subscription.clone() };
        let done = sqlx::query(
            "UPDATE subscriptions SET status = $1, renews_at = $2, body = $3, revision = $4
             WHERE id = $5 AND revision = $6",
        )
        .bind(next.status.as_str())
        .bind(renews_at(&next))
        .bind(json(&next)?)
        .bind(next.revision)
        .bind(&*next.id)
        .bind(subscription.revision)
        .execute(self.writer())
        .await
        .map_err(write_failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn subscriptions(&self, organization: &OrganizationId) -> Result<Vec<Subscription>, BillingError> {
        bodies(
            sqlx::query("SELECT body FROM subscriptions WHERE organization = $1 ORDER BY created_at, id")
                .bind(organization.as_str())
                .fetch_all(self.reader())
                .await,
        )
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<Subscription>, BillingError> {
        bodies(
            sqlx::query(
                "SELECT body FROM subscriptions WHERE renews_at <= $1 ORDER BY renews_at, id LIMIT $2",
            )
            .bind(now.0)
            .bind(i64::from(limit))
            .fetch_all(self.reader())
            .await,
        )
    }
}
