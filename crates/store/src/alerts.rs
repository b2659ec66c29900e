//! Spend alerts and their deliveries, for `tenfold-billing`.

use async_trait::async_trait;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use tenfold_billing::{AlertStore, BillingError, Channel, Delivery, DeliveryStatus, SpendAlert, SpendScope};
use tenfold_kernel::{Currency, OrganizationId, Secret, Timestamp};

use crate::funds::{begin_counter, end_counter};
use crate::reports::billing_error;
use crate::{Store, StoreError};

fn read_failed(error: impl Into<StoreError>) -> BillingError {
    billing_error("read spend alerts", error.into())
}

fn write_failed(error: impl Into<StoreError>) -> BillingError {
    billing_error("write a spend alert", error.into())
}

#[async_trait]
impl AlertStore for Store {
    async fn alerts(&self, organization: &OrganizationId) -> Result<Vec<SpendAlert>, BillingError> {
        let rows = sqlx::query(
            "SELECT id, organization, scope, subject, currency, nanos, channel, target, created_at, fired_for
             FROM spend_alerts WHERE organization = $1 ORDER BY created_at, id",
        )
        .bind(organization.as_str())
        .fetch_all(self.reader())
        .await
        .map_err(read_failed)?;
        rows.iter().map(|row| alert(row).map_err(read_failed)).collect()
    }

    async fn all_alerts(&self, after: &str, limit: u32) -> Result<Vec<SpendAlert>, BillingError> {
        let rows = sqlx::query(
            "SELECT id, organization, scope, subject, currency, nanos, channel, target, created_at, fired_for
             FROM spend_alerts WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(read_failed)?;
        rows.iter().map(|row| alert(row).map_err(read_failed)).collect()
    }

    async fn put_alert(
        &self,
        alert: &SpendAlert,
        window: (Timestamp, Timestamp),
    ) -> Result<(), BillingError> {
        let (scope, subject) = alert.scope.parts();
        let (channel, target) = channel_parts(&alert.channel);
        let write = async {
            let mut transaction = self.begin().await?;
            sqlx::query(
                "INSERT INTO spend_alerts (id, organization, scope, subject, currency, nanos, channel, target, counter,
                 created_at, fired_for) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
                 ON CONFLICT (id) DO UPDATE SET currency = excluded.currency, nanos = excluded.nanos,
                     channel = excluded.channel, target = excluded.target, counter = excluded.counter",
            )
            .bind(&*alert.id)
            .bind(alert.organization.as_str())
            .bind(scope)
            .bind(subject)
            .bind(alert.currency.code())
            .bind(alert.nanos)
            .bind(channel)
            .bind(target.to_string())
            .bind(&*alert.counter())
            .bind(alert.created_at.0)
            .bind(alert.fired_for.map(|at| at.0))
            .execute(&mut *transaction)
            .await?;
            begin_counter(&mut transaction, &alert.organization, &alert.as_limit(), window).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(())
        };
        write.await.map_err(write_failed)
    }

    async fn delete_alert(&self, organization: &OrganizationId, id: &str) -> Result<bool, BillingError> {
        let write = async {
            let mut transaction = self.begin().await?;
            let row = sqlx::query(
                "SELECT id, organization, scope, subject, currency, nanos, channel, target, created_at, fired_for
                 FROM spend_alerts WHERE organization = $1 AND id = $2",
            )
            .bind(organization.as_str())
            .bind(id)
            .fetch_optional(&mut *transaction)
            .await?;
            let Some(row) = row else { return Ok(false) };
            let alert = alert(&row)?;
            for text in
                ["DELETE FROM alert_deliveries WHERE alert = $1", "DELETE FROM spend_alerts WHERE id = $1"]
            {
                sqlx::query(text).bind(id).execute(&mut *transaction).await?;
            }
            end_counter(&mut transaction, organization, &alert.as_limit()).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(true)
        };
        write.await.map_err(write_failed)
    }

    async fn put_delivery(&self, delivery: &Delivery) -> Result<bool, BillingError> {
        let write = async {
            let mut transaction = self.begin().await?;
            let done = sqlx::query(
                "INSERT INTO alert_deliveries (id, organization, alert, window_start, body, status, attempts, next_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (alert, window_start) DO NOTHING",
            )
            .bind(&*delivery.id)
            .bind(delivery.organization.as_str())
            .bind(&*delivery.alert)
            .bind(delivery.window_start.0)
            .bind(&*delivery.body)
            .bind(delivery.status.as_str())
            .bind(delivery.attempts)
            .bind(delivery.next_at.0)
            .execute(&mut *transaction)
            .await?;
            sqlx::query("UPDATE spend_alerts SET fired_for = $1 WHERE id = $2")
                .bind(delivery.window_start.0)
                .bind(&*delivery.alert)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(done.rows_affected() > 0)
        };
        write.await.map_err(write_failed)
    }

