//! The price lists of `tenfold-billing`.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::any::AnyRow;
use tenfold_billing::{BillingError, PriceBook, PriceList, Terms};
use tenfold_kernel::{Currency, Timestamp};

use crate::reports::billing_error;
use crate::{Store, StoreError};

/// How often a number is taken anew that another process was quicker to use.
const TRIES: usize = 5;

#[async_trait]
impl PriceBook for Store {
    async fn schedule(&self, deployment: &str, at: Timestamp) -> Result<Vec<Arc<PriceList>>, BillingError> {
        let rows = sqlx::query(
            "SELECT version, deployment, currency, prices, terms, effective_at, created_at FROM price_lists p
             WHERE p.deployment = $1
               AND p.sequence = (SELECT MAX(q.sequence) FROM price_lists q
                   WHERE q.deployment = p.deployment AND q.currency = p.currency
                     AND q.effective_at = p.effective_at)
               AND p.effective_at >= COALESCE((SELECT MAX(q.effective_at) FROM price_lists q
                   WHERE q.deployment = p.deployment AND q.currency = p.currency AND q.effective_at <= $2), $3)
             ORDER BY p.effective_at, p.sequence",
        )
        .bind(deployment)
        .bind(at.0)
        .bind(at.0)
        .fetch_all(self.reader())
        .await;
        read(rows)
    }

    async fn put(&self, list: &PriceList) -> Result<(), BillingError> {
        let failed = |error| billing_error("write a price list", error);
        let written = written(&list.terms)
            .map_err(|error| BillingError::Store { action: "write a price list", source: error.into() })?;
        for _ in 1..TRIES {
            match self.put_next(list, &written).await {
                // Either the version is there already, which stays so, or the number is, and the next one is free.
                Err(StoreError::Conflict { .. }) => {}
                done => return done.map_err(failed),
            }
        }
        self.put_next(list, &written).await.map_err(failed)
    }

    async fn list(
        &self,
        at: Timestamp,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Arc<PriceList>>, BillingError> {
        let rows = sqlx::query(
            "SELECT version, deployment, currency, prices, terms, effective_at, created_at FROM price_lists p
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
    async fn put_next(&self, list: &PriceList, written: &(String, Option<String>)) -> Result<(), StoreError> {
        let (prices, terms) = written;
        sqlx::query(
            "INSERT INTO price_lists
                 (version, deployment, sequence, currency, prices, terms, effective_at, created_at)
             SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), COALESCE(MAX(sequence), 0) + 1, CAST($3 AS TEXT),
                 CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS BIGINT), CAST($7 AS BIGINT)
             FROM price_lists WHERE deployment = $8",
        )
        .bind(&*list.version)
        .bind(&*list.deployment)
        .bind(list.currency.code())
        .bind(prices.as_str())
        .bind(terms.as_deref())
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

/// The two columns of terms: prices, and what else there is.
fn written(terms: &Terms) -> Result<(String, Option<String>), serde_json::Error> {
    let prices = serde_json::to_string(&terms.prices)?;
    let rest = Terms { prices: BTreeMap::new(), ..terms.clone() };
    let rest = if rest == Terms::default() { None } else { Some(serde_json::to_string(&rest)?) };
    Ok((prices, rest))
}

fn price_list(row: &AnyRow) -> Result<PriceList, StoreError> {
    let text = |column| row.try_get::<String, _>(column);
    let corrupt = |column| StoreError::Corrupt { column };
    let prices = serde_json::from_str(&text("prices")?).map_err(|_| corrupt("prices"))?;
    let rest: Option<String> = row.try_get("terms")?;
    let rest =
        rest.map(|rest| serde_json::from_str::<Terms>(&rest)).transpose().map_err(|_| corrupt("terms"))?;
    Ok(PriceList {
        deployment: text("deployment")?.into(),
        version: text("version")?.into(),
        currency: Currency::parse(&text("currency")?).map_err(|_| corrupt("currency"))?,
        terms: Terms { prices, ..rest.unwrap_or_default() },
        effective_at: Timestamp(row.try_get("effective_at")?),
        created_at: Timestamp(row.try_get("created_at")?),
    })
}
