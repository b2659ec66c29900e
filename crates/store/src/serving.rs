//! The ports of `tenfold-serving`: stored responses, and answers kept for repeats.

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{FromRow, Row};
use tenfold_kernel::{BoxError, ProjectId, ResponseId, Timestamp};
use tenfold_serving::{IdempotencyRecord, IdempotencyStore, ResponseStore, StoredResponse};

use crate::{Store, StoreError};

struct ResponseRow {
    id: String,
    project: String,
    created_at: i64,
    previous: Option<String>,
    input: String,
    body: String,
}

impl<'r> FromRow<'r, AnyRow> for ResponseRow {
    fn from_row(row: &'r AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            project: row.try_get("project")?,
            created_at: row.try_get("created_at")?,
            previous: row.try_get("previous")?,
            input: row.try_get("input")?,
            body: row.try_get("body")?,
        })
    }
}

impl TryFrom<ResponseRow> for StoredResponse {
    type Error = BoxError;
    fn try_from(row: ResponseRow) -> Result<Self, BoxError> {
        Ok(Self {
            id: ResponseId::parse(&row.id)?,
            project: ProjectId::parse(&row.project)?,
            created_at: Timestamp(row.created_at),
            previous: row.previous.as_deref().map(ResponseId::parse).transpose()?,
            input: row.input,
            body: row.body,
        })
    }
}

#[async_trait]
impl ResponseStore for Store {
    async fn put_response(&self, response: &StoredResponse) -> Result<(), BoxError> {
        sqlx::query(
            "INSERT INTO responses (project, id, created_at, previous, input, body) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (project, id) DO UPDATE SET previous = excluded.previous, input = excluded.input,
             body = excluded.body",
        )
        .bind(response.project.as_str())
        .bind(response.id.as_str())
        .bind(response.created_at.0)
        .bind(response.previous.as_ref().map(ResponseId::as_str))
        .bind(response.input.as_str())
        .bind(response.body.as_str())
        .execute(self.writer())
        .await
        .map_err(StoreError::from)?;
        Ok(())
    }

    async fn response(
        &self,
        project: &ProjectId,
        id: &ResponseId,
    ) -> Result<Option<StoredResponse>, BoxError> {
        let row: Option<ResponseRow> = sqlx::query_as(
            "SELECT id, project, created_at, previous, input, body FROM responses WHERE project = $1 AND id = $2",
        )
        .bind(project.as_str())
        .bind(id.as_str())
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::from)?;
        row.map(StoredResponse::try_from).transpose()
    }

    async fn delete_response(&self, project: &ProjectId, id: &ResponseId) -> Result<bool, BoxError> {
        let done = sqlx::query("DELETE FROM responses WHERE project = $1 AND id = $2")
            .bind(project.as_str())
            .bind(id.as_str())
            .execute(self.writer())
            .await
            .map_err(StoreError::from)?;
        Ok(done.rows_affected() > 0)
    }
}

struct KeyRow {
    project: String,
    key: String,
    fingerprint: String,
    created_at: i64,
    locked_until: i64,
    status: Option<i64>,
    content_type: Option<String>,
    body: Option<String>,
}

impl<'r> FromRow<'r, AnyRow> for KeyRow {
    fn from_row(row: &'r AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            project: row.try_get("project")?,
            key: row.try_get("idempotency_key")?,
            fingerprint: row.try_get("fingerprint")?,
            created_at: row.try_get("created_at")?,
            locked_until: row.try_get("locked_until")?,
            status: row.try_get("status")?,
            content_type: row.try_get("content_type")?,
            body: row.try_get("body")?,
        })
    }
}

impl TryFrom<KeyRow> for IdempotencyRecord {
    type Error = BoxError;
    fn try_from(row: KeyRow) -> Result<Self, BoxError> {
        let answer = match (row.status, row.content_type, row.body) {
            (Some(status), Some(content_type), Some(body)) => {
                Some((u16::try_from(status)?, content_type, body))
            }
            _ => None,
        };
        Ok(Self {
            project: ProjectId::parse(&row.project)?,
            key: row.key,
            fingerprint: row.fingerprint,
            created_at: Timestamp(row.created_at),
            locked_until: Timestamp(row.locked_until),
            answer,
        })
    }
}

