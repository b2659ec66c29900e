//! The port of `tenfold-fleet`: deployments.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{FromRow, Row};
use tenfold_fleet::{Deployment, DeploymentStore, Target};
use tenfold_kernel::{BoxError, DeploymentId, ProjectId, Timestamp};

use crate::{Store, StoreError};

struct DeploymentRow {
    id: String,
    name: String,
    version: String,
    target: String,
    max_concurrency: i64,
    queue_limit: i64,
    queue_timeout_ms: i64,
    eager: i64,
    idle_timeout_ms: Option<i64>,
    created_at: i64,
    project: Option<String>,
}

impl<'r> FromRow<'r, AnyRow> for DeploymentRow {
    fn from_row(row: &'r AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            version: row.try_get("version")?,
            target: row.try_get("target")?,
            max_concurrency: row.try_get("max_concurrency")?,
            queue_limit: row.try_get("queue_limit")?,
            queue_timeout_ms: row.try_get("queue_timeout_ms")?,
            eager: row.try_get("eager")?,
            idle_timeout_ms: row.try_get("idle_timeout_ms")?,
            created_at: row.try_get("created_at")?,
            project: row.try_get("project")?,
        })
    }
}

impl TryFrom<DeploymentRow> for Deployment {
    type Error = BoxError;
    fn try_from(row: DeploymentRow) -> Result<Self, BoxError> {
        Ok(Self {
            id: DeploymentId::parse(&row.id)?,
            name: row.name.into(),
            version: row.version.into(),
            target: Target::from_stored(&row.target)?,
            max_concurrency: u32::try_from(row.max_concurrency)?,
            queue_limit: u32::try_from(row.queue_limit)?,
            queue_timeout: Duration::from_millis(u64::try_from(row.queue_timeout_ms)?),
            eager: row.eager != 0,
            idle_timeout: row.idle_timeout_ms.map(u64::try_from).transpose()?.map(Duration::from_millis),
            created_at: Timestamp(row.created_at),
            project: row.project.as_deref().map(ProjectId::parse).transpose()?,
        })
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[async_trait]
impl DeploymentStore for Store {
    async fn list_deployments(&self) -> Result<Vec<Deployment>, BoxError> {
        let rows: Vec<DeploymentRow> = sqlx::query_as(
            "SELECT id, name, version, target, max_concurrency, queue_limit, queue_timeout_ms, eager,
             idle_timeout_ms, created_at, project FROM deployments ORDER BY created_at, id",
        )
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::from)?;
        rows.into_iter().map(Deployment::try_from).collect()
    }

    async fn insert_deployment(&self, deployment: &Deployment) -> Result<bool, BoxError> {
        let done = sqlx::query(
            "INSERT INTO deployments (id, name, version, target, max_concurrency, queue_limit, queue_timeout_ms,
             eager, idle_timeout_ms, created_at, project) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT DO NOTHING",
        )
        .bind(deployment.id.as_str())
        .bind(&*deployment.name)
        .bind(&*deployment.version)
        .bind(deployment.target.to_stored()?)
        .bind(i64::from(deployment.max_concurrency))
        .bind(i64::from(deployment.queue_limit))
        .bind(millis(deployment.queue_timeout))
        .bind(i64::from(deployment.eager))
        .bind(deployment.idle_timeout.map(millis))
        .bind(deployment.created_at.0)
        .bind(deployment.project.as_ref().map(ProjectId::as_str))
        .execute(self.writer())
        .await
        .map_err(StoreError::from)?;
        Ok(done.rows_affected() > 0)
    }

    async fn update_target(&self, id: &DeploymentId, target: &Target) -> Result<bool, BoxError> {
        let done = sqlx::query("UPDATE deployments SET target = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(target.to_stored()?)
            .execute(self.writer())
            .await
            .map_err(StoreError::from)?;
        Ok(done.rows_affected() > 0)
    }

    async fn delete_deployment(&self, id: &DeploymentId) -> Result<bool, BoxError> {
        let done = sqlx::query("DELETE FROM deployments WHERE id = $1")
            .bind(id.as_str())
            .execute(self.writer())
            .await
            .map_err(StoreError::from)?;
        Ok(done.rows_affected() > 0)
    }
}