    async fn due_deliveries(&self, now: Timestamp, limit: u32) -> Result<Vec<Delivery>, BillingError> {
        let rows = sqlx::query(
            "SELECT id, organization, alert, window_start, body, status, attempts, next_at FROM alert_deliveries
             WHERE status = 'pending' AND next_at <= $1 ORDER BY next_at, id LIMIT $2",
        )
        .bind(now.0)
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(read_failed)?;
        rows.iter().map(|row| delivery(row).map_err(read_failed)).collect()
    }

    async fn claim_delivery(&self, delivery: &Delivery, until: Timestamp) -> Result<bool, BillingError> {
        let done = sqlx::query(
            "UPDATE alert_deliveries SET attempts = attempts + 1, next_at = $1
             WHERE id = $2 AND attempts = $3 AND status = 'pending'",
        )
        .bind(until.0)
        .bind(&*delivery.id)
        .bind(delivery.attempts)
        .execute(self.writer())
        .await
        .map_err(write_failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn finish_delivery(
        &self,
        delivery: &Delivery,
        status: DeliveryStatus,
        next_at: Timestamp,
    ) -> Result<(), BillingError> {
        sqlx::query("UPDATE alert_deliveries SET status = $1, next_at = $2 WHERE id = $3 AND attempts = $4")
            .bind(status.as_str())
            .bind(next_at.0)
            .bind(&*delivery.id)
            .bind(delivery.attempts)
            .execute(self.writer())
            .await
            .map_err(write_failed)?;
        Ok(())
    }
}

fn corrupt(column: &'static str) -> StoreError {
    StoreError::Corrupt { column }
}

/// The name of a channel, and the rest of it as it is stored.
fn channel_parts(channel: &Channel) -> (&'static str, serde_json::Value) {
    match channel {
        Channel::Webhook { url, secret } => {
            ("webhook", serde_json::json!({ "url": &**url, "secret": secret.expose() }))
        }
        Channel::Email { recipients, subject_prefix } => {
            ("email", serde_json::json!({ "recipients": recipients, "subject_prefix": subject_prefix }))
        }
    }
}

fn channel(name: &str, target: &serde_json::Value) -> Option<Channel> {
    Some(match name {
        "webhook" => Channel::Webhook {
            url: target["url"].as_str()?.into(),
            secret: Secret::new(target["secret"].as_str()?),
        },
        "email" => Channel::Email {
            recipients: target["recipients"]
                .as_array()?
                .iter()
                .map(|to| to.as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
            subject_prefix: target["subject_prefix"].as_str().map(str::to_owned),
        },
        _ => return None,
    })
}

fn organization(row: &AnyRow) -> Result<OrganizationId, StoreError> {
    OrganizationId::parse(&row.try_get::<String, _>("organization")?).map_err(|_| corrupt("organization"))
}

fn alert(row: &AnyRow) -> Result<SpendAlert, StoreError> {
    let text = |column: &'static str| row.try_get::<String, _>(column);
    let target = serde_json::from_str(&text("target")?).map_err(|_| corrupt("target"))?;
    Ok(SpendAlert {
        id: text("id")?.into(),
        organization: organization(row)?,
        scope: SpendScope::from_parts(&text("scope")?, &text("subject")?).ok_or(corrupt("scope"))?,
        currency: Currency::parse(&text("currency")?).map_err(|_| corrupt("currency"))?,
        nanos: row.try_get("nanos")?,
        channel: channel(&text("channel")?, &target).ok_or(corrupt("target"))?,
        created_at: Timestamp(row.try_get("created_at")?),
        fired_for: row.try_get::<Option<i64>, _>("fired_for")?.map(Timestamp),
    })
}

fn delivery(row: &AnyRow) -> Result<Delivery, StoreError> {
    let text = |column: &'static str| row.try_get::<String, _>(column);
    Ok(Delivery {
        id: text("id")?.into(),
        organization: organization(row)?,
        alert: text("alert")?.into(),
        window_start: Timestamp(row.try_get("window_start")?),
        body: text("body")?,
        status: DeliveryStatus::parse(&text("status")?).ok_or(corrupt("status"))?,
        attempts: row.try_get("attempts")?,
        next_at: Timestamp(row.try_get("next_at")?),
    })
}