#[async_trait]
impl IdempotencyStore for Store {
    async fn begin(
        &self,
        record: &IdempotencyRecord,
        expired_before: Timestamp,
    ) -> Result<IdempotencyRecord, BoxError> {
        // The key decides between racers: one inserts, or takes the place of what has expired; the rest read.
        sqlx::query(
            "INSERT INTO idempotency_keys (project, idempotency_key, fingerprint, created_at, locked_until)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (project, idempotency_key) DO UPDATE SET fingerprint = excluded.fingerprint,
             created_at = excluded.created_at, locked_until = excluded.locked_until, status = NULL,
             content_type = NULL, body = NULL WHERE idempotency_keys.created_at < $6",
        )
        .bind(record.project.as_str())
        .bind(record.key.as_str())
        .bind(record.fingerprint.as_str())
        .bind(record.created_at.0)
        .bind(record.locked_until.0)
        .bind(expired_before.0)
        .execute(self.writer())
        .await
        .map_err(StoreError::from)?;
        let row: KeyRow = sqlx::query_as(
            "SELECT project, idempotency_key, fingerprint, created_at, locked_until, status, content_type, body
             FROM idempotency_keys WHERE project = $1 AND idempotency_key = $2",
        )
        .bind(record.project.as_str())
        .bind(record.key.as_str())
        .fetch_one(self.reader())
        .await
        .map_err(StoreError::from)?;
        row.try_into()
    }

    async fn take_over(
        &self,
        project: &ProjectId,
        key: &str,
        now: Timestamp,
        locked_until: Timestamp,
    ) -> Result<bool, BoxError> {
        let done = sqlx::query(
            "UPDATE idempotency_keys SET locked_until = $1
             WHERE project = $2 AND idempotency_key = $3 AND locked_until < $4 AND status IS NULL",
        )
        .bind(locked_until.0)
        .bind(project.as_str())
        .bind(key)
        .bind(now.0)
        .execute(self.writer())
        .await
        .map_err(StoreError::from)?;
        Ok(done.rows_affected() > 0)
    }

    async fn finish(
        &self,
        project: &ProjectId,
        key: &str,
        answer: (u16, String, String),
    ) -> Result<(), BoxError> {
        let (status, content_type, body) = answer;
        sqlx::query(
            "UPDATE idempotency_keys SET status = $1, content_type = $2, body = $3
             WHERE project = $4 AND idempotency_key = $5",
        )
        .bind(i64::from(status))
        .bind(content_type)
        .bind(body)
        .bind(project.as_str())
        .bind(key)
        .execute(self.writer())
        .await
        .map_err(StoreError::from)?;
        Ok(())
    }

    async fn abandon(&self, project: &ProjectId, key: &str) -> Result<(), BoxError> {
        sqlx::query(
            "DELETE FROM idempotency_keys WHERE project = $1 AND idempotency_key = $2 AND status IS NULL",
        )
        .bind(project.as_str())
        .bind(key)
        .execute(self.writer())
        .await
        .map_err(StoreError::from)?;
        Ok(())
    }

    async fn release_locks(&self) -> Result<(), BoxError> {
        sqlx::query("UPDATE idempotency_keys SET locked_until = 0 WHERE status IS NULL")
            .execute(self.writer())
            .await
            .map_err(StoreError::from)?;
        Ok(())
    }

    async fn forget_before(&self, created_before: Timestamp) -> Result<u64, BoxError> {
        let done = sqlx::query("DELETE FROM idempotency_keys WHERE created_at < $1")
            .bind(created_before.0)
            .execute(self.writer())
            .await
            .map_err(StoreError::from)?;
        Ok(done.rows_affected())
    }
}
