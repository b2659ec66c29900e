//! How organisations pay, for `tenfold-billing`.

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use tenfold_billing::{
    BillingError, FundsStore, Grant, Mode, Profile, SpendLimit, SpendScope, SpendWindow, Voucher, zone,
};
use tenfold_kernel::{Currency, OrganizationId, Timestamp};

use crate::reports::billing_error;
use crate::{Store, StoreError};

fn read_failed(error: impl Into<StoreError>) -> BillingError {
    billing_error("read how an organisation pays", error.into())
}

fn write_failed(error: impl Into<StoreError>) -> BillingError {
    billing_error("write how an organisation pays", error.into())
}

#[async_trait]
impl FundsStore for Store {
    async fn profile(&self, organization: &OrganizationId) -> Result<Option<Profile>, BillingError> {
        let row = sqlx::query(
            "SELECT mode, credit_limit, time_zone, currency FROM billing_profiles WHERE organization = $1",
        )
        .bind(organization.as_str())
        .fetch_optional(self.reader())
        .await
        .map_err(read_failed)?;
        row.as_ref().map(|row| profile(row).map_err(read_failed)).transpose()
    }

    async fn put_profile(
        &self,
        organization: &OrganizationId,
        profile: &Profile,
    ) -> Result<(), BillingError> {
        let (mode, credit_limit) = match profile.mode {
            Mode::Prepaid => ("prepaid", None),
            Mode::Postpaid { credit_limit } => ("postpaid", credit_limit),
        };
        sqlx::query(
            "INSERT INTO billing_profiles (organization, mode, credit_limit, time_zone, currency)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (organization) DO UPDATE SET mode = excluded.mode,
                 credit_limit = excluded.credit_limit, time_zone = excluded.time_zone,
                 currency = excluded.currency",
        )
        .bind(organization.as_str())
        .bind(mode)
        .bind(credit_limit)
        .bind(profile.zone.iana_name().unwrap_or("UTC"))
        .bind(profile.currency.as_ref().map(Currency::code))
        .execute(self.writer())
        .await
        .map_err(write_failed)?;
        Ok(())
    }

    async fn grants(
        &self,
        organization: &OrganizationId,
        now: Timestamp,
    ) -> Result<Vec<Grant>, BillingError> {
        let rows = sqlx::query(
            "SELECT id, organization, currency, nanos, expires_at, created_at FROM grants
             WHERE organization = $1 AND (expires_at IS NULL OR expires_at > $2)
             ORDER BY CASE WHEN expires_at IS NULL THEN 1 ELSE 0 END, expires_at, created_at, id",
        )
        .bind(organization.as_str())
        .bind(now.0)
        .fetch_all(self.reader())
        .await
        .map_err(read_failed)?;
        rows.iter().map(|row| grant(row).map_err(read_failed)).collect()
    }

    async fn put_grant(&self, grant: &Grant) -> Result<(), BillingError> {
        sqlx::query(
            "INSERT INTO grants (id, organization, currency, nanos, expires_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
        )
        .bind(&*grant.id)
        .bind(grant.organization.as_str())
        .bind(grant.currency.code())
        .bind(grant.nanos)
        .bind(grant.expires_at.map(|end| end.0))
        .bind(grant.created_at.0)
        .execute(self.writer())
        .await
        .map_err(write_failed)?;
        Ok(())
    }

