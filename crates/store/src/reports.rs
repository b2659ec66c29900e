//! Sums over events: the usage and cost reports of `tenfold-billing`.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::any::AnyRow;
use tenfold_billing::{
    BillingError, CallPlace, CallQuery, CostRow, Event, Filter, GroupBy, GroupKey, Labels, MAX_ROWS,
    Operation, Selection, UsageRow, UsageStore,
};
use tenfold_kernel::{ApiKeyId, Classify, Currency, ErrorKind, OrganizationId, ProjectId, UserId};

use crate::ledger::event;
use crate::sql::Sql;
use crate::{Store, StoreError};

const ACTION: &str = "add up events";

#[async_trait]
impl UsageStore for Store {
    async fn usage(&self, selection: &Selection) -> Result<Vec<UsageRow>, BillingError> {
        let mut sql = grouped(selection);
        sql.push(
            ", COUNT(*) AS requests,
             CAST(COALESCE(SUM(input_tokens), 0) AS BIGINT) AS input_tokens,
             CAST(COALESCE(SUM(cached_input_tokens), 0) AS BIGINT) AS cached_input_tokens,
             CAST(COALESCE(SUM(cache_write_tokens), 0) AS BIGINT) AS cache_write_tokens,
             CAST(COALESCE(SUM(output_tokens), 0) AS BIGINT) AS output_tokens,
             CAST(COALESCE(SUM(reasoning_tokens), 0) AS BIGINT) AS reasoning_tokens,
             CAST(COALESCE(SUM(embedding_tokens), 0) AS BIGINT) AS embedding_tokens,
             CAST(COALESCE(SUM(audio_input_tokens), 0) AS BIGINT) AS audio_input_tokens,
             CAST(COALESCE(SUM(cached_audio_input_tokens), 0) AS BIGINT) AS cached_audio_input_tokens,
             CAST(COALESCE(SUM(image_input_tokens), 0) AS BIGINT) AS image_input_tokens,
             CAST(COALESCE(SUM(cached_image_input_tokens), 0) AS BIGINT) AS cached_image_input_tokens,
             CAST(COALESCE(SUM(audio_output_tokens), 0) AS BIGINT) AS audio_output_tokens,
             CAST(COALESCE(SUM(image_output_tokens), 0) AS BIGINT) AS image_output_tokens",
        );
        selected(&mut sql, selection);
        group_by(&mut sql, 1 + selection.group_by.len());
        let rows = self.fetch(sql).await?;
        let mut rows = rows
            .iter()
            .map(|row| {
                Ok(UsageRow {
                    bucket: row.try_get("bucket")?,
                    key: key(row, selection)?,
                    requests: row.try_get("requests")?,
                    input_tokens: row.try_get("input_tokens")?,
                    cached_input_tokens: row.try_get("cached_input_tokens")?,
                    cache_write_tokens: row.try_get("cache_write_tokens")?,
                    output_tokens: row.try_get("output_tokens")?,
                    reasoning_tokens: row.try_get("reasoning_tokens")?,
                    embedding_tokens: row.try_get("embedding_tokens")?,
                    audio_input_tokens: row.try_get("audio_input_tokens")?,
                    cached_audio_input_tokens: row.try_get("cached_audio_input_tokens")?,
                    image_input_tokens: row.try_get("image_input_tokens")?,
                    cached_image_input_tokens: row.try_get("cached_image_input_tokens")?,
                    audio_output_tokens: row.try_get("audio_output_tokens")?,
                    image_output_tokens: row.try_get("image_output_tokens")?,
                })
            })
            .collect::<Result<Vec<_>, sqlx::Error>>()
            .map_err(|error| failed(error.into()))?;
        rows.sort_by(|a, b| (a.bucket, &a.key).cmp(&(b.bucket, &b.key)));
        Ok(rows)
    }

