//! The port of `tenfold-jobs`.

use async_trait::async_trait;
use serde_json::Value;
use sqlx::Row;
use sqlx::any::AnyRow;
use tenfold_jobs::{Job, JobError, JobFilter, JobStatus, JobStore, Outcome};
use tenfold_kernel::{Classify, ErrorKind, JobId, ProjectId, Timestamp};

use crate::sql::Sql;
use crate::{Backend, Store, StoreError};

const COLUMNS: &str = "id, project, kind, payload, status, attempts, failures, run_after, lease_until, created_at, \
     finished_at, error, result";

#[async_trait]
impl JobStore for Store {
    async fn insert(&self, job: &Job) -> Result<bool, JobError> {
        let result = job.result.as_ref().map(Value::to_string);
        let done = sqlx::query(
            "INSERT INTO jobs (id, project, kind, payload, status, attempts, failures, run_after, lease_until,
                 created_at, finished_at, error, result)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (id) DO NOTHING",
        )
        .bind(job.id.as_str())
        .bind(job.project.as_str())
        .bind(job.kind.as_str())
        .bind(job.payload.to_string())
        .bind(job.status.as_str())
        .bind(job.attempts)
        .bind(job.failures)
        .bind(job.run_after.0)
        .bind(job.lease_until.map(|at| at.0))
        .bind(job.created_at.0)
        .bind(job.finished_at.map(|at| at.0))
        .bind(job.error.as_deref())
        .bind(result)
        .execute(self.writer())
        .await
        .map_err(|error| failed("queue a job", error.into()))?;
        Ok(done.rows_affected() > 0)
    }

    async fn claim(
        &self,
        kinds: &[&str],
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<Job>, JobError> {
        if kinds.is_empty() {
            return Ok(None);
        }
        let mut sql = Sql::new(
            "UPDATE jobs SET failures = failures + CASE WHEN status = 'running' THEN 1 ELSE 0 END,
                 status = 'running', attempts = attempts + 1, lease_until = ",
        );
        sql.bind(lease_until.0);
        sql.push(" WHERE id = (SELECT id FROM jobs WHERE ((status = 'queued' AND run_after <= ").bind(now.0);
        sql.push(") OR (status = 'running' AND lease_until < ").bind(now.0).push("))");
        sql.and_in("kind", kinds.iter().copied());
        sql.push(" ORDER BY run_after, id LIMIT 1");
        match self.backend() {
            // One writer at a time: nobody comes between.
            Backend::Sqlite => {}
            // Two that look at once see different jobs.
            Backend::Postgres => {
                sql.push(" FOR UPDATE SKIP LOCKED");
            }
        }
        sql.push(") RETURNING ").push(COLUMNS);
        let row = sql.query().fetch_optional(self.writer()).await;
        one(row).map_err(|error| failed("claim a job", error))
    }

    async fn extend(&self, id: &JobId, attempt: i64, lease_until: Timestamp) -> Result<bool, JobError> {
        let done = sqlx::query(
            "UPDATE jobs SET lease_until = $1 WHERE id = $2 AND attempts = $3 AND status = 'running'",
        )
        .bind(lease_until.0)
        .bind(id.as_str())
        .bind(attempt)
        .execute(self.writer())
        .await
        .map_err(|error| failed("renew a lease", error.into()))?;
        Ok(done.rows_affected() > 0)
    }

    async fn finish(
        &self,
        id: &JobId,
        attempt: i64,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<bool, JobError> {
        let mut sql = Sql::new("UPDATE jobs SET lease_until = NULL, ");
        match outcome {
            Outcome::Succeeded { result } => {
                sql.push("status = 'succeeded', finished_at = ").bind(now.0);
                sql.push(", result = ").bind(result.to_string().as_str());
            }
            Outcome::Failed { error } => {
                sql.push("status = 'failed', finished_at = ").bind(now.0);
                sql.push(", error = ").bind(error.as_str());
            }
            Outcome::Retry { error, run_after } => {
                sql.push("status = 'queued', failures = failures + 1, run_after = ").bind(run_after.0);
                sql.push(", error = ").bind(error.as_str());
            }
            Outcome::Released => {
                sql.push("status = 'queued'");
            }
        }
        sql.push(" WHERE id = ").bind(id.as_str()).push(" AND attempts = ").bind(attempt);
        sql.push(" AND status = 'running'");
        let done = sql.query().execute(self.writer()).await;
        Ok(done.map_err(|error| failed("finish a job", error.into()))?.rows_affected() > 0)
    }

    async fn cancel(&self, id: &JobId, now: Timestamp) -> Result<Option<Job>, JobError> {
        sqlx::query(
            "UPDATE jobs SET status = 'cancelled', finished_at = $1, lease_until = NULL
             WHERE id = $2 AND status IN ('queued', 'running')",
        )
        .bind(now.0)
        .bind(id.as_str())
        .execute(self.writer())
        .await
        .map_err(|error| failed("cancel a job", error.into()))?;
        // It ends once: what is read here is what the statement left, unless it was forgotten since.
        JobStore::get(self, id).await
    }

    async fn get(&self, id: &JobId) -> Result<Option<Job>, JobError> {
        let mut sql = Sql::new("SELECT ");
        sql.push(COLUMNS).push(" FROM jobs WHERE id = ").bind(id.as_str());
        let row = sql.query().fetch_optional(self.reader()).await;
        one(row).map_err(|error| failed("read a job", error))
    }

    async fn list(
        &self,
        filter: &JobFilter,
        after: Option<&JobId>,
        limit: u32,
    ) -> Result<Vec<Job>, JobError> {
        let mut sql = Sql::new("SELECT ");
        sql.push(COLUMNS).push(" FROM jobs WHERE 1 = 1");
        sql.and_in("project", filter.project.as_ref().map(ProjectId::as_str));
        sql.and_in("kind", filter.kind.as_deref());
        sql.and_in("status", filter.status.map(JobStatus::as_str));
        if let Some(after) = after {
            let Some(last) = JobStore::get(self, after).await? else { return Ok(Vec::new()) };
            sql.push(" AND (created_at < ").bind(last.created_at.0);
            sql.push(" OR (created_at = ").bind(last.created_at.0);
            sql.push(" AND id < ").bind(last.id.as_str()).push("))");
        }
        sql.push(" ORDER BY created_at DESC, id DESC LIMIT ").bind(i64::from(limit));
        let rows = sql.query().fetch_all(self.reader()).await;
        let rows = rows.map_err(|error| failed("list jobs", error.into()))?;
        rows.iter().map(|row| job(row).map_err(|error| failed("list jobs", error))).collect()
    }

    async fn forget(&self, before: Timestamp) -> Result<u64, JobError> {
        let done = sqlx::query("DELETE FROM jobs WHERE finished_at < $1")
            .bind(before.0)
            .execute(self.writer())
            .await
            .map_err(|error| failed("remove old jobs", error.into()))?;
        Ok(done.rows_affected())
    }
}

fn failed(action: &'static str, error: StoreError) -> JobError {
    if error.kind() == ErrorKind::Unavailable {
        return JobError::Unavailable { action, source: error.into() };
    }
    JobError::Store { action, source: error.into() }
}

fn one(row: Result<Option<AnyRow>, sqlx::Error>) -> Result<Option<Job>, StoreError> {
    row?.as_ref().map(job).transpose()
}

fn job(row: &AnyRow) -> Result<Job, StoreError> {
    let text = |column| row.try_get::<String, _>(column);
    let corrupt = |column| StoreError::Corrupt { column };
    let json = |text: &str, column| serde_json::from_str(text).map_err(|_| corrupt(column));
    let time = |column| Ok::<_, StoreError>(row.try_get::<Option<i64>, _>(column)?.map(Timestamp));
    let result: Option<String> = row.try_get("result")?;
    Ok(Job {
        id: JobId::parse(&text("id")?).map_err(|_| corrupt("id"))?,
        project: ProjectId::parse(&text("project")?).map_err(|_| corrupt("project"))?,
        kind: text("kind")?,
        payload: json(&text("payload")?, "payload")?,
        status: text("status")?.parse().map_err(|_| corrupt("status"))?,
        attempts: row.try_get("attempts")?,
        failures: row.try_get("failures")?,
        run_after: Timestamp(row.try_get("run_after")?),
        lease_until: time("lease_until")?,
        created_at: Timestamp(row.try_get("created_at")?),
        finished_at: time("finished_at")?,
        error: row.try_get("error")?,
        result: result.map(|text| json(&text, "result")).transpose()?,
    })
}
