//! The price lists of `tenfold-billing`.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::any::AnyRow;
use tenfold_billing::{BillingError, PriceBook, PriceList};
use tenfold_kernel::{Currency, Timestamp, Unit};

use crate::reports::billing_error;
use crate::{Store, StoreError};

/// How often a number is taken anew that another process was quicker to use.
const TRIES: usize = 5;

#[async_trait]
impl PriceBook for Store {
    async fn schedule(&self, deployment: &str, at: Timestamp) -> Result<Vec<Arc<PriceList>>, BillingError> {
        let rows = sqlx::query(
            "SELECT version, deployment, currency, prices, effective_at, created_at FROM price_lists p
             WHERE p.deployment = $1
               AND p.sequence = (SELECT MAX(q.sequence) FROM price_lists q
                   WHERE q.deployment = p.deployment AND q.effective_at = p.effective_at)
               AND p.effective_at >= COALESCE((SELECT MAX(q.effective_at) FROM price_lists q
                   WHERE q.deployment = $2 AND q.effective_at <= $3), $4)
             ORDER BY p.effective_at",
        )
        .bind(deployment)
        .bind(deployment)
        .bind(at.0)
        .bind(at.0)
        .fetch_all(self.reader())
        .await;
        read(rows)
    }

    async fn put(&self, list: &PriceList) -> Result<(), BillingError> {
        let failed = |error| billing_error("write a price list", error);
        let prices: BTreeMap<&str, i64> =
            list.prices.iter().map(|(unit, price)| (unit.as_str(), *price)).collect();
        let prices = serde_json::to_string(&prices)
            .map_err(|error| BillingError::Store { action: "write a price list", source: error.into() })?;
        for _ in 1..TRIES {
            match self.put_next(list, &prices).await {
                // Either the version is there already, which stays so, or the number is, and the next one is free.
                Err(StoreError::Conflict { .. }) => {}
                done => return done.map_err(failed),
            }
        }
        self.put_next(list, &prices).await.map_err(failed)
    }

    async fn list(
        &self,
        at: Timestamp,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Arc<PriceList>>, BillingError> {
        let rows = sqlx::query(
            "SELECT version, deployment, currency, prices, effective_at, created_at FROM price_lists p
             WHERE p.deployment > $1
               AND p.sequence = (SELECT q.sequence FROM price_lists q
                   WHERE q.deployment = p.deployment AND q.effective_at <= $2
                   ORDER BY q.effective_at DESC, q.sequence DESC LIMIT 1)
             ORDER BY p.deployment LIMIT $3",
        )
        .bind(after.unwrap_or_default())
        .bind(at.0)
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await;
        read(rows)
    }
}

impl Store {
    /// Writes a list under the next number of its deployment.
    async fn put_next(&self, list: &PriceList, prices: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO price_lists (version, deployment, sequence, currency, prices, effective_at, created_at)
             SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), COALESCE(MAX(sequence), 0) + 1, CAST($3 AS TEXT),
                 CAST($4 AS TEXT), CAST($5 AS BIGINT), CAST($6 AS BIGINT)
             FROM price_lists WHERE deployment = $7",
        )
        .bind(&*list.version)
        .bind(&*list.deployment)
        .bind(list.currency.code())
        .bind(prices)
        .bind(list.effective_at.0)
        .bind(list.created_at.0)
        .bind(&*list.deployment)
        .execute(self.writer())
        .await?;
        Ok(())
    }
}

fn read(rows: Result<Vec<AnyRow>, sqlx::Error>) -> Result<Vec<Arc<PriceList>>, BillingError> {
    let failed = |error| billing_error("read price lists", error);
    let rows = rows.map_err(|error| failed(error.into()))?;
    rows.iter().map(|row| price_list(row).map(Arc::new).map_err(failed)).collect()
}

fn price_list(row: &AnyRow) -> Result<PriceList, StoreError> {
    let text = |column| row.try_get::<String, _>(column);
    let corrupt = |column| StoreError::Corrupt { column };
    let written: BTreeMap<String, i64> =
        serde_json::from_str(&text("prices")?).map_err(|_| corrupt("prices"))?;
    let prices: Result<BTreeMap<Unit, i64>, _> =
        written.into_iter().map(|(unit, price)| Ok((unit.parse()?, price))).collect();
    Ok(PriceList {
        deployment: text("deployment")?.into(),
        version: text("version")?.into(),
        currency: Currency::parse(&text("currency")?).map_err(|_| corrupt("currency"))?,
        prices: prices.map_err(|_: tenfold_kernel::UnknownUnit| corrupt("prices"))?,
        effective_at: Timestamp(row.try_get("effective_at")?),
        created_at: Timestamp(row.try_get("created_at")?),
    })
}