    async fn costs(&self, selection: &Selection) -> Result<Vec<CostRow>, BillingError> {
        let mut sql = grouped(selection);
        let labels = usize::from(selection.label.is_some());
        if labels > 0 {
            sql.push(", labels");
        }
        sql.push(", currency, COUNT(*) AS requests, CAST(COALESCE(SUM(cost_nanos), 0) AS BIGINT) AS nanos");
        selected(&mut sql, selection);
        group_by(&mut sql, 2 + selection.group_by.len() + labels);
        let rows = self.fetch(sql).await?;
        let mut rows = rows
            .iter()
            .map(|row| {
                let currency: Option<String> = row.try_get("currency")?;
                let currency = currency.map(|code| Currency::parse(&code)).transpose();
                let label = selection.label.as_deref().map(|name| label(row, name)).transpose()?.flatten();
                Ok(CostRow {
                    bucket: row.try_get("bucket")?,
                    key: GroupKey { label, ..key(row, selection)? },
                    currency: currency.map_err(|error| sqlx::Error::Decode(error.into()))?,
                    nanos: row.try_get("nanos")?,
                    requests: row.try_get("requests")?,
                })
            })
            .collect::<Result<Vec<_>, sqlx::Error>>()
            .map_err(|error| failed(error.into()))?;
        rows.sort_by(|a, b| (a.bucket, &a.key, a.currency).cmp(&(b.bucket, &b.key, b.currency)));
        merged(rows)
    }

    async fn calls(&self, query: &CallQuery) -> Result<Vec<Event>, BillingError> {
        let mut sql = Sql::new("SELECT * FROM events WHERE organization = ");
        sql.bind(query.organization.as_str());
        if let Some(from) = query.from {
            sql.push(" AND created_at >= ").bind(from.0);
        }
        if let Some(until) = query.until {
            sql.push(" AND created_at < ").bind(until.0);
        }
        if let Some(CallPlace { created_at, key }) = &query.before {
            // The first condition alone finds the place in the index.
            sql.push(" AND created_at <= ").bind(created_at.0);
            sql.push(" AND (created_at < ").bind(created_at.0);
            sql.push(" OR idempotency_key < ").bind(key.as_str()).push(")");
        }
        sql.and_in("status", query.statuses.iter().map(|status| status.as_str()));
        filtered(&mut sql, &query.filter);
        sql.push(" ORDER BY created_at DESC, idempotency_key DESC LIMIT ").push_number(query.limit.into());
        let rows = sql.query().fetch_all(self.reader()).await.map_err(|error| read_failed(error.into()))?;
        rows.iter().map(|row| event(row).map_err(read_failed)).collect()
    }

    async fn call(&self, organization: &OrganizationId, key: &str) -> Result<Option<Event>, BillingError> {
        let row = sqlx::query("SELECT * FROM events WHERE idempotency_key = $1 AND organization = $2")
            .bind(key.to_owned())
            .bind(organization.as_str())
            .fetch_optional(self.reader())
            .await
            .map_err(|error| read_failed(error.into()))?;
        row.as_ref().map(|row| event(row).map_err(read_failed)).transpose()
    }
}

fn read_failed(error: StoreError) -> BillingError {
    billing_error("read calls", error)
}

impl Store {
    async fn fetch(&self, mut sql: Sql) -> Result<Vec<AnyRow>, BillingError> {
        // One more than is allowed tells that there are too many.
        sql.push(" LIMIT ").push_number(i64::try_from(MAX_ROWS).unwrap_or(i64::MAX - 1) + 1);
        let rows = sql.query().fetch_all(self.reader()).await.map_err(|error| failed(error.into()))?;
        if rows.len() > MAX_ROWS {
            return Err(BillingError::ReportTooLarge { limit: MAX_ROWS });
        }
        Ok(rows)
    }
}

fn column(group: GroupBy) -> &'static str {
    match group {
        GroupBy::Project => "project",
        GroupBy::User => "user_id",
        GroupBy::ApiKey => "api_key",
        GroupBy::Model => "deployment",
        GroupBy::Batch => "batch",
        GroupBy::ServiceTier => "service_tier",
    }
}

