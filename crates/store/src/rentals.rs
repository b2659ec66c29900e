//! Rented replicas, for `tenfold-serving`.

use async_trait::async_trait;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use tenfold_kernel::{BoxError, OrganizationId};
use tenfold_serving::{Rental, RentalStore};

use crate::Store;

fn read(row: &AnyRow) -> Result<Rental, BoxError> {
    Ok(serde_json::from_str(row.try_get("body")?)?)
}

#[async_trait]
impl RentalStore for Store {
    async fn insert_rental(&self, rental: &Rental) -> Result<(), BoxError> {
        sqlx::query(
            "INSERT INTO rentals (id, organization, status, created_at, body, revision)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&*rental.id)
        .bind(rental.organization.as_str())
        .bind(rental.status.as_str())
        .bind(rental.created_at.0)
        .bind(serde_json::to_string(rental)?)
        .bind(rental.revision)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    async fn update_rental(&self, rental: &Rental) -> Result<bool, BoxError> {
        let next = Rental { revision: rental.revision + 1, ..rental.clone() };
        let done = sqlx::query(
            "UPDATE rentals SET status = $1, body = $2, revision = $3 WHERE id = $4 AND revision = $5",
        )
        .bind(next.status.as_str())
        .bind(serde_json::to_string(&next)?)
        .bind(next.revision)
        .bind(&*next.id)
        .bind(rental.revision)
        .execute(self.writer())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn rental(&self, organization: &OrganizationId, id: &str) -> Result<Option<Rental>, BoxError> {
        let row = sqlx::query("SELECT body FROM rentals WHERE id = $1 AND organization = $2")
            .bind(id)
            .bind(organization.as_str())
            .fetch_optional(self.reader())
            .await?;
        row.as_ref().map(read).transpose()
    }

    async fn rentals(
        &self,
        organization: &OrganizationId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Rental>, BoxError> {
        let before = match after {
            Some(id) => match self.rental(organization, id).await? {
                Some(rental) => (rental.created_at.0, rental.id),
                None => return Ok(Vec::new()),
            },
            None => (i64::MAX, "".into()),
        };
        let rows = sqlx::query(
            "SELECT body FROM rentals WHERE organization = $1 AND (created_at, id) < ($2, $3)
             ORDER BY created_at DESC, id DESC LIMIT $4",
        )
        .bind(organization.as_str())
        .bind(before.0)
        .bind(&*before.1)
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await?;
        rows.iter().map(read).collect()
    }

    async fn live_rentals(&self, limit: u32) -> Result<Vec<Rental>, BoxError> {
        let rows =
            sqlx::query("SELECT body FROM rentals WHERE status <> 'ended' ORDER BY created_at, id LIMIT $1")
                .bind(i64::from(limit))
                .fetch_all(self.reader())
                .await?;
        rows.iter().map(read).collect()
    }
}