    async fn ended_grants(
        &self,
        now: Timestamp,
        after: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<Grant>, BillingError> {
        // Without a place, before anything that is kept.
        let (end, id) = after.unwrap_or((Timestamp(i64::MIN), ""));
        let rows = sqlx::query(
            "SELECT id, organization, currency, nanos, expires_at, created_at FROM grants
             WHERE closed_at IS NULL AND expires_at IS NOT NULL AND expires_at <= $1
               AND (expires_at > $2 OR (expires_at = $3 AND id > $4))
             ORDER BY expires_at, id LIMIT $5",
        )
        .bind(now.0)
        .bind(end.0)
        .bind(end.0)
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(read_failed)?;
        rows.iter().map(|row| grant(row).map_err(read_failed)).collect()
    }

    async fn close_grant(&self, grant: &Grant, now: Timestamp) -> Result<bool, BillingError> {
        let done = sqlx::query("UPDATE grants SET closed_at = $1 WHERE id = $2 AND closed_at IS NULL")
            .bind(now.0)
            .bind(&*grant.id)
            .execute(self.writer())
            .await
            .map_err(write_failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn put_vouchers(&self, vouchers: &[Voucher]) -> Result<(), BillingError> {
        let write = async {
            let mut transaction = self.begin().await?;
            for voucher in vouchers {
                sqlx::query(
                    "INSERT INTO vouchers (id, batch, issuer, code_hash, currency, nanos, expires_at, created_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                )
                .bind(&*voucher.id)
                .bind(&*voucher.batch)
                .bind(voucher.issuer.as_str())
                .bind(&*voucher.code_hash)
                .bind(voucher.currency.code())
                .bind(voucher.nanos)
                .bind(voucher.expires_at.map(|end| end.0))
                .bind(voucher.created_at.0)
                .execute(&mut *transaction)
                .await?;
            }
            transaction.commit().await?;
            Ok::<_, StoreError>(())
        };
        write.await.map_err(write_failed)
    }

    async fn voucher(&self, code_hash: &str) -> Result<Option<Voucher>, BillingError> {
        let row = sqlx::query(
            "SELECT id, batch, issuer, code_hash, currency, nanos, expires_at, created_at,
                 CAST(0 AS BIGINT) AS is_redeemed
             FROM vouchers WHERE code_hash = $1",
        )
        .bind(code_hash)
        .fetch_optional(self.reader())
        .await
        .map_err(read_failed)?;
        row.as_ref().map(|row| voucher(row).map_err(read_failed)).transpose()
    }

    async fn vouchers(
        &self,
        issuer: &OrganizationId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Voucher>, BillingError> {
        let rows = sqlx::query(
            "SELECT v.id, v.batch, v.issuer, v.code_hash, v.currency, v.nanos, v.expires_at, v.created_at,
                 CAST(CASE WHEN EXISTS (SELECT 1 FROM entries e WHERE e.transaction_key = 'voucher:' || v.id)
                     THEN 1 ELSE 0 END AS BIGINT) AS is_redeemed
             FROM vouchers v LEFT JOIN vouchers a ON a.id = $1
             WHERE v.issuer = $2 AND (a.id IS NULL OR v.created_at < a.created_at
                 OR (v.created_at = a.created_at AND v.id < a.id))
             ORDER BY v.created_at DESC, v.id DESC LIMIT $3",
        )
        .bind(after.unwrap_or_default())
        .bind(issuer.as_str())
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(read_failed)?;
        rows.iter().map(|row| voucher(row).map_err(read_failed)).collect()
    }

    async fn spend_limits(&self, organization: &OrganizationId) -> Result<Vec<SpendLimit>, BillingError> {
        let rows = sqlx::query(
            "SELECT id, scope, subject, period, currency, nanos, is_hard, created_at FROM spend_limits
             WHERE organization = $1 ORDER BY created_at, id",
        )
        .bind(organization.as_str())
        .fetch_all(self.reader())
        .await
        .map_err(read_failed)?;
        rows.iter().map(|row| spend_limit(row).map_err(read_failed)).collect()
    }

    async fn put_spend_limit(
        &self,
        organization: &OrganizationId,
        limit: &SpendLimit,
        (start, end): (Timestamp, Timestamp),
    ) -> Result<(), BillingError> {
        let (scope, subject) = limit.scope.parts();
        let write = async {
            let mut transaction = self.begin().await?;
            sqlx::query(
                "INSERT INTO spend_limits (id, organization, scope, subject, period, currency, nanos, is_hard,
                 created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                 ON CONFLICT (organization, scope, subject, period, currency) DO UPDATE SET id = excluded.id,
                     nanos = excluded.nanos, is_hard = excluded.is_hard, created_at = excluded.created_at",
            )
            .bind(&*limit.id)
            .bind(organization.as_str())
            .bind(scope)
            .bind(subject)
            .bind(limit.window.as_str())
            .bind(limit.currency.code())
            .bind(limit.nanos)
            .bind(i64::from(limit.is_hard))
            .bind(limit.created_at.0)
            .execute(&mut *transaction)
            .await?;
            begin_counter(&mut transaction, organization, limit, (start, end)).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(())
        };
        write.await.map_err(write_failed)
    }

    async fn delete_spend_limit(
        &self,
        organization: &OrganizationId,
        id: &str,
    ) -> Result<bool, BillingError> {
        let write = async {
            let mut transaction = self.begin().await?;
            let row = sqlx::query(
                "SELECT id, scope, subject, period, currency, nanos, is_hard, created_at FROM spend_limits
                 WHERE organization = $1 AND id = $2",
            )
            .bind(organization.as_str())
            .bind(id)
            .fetch_optional(&mut *transaction)
            .await?;
            let Some(row) = row else { return Ok(false) };
            let limit = spend_limit(&row)?;
            sqlx::query("DELETE FROM spend_limits WHERE id = $1")
                .bind(&*limit.id)
                .execute(&mut *transaction)
                .await?;
            end_counter(&mut transaction, organization, &limit).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(true)
        };
        write.await.map_err(write_failed)
    }
}

/// A counter that has not begun in this window begins with what was spent in it before anything counted.
pub(crate) async fn begin_counter(
    connection: &mut AnyConnection,
    organization: &OrganizationId,
    limit: &SpendLimit,
    (start, end): (Timestamp, Timestamp),
) -> Result<(), StoreError> {
    let (scope, subject) = limit.scope.parts();
    sqlx::query(
        "INSERT INTO counters (id, used, held, starts_at, ends_at)
         SELECT CAST($1 AS TEXT), CAST(COALESCE(SUM(cost_nanos), 0) AS BIGINT), CAST(0 AS BIGINT),
             CAST($2 AS BIGINT), CAST($3 AS BIGINT)
         FROM events WHERE organization = $4 AND created_at >= $5 AND created_at < $6 AND currency = $7
           AND CASE $8 WHEN 'project' THEN project WHEN 'user' THEN COALESCE(user_id, '')
               WHEN 'api_key' THEN api_key WHEN 'model' THEN deployment ELSE '' END = $9
         ON CONFLICT (id) DO UPDATE SET used = excluded.used, held = excluded.held,
             starts_at = excluded.starts_at, ends_at = excluded.ends_at
         WHERE counters.starts_at < excluded.starts_at",
    )
    .bind(&*limit.counter(organization))
    .bind(start.0)
    .bind(end.0)
    .bind(organization.as_str())
    .bind(start.0)
    .bind(end.0)
    .bind(limit.currency.code())
    .bind(scope)
    .bind(subject)
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes the counter of a limit or an alert away that is gone, unless another one has it: it counts no more, so what
/// comes later has to begin anew.
pub(crate) async fn end_counter(
    connection: &mut AnyConnection,
    organization: &OrganizationId,
    limit: &SpendLimit,
) -> Result<(), StoreError> {
    let (scope, subject) = limit.scope.parts();
    let counter = limit.counter(organization);
    sqlx::query(
        "DELETE FROM counters WHERE id = $1
           AND NOT EXISTS (SELECT 1 FROM spend_alerts WHERE counter = $2)
           AND NOT EXISTS (SELECT 1 FROM spend_limits WHERE organization = $3 AND scope = $4 AND subject = $5
               AND period = $6 AND currency = $7)",
    )
    .bind(&*counter)
    .bind(&*counter)
    .bind(organization.as_str())
    .bind(scope)
    .bind(subject)
    .bind(limit.window.as_str())
    .bind(limit.currency.code())
    .execute(connection)
    .await?;
    Ok(())
}

fn corrupt(column: &'static str) -> StoreError {
    StoreError::Corrupt { column }
}

fn currency(row: &AnyRow) -> Result<Currency, StoreError> {
    Currency::parse(&row.try_get::<String, _>("currency")?).map_err(|_| corrupt("currency"))
}

fn profile(row: &AnyRow) -> Result<Profile, StoreError> {
    let mode: String = row.try_get("mode")?;
    Ok(Profile {
        mode: match mode.as_str() {
            "prepaid" => Mode::Prepaid,
            "postpaid" => Mode::Postpaid { credit_limit: row.try_get("credit_limit")? },
            _ => return Err(corrupt("mode")),
        },
        zone: zone(&row.try_get::<String, _>("time_zone")?).map_err(|_| corrupt("time_zone"))?,
        currency: row
            .try_get::<Option<String>, _>("currency")?
            .map(|code| Currency::parse(&code).map_err(|_| corrupt("currency")))
            .transpose()?,
    })
}

fn grant(row: &AnyRow) -> Result<Grant, StoreError> {
    Ok(Grant {
        id: row.try_get::<String, _>("id")?.into(),
        organization: OrganizationId::parse(&row.try_get::<String, _>("organization")?)
            .map_err(|_| corrupt("organization"))?,
        currency: currency(row)?,
        nanos: row.try_get("nanos")?,
        expires_at: row.try_get::<Option<i64>, _>("expires_at")?.map(Timestamp),
        created_at: Timestamp(row.try_get("created_at")?),
    })
}

fn voucher(row: &AnyRow) -> Result<Voucher, StoreError> {
    let text = |column: &'static str| row.try_get::<String, _>(column);
    Ok(Voucher {
        id: text("id")?.into(),
        batch: text("batch")?.into(),
        issuer: OrganizationId::parse(&text("issuer")?).map_err(|_| corrupt("issuer"))?,
        code_hash: text("code_hash")?.into(),
        currency: currency(row)?,
        nanos: row.try_get("nanos")?,
        expires_at: row.try_get::<Option<i64>, _>("expires_at")?.map(Timestamp),
        created_at: Timestamp(row.try_get("created_at")?),
        is_redeemed: row.try_get::<i64, _>("is_redeemed")? != 0,
    })
}

fn spend_limit(row: &AnyRow) -> Result<SpendLimit, StoreError> {
    let text = |column: &'static str| row.try_get::<String, _>(column);
    Ok(SpendLimit {
        id: text("id")?.into(),
        scope: SpendScope::from_parts(&text("scope")?, &text("subject")?).ok_or(corrupt("scope"))?,
        window: SpendWindow::parse(&text("period")?).ok_or(corrupt("period"))?,
        currency: currency(row)?,
        nanos: row.try_get("nanos")?,
        is_hard: row.try_get::<i64, _>("is_hard")? != 0,
        created_at: Timestamp(row.try_get("created_at")?),
    })
}