/// The bucket and the columns that rows are told apart by.
fn grouped(selection: &Selection) -> Sql {
    // Not before the origin, so that both databases round the same way.
    let mut sql = Sql::new("SELECT (created_at - ");
    sql.push_number(selection.origin.0).push(") / ").push_number(selection.width).push(" AS bucket");
    for group in &selection.group_by {
        sql.push(", ").push(column(*group));
    }
    sql
}

fn selected(sql: &mut Sql, selection: &Selection) {
    sql.push(" FROM events WHERE organization = ").bind(selection.organization.as_str());
    sql.push(" AND created_at >= ").bind(selection.from.0);
    sql.push(" AND created_at < ").bind(selection.until.0);
    sql.push(" AND status <> 'rejected'");
    filtered(sql, &selection.filter);
}

fn filtered(sql: &mut Sql, filter: &Filter) {
    sql.and_in("project", filter.projects.iter().map(ProjectId::as_str));
    sql.and_in("user_id", filter.users.iter().map(UserId::as_str));
    sql.and_in("api_key", filter.api_keys.iter().map(ApiKeyId::as_str));
    sql.and_in("deployment", filter.models.iter().map(String::as_str));
    sql.and_in("operation", filter.operations.iter().copied().map(Operation::as_str));
    if let Some(batch) = filter.batch {
        sql.push(" AND batch = ").bind(i64::from(batch));
    }
}

fn group_by(sql: &mut Sql, columns: usize) {
    sql.push(" GROUP BY 1");
    for (column, _) in (2_i64..).zip(1..columns) {
        sql.push(", ").push_number(column);
    }
}

fn key(row: &AnyRow, selection: &Selection) -> Result<GroupKey, sqlx::Error> {
    let mut key = GroupKey::default();
    for group in &selection.group_by {
        let name = column(*group);
        match group {
            GroupBy::Project => key.project = row.try_get(name)?,
            GroupBy::User => key.user = row.try_get(name)?,
            GroupBy::ApiKey => key.api_key = row.try_get(name)?,
            GroupBy::Model => key.model = row.try_get(name)?,
            GroupBy::Batch => key.batch = Some(row.try_get::<i64, _>(name)? != 0),
            GroupBy::ServiceTier => key.service_tier = row.try_get(name)?,
        }
    }
    Ok(key)
}

/// The value of one label of the calls that a row is of.
pub(crate) fn label(row: &AnyRow, name: &str) -> Result<Option<String>, sqlx::Error> {
    let Some(text) = row.try_get::<Option<String>, _>("labels")? else { return Ok(None) };
    let labels: Labels = serde_json::from_str(&text).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(labels.get(name).map(str::to_owned))
}

/// Adds up rows of the same group, which calls are of whose other labels differ. They lie side by side.
fn merged(rows: Vec<CostRow>) -> Result<Vec<CostRow>, BillingError> {
    let mut merged: Vec<CostRow> = Vec::new();
    for row in rows {
        match merged.last_mut() {
            Some(last) if (last.bucket, &last.key, last.currency) == (row.bucket, &row.key, row.currency) => {
                let sum = |a: i64, b: i64| a.checked_add(b).ok_or_else(too_large);
                last.nanos = sum(last.nanos, row.nanos)?;
                last.requests = sum(last.requests, row.requests)?;
            }
            _ => merged.push(row),
        }
    }
    Ok(merged)
}

fn too_large() -> BillingError {
    BillingError::Store { action: ACTION, source: "a sum does not fit".into() }
}

fn failed(error: StoreError) -> BillingError {
    billing_error(ACTION, error)
}

/// An error of the database as one of billing, with its kind.
pub(crate) fn billing_error(action: &'static str, error: StoreError) -> BillingError {
    if error.kind() == ErrorKind::Unavailable {
        return BillingError::Unavailable { action, source: error.into() };
    }
    BillingError::Store { action, source: error.into() }
}
