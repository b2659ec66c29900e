//! Invoices and what they are made of, for `tenfold-billing`.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use tenfold_billing::invoice::{Charge, ChargeQuery, Invoice, InvoiceDetails};
use tenfold_billing::ledger::{AccountId, AccountKind, EntryKind};
use tenfold_billing::{BillingError, InvoiceStore, MAX_ROWS};
use tenfold_kernel::{Currency, OrganizationId, ProjectId, Timestamp};

use crate::reports::{billing_error, label};
use crate::sql::Sql;
use crate::{Backend, Store, StoreError};

/// How often a number is tried that another process took.
const TRIES: usize = 16;

fn read_failed(error: impl Into<StoreError>) -> BillingError {
    billing_error("read invoices", error.into())
}

fn write_failed(error: impl Into<StoreError>) -> BillingError {
    billing_error("write an invoice", error.into())
}

fn unwritable(error: serde_json::Error) -> BillingError {
    BillingError::Store { action: "write an invoice", source: error.into() }
}

fn invoice(row: &AnyRow) -> Result<Invoice, StoreError> {
    let text: String = row.try_get("body")?;
    let mut invoice: Invoice =
        serde_json::from_str(&text).map_err(|_| StoreError::Corrupt { column: "body" })?;
    invoice.set_number(row.try_get("number")?);
    Ok(invoice)
}

fn all(rows: Result<Vec<AnyRow>, sqlx::Error>) -> Result<Vec<Invoice>, BillingError> {
    rows.map_err(read_failed)?.iter().map(|row| invoice(row).map_err(read_failed)).collect()
}

fn charge(row: &AnyRow) -> Result<Charge, StoreError> {
    let corrupt = |column| StoreError::Corrupt { column };
    let kind: String = row.try_get("kind")?;
    let project: Option<String> = row.try_get("project")?;
    let deployment: Option<String> = row.try_get("deployment")?;
    let transactions: i64 = row.try_get("transactions")?;
    Ok(Charge {
        kind: EntryKind::parse(&kind).ok_or(corrupt("kind"))?,
        project: project.map(|id| ProjectId::parse(&id)).transpose().map_err(|_| corrupt("project"))?,
        deployment: deployment.map(Arc::from),
        memo: row.try_get("memo")?,
        label: None,
        transactions: transactions.unsigned_abs(),
        nanos: row.try_get("nanos")?,
        owed: row.try_get("owed")?,
    })
}

impl Store {
    /// What moved to and from revenue, added up by the database: as much memory as there are lines.
    pub(crate) async fn charges_of(&self, query: &ChargeQuery) -> Result<Vec<Charge>, BillingError> {
        let account = |kind| AccountId::new(&query.organization, &kind, query.currency);
        let (revenue, owed) = (account(AccountKind::Revenue), account(AccountKind::Receivable));
        self.wait_for_writers(&revenue).await.map_err(read_failed)?;
        let mut sql = Sql::new(
            "SELECT entries.kind AS kind, entries.project AS project, events.deployment AS deployment,
             CASE WHEN entries.kind IN ('subscription', 'adjustment') THEN entries.memo END AS memo",
        );
        if query.label.is_some() {
            sql.push(", events.labels AS labels");
        }
        sql.push(
            ", CAST(SUM(CASE WHEN sequence = 0 THEN 1 ELSE 0 END) AS BIGINT) AS transactions,
             CAST(SUM(CASE WHEN credit = ",
        );
        sql.bind(revenue.as_str()).push(" THEN nanos ELSE -nanos END) AS BIGINT) AS nanos, CAST(SUM(CASE");
        sql.push(" WHEN debit = ").bind(owed.as_str()).push(" THEN nanos");
        sql.push(" WHEN credit = ").bind(owed.as_str()).push(" THEN -nanos ELSE 0 END) AS BIGINT) AS owed");
        sql.push(
            " FROM entries
             LEFT JOIN events ON events.idempotency_key = COALESCE(entries.reverses, entries.transaction_key)
             WHERE entries.organization = ",
        );
        sql.bind(query.organization.as_str());
        sql.push(" AND entries.created_at >= ").bind(query.from.0);
        sql.push(" AND entries.created_at < ").bind(query.until.0);
        sql.push(" AND (debit = ").bind(revenue.as_str());
        sql.push(" OR credit = ").bind(revenue.as_str());
        sql.push(") AND entries.kind NOT IN ('rounding', 'credit_note')");
        sql.and_in("entries.project", query.project.iter().map(ProjectId::as_str));
        sql.push(" GROUP BY 1, 2, 3, 4").push(if query.label.is_some() { ", 5" } else { "" });
        // Rows are as many as there are different sets of labels, which may be one a call: only sums of them are kept.
        let mut rows = sql.query().fetch(self.reader());
        let mut sums: HashMap<_, Charge> = HashMap::new();
        while let Some(row) = rows.try_next().await.map_err(read_failed)? {
            let mut one = charge(&row).map_err(read_failed)?;
            if let Some(name) = &query.label {
                one.label = label(&row, name).map_err(read_failed)?;
            }
            let key =
                (one.kind, one.project.clone(), one.deployment.clone(), one.memo.clone(), one.label.clone());
            let Some(kept) = sums.get_mut(&key) else {
                if sums.len() == MAX_ROWS {
                    return Err(BillingError::ReportTooLarge { limit: MAX_ROWS });
                }
                sums.insert(key, one);
                continue;
            };
            let sum = |a: i64, b: i64| {
                let source = || "a sum does not fit".into();
                a.checked_add(b)
                    .ok_or_else(|| BillingError::Store { action: "read invoices", source: source() })
            };
            kept.transactions = kept.transactions.saturating_add(one.transactions);
            kept.nanos = sum(kept.nanos, one.nanos)?;
            kept.owed = sum(kept.owed, one.owed)?;
        }
        Ok(sums.into_values().collect())
    }
}

impl Store {
    /// Waits for whoever is about to write entries of an account. Who comes later reads the clock later, and enters nothing
    /// long before that.
    async fn wait_for_writers(&self, account: &AccountId) -> Result<(), sqlx::Error> {
        let sql = match self.backend() {
            // There is one connection that writes.
            Backend::Sqlite => "SELECT id FROM accounts WHERE id = $1",
            Backend::Postgres => "SELECT id FROM accounts WHERE id = $1 FOR SHARE",
        };
        sqlx::query(sql).bind(account.as_str().to_owned()).execute(self.writer()).await.map(drop)
    }
}

#[async_trait]
impl InvoiceStore for Store {
    async fn details(&self, organization: &OrganizationId) -> Result<Option<InvoiceDetails>, BillingError> {
        let row = sqlx::query("SELECT body FROM invoice_details WHERE organization = $1")
            .bind(organization.as_str())
            .fetch_optional(self.reader())
            .await
            .map_err(read_failed)?;
        let Some(row) = row else { return Ok(None) };
        let text: String = row.try_get("body").map_err(read_failed)?;
        let details = serde_json::from_str(&text);
        details.map(Some).map_err(|_| read_failed(StoreError::Corrupt { column: "body" }))
    }

    async fn put_details(
        &self,
        organization: &OrganizationId,
        details: &InvoiceDetails,
    ) -> Result<(), BillingError> {
        sqlx::query(
            "INSERT INTO invoice_details (organization, body) VALUES ($1, $2)
             ON CONFLICT (organization) DO UPDATE SET body = excluded.body",
        )
        .bind(organization.as_str())
        .bind(serde_json::to_string(details).map_err(unwritable)?)
        .execute(self.writer())
        .await
        .map_err(write_failed)?;
        Ok(())
    }

    async fn insert(&self, new: &Invoice) -> Result<Option<Invoice>, BillingError> {
        let statement = &new.statement;
        let body = serde_json::to_string(new).map_err(unwritable)?;
        for _ in 0..TRIES {
            let row = sqlx::query(
                "INSERT INTO invoices (id, organization, kind, number, currency, period_start, period_end, credits,
                 ordinal, body, is_entered)
                 SELECT $1, $2, $3, COALESCE(MAX(number), 0) + 1, $4, $5, $6, $7, $8, $9, 0
                 FROM invoices WHERE organization = $2 AND kind = $3
                 ON CONFLICT DO NOTHING RETURNING number, body",
            )
            .bind(&*new.id)
            .bind(new.organization.as_str())
            .bind(statement.kind.as_str())
            .bind(statement.currency.code().to_owned())
            .bind(statement.period_start.0)
            .bind(statement.period_end.0)
            .bind(new.credits.as_ref().map(|(of, _)| of.to_string()))
            .bind(new.credits.as_ref().map(|(_, ordinal)| i64::from(*ordinal)))
            .bind(&body)
            .fetch_optional(self.writer())
            .await
            .map_err(write_failed)?;
            if let Some(row) = row {
                return invoice(&row).map(Some).map_err(read_failed);
            }
            // The document is there, or its number was taken meanwhile.
            let is_there = if let Some((of, ordinal)) = &new.credits {
                let notes = self.credit_notes(&new.organization, of).await?;
                notes.iter().any(|note| note.credits.as_ref().is_some_and(|(_, n)| n == ordinal))
            } else {
                let (currency, start) = (statement.currency, statement.period_start);
                self.invoice_of(&new.organization, currency, start).await?.is_some()
            };
            if is_there {
                return Ok(None);
            }
        }
        let source = "others take every number".into();
        Err(BillingError::Unavailable { action: "number an invoice", source })
    }

    async fn invoice(
        &self,
        organization: &OrganizationId,
        id: &str,
    ) -> Result<Option<Invoice>, BillingError> {
        let row = sqlx::query("SELECT number, body FROM invoices WHERE organization = $1 AND id = $2")
            .bind(organization.as_str())
            .bind(id)
            .fetch_optional(self.reader())
            .await
            .map_err(read_failed)?;
        row.as_ref().map(|row| invoice(row).map_err(read_failed)).transpose()
    }

    async fn invoice_of(
        &self,
        organization: &OrganizationId,
        currency: Currency,
        start: Timestamp,
    ) -> Result<Option<Invoice>, BillingError> {
        let row = sqlx::query(
            "SELECT number, body FROM invoices
             WHERE organization = $1 AND currency = $2 AND period_start = $3 AND kind = 'invoice'",
        )
        .bind(organization.as_str())
        .bind(currency.code().to_owned())
        .bind(start.0)
        .fetch_optional(self.reader())
        .await
        .map_err(read_failed)?;
        row.as_ref().map(|row| invoice(row).map_err(read_failed)).transpose()
    }

    async fn invoices(
        &self,
        organization: &OrganizationId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Invoice>, BillingError> {
        all(sqlx::query(
            "SELECT number, body FROM invoices WHERE organization = $1
             AND ($2 = '' OR (period_start, kind, number)
                 < (SELECT period_start, kind, number FROM invoices WHERE id = $2 AND organization = $1))
             ORDER BY period_start DESC, kind DESC, number DESC LIMIT $3",
        )
        .bind(organization.as_str())
        .bind(after.unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await)
    }

    async fn credit_notes(
        &self,
        organization: &OrganizationId,
        invoice: &str,
    ) -> Result<Vec<Invoice>, BillingError> {
        all(sqlx::query(
            "SELECT number, body FROM invoices WHERE credits = $1 AND organization = $2 ORDER BY ordinal",
        )
        .bind(invoice)
        .bind(organization.as_str())
        .fetch_all(self.reader())
        .await)
    }

    async fn mark_entered(&self, invoice: &Invoice) -> Result<(), BillingError> {
        sqlx::query("UPDATE invoices SET is_entered = 1 WHERE id = $1 AND is_entered = 0")
            .bind(&*invoice.id)
            .execute(self.writer())
            .await
            .map_err(write_failed)?;
        Ok(())
    }

    async fn not_entered(&self, limit: u32) -> Result<Vec<Invoice>, BillingError> {
        all(sqlx::query("SELECT number, body FROM invoices WHERE is_entered = 0 ORDER BY id LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(self.reader())
            .await)
    }

    async fn open_since(
        &self,
        after: Option<&AccountId>,
        limit: u32,
    ) -> Result<Vec<(AccountId, Timestamp)>, BillingError> {
        let rows = sqlx::query(
            "SELECT id, COALESCE(
                 (SELECT MAX(period_end) FROM invoices WHERE invoices.organization = accounts.organization
                  AND invoices.kind = 'invoice' AND accounts.id LIKE '%/' || invoices.currency),
                 (SELECT MIN(created_at) FROM entries WHERE entries.organization = accounts.organization)) AS since
             FROM accounts WHERE id > $1 AND is_funds = 0 AND id LIKE '%/revenue/%' ORDER BY id LIMIT $2",
        )
        .bind(after.map(|id| id.as_str().to_owned()).unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(read_failed)?;
        let read = |row: &AnyRow| {
            let id: String = row.try_get("id")?;
            // An account comes with its first entry.
            let since: Option<i64> = row.try_get("since")?;
            let id = AccountId::parse(&id).ok_or(StoreError::Corrupt { column: "id" })?;
            Ok((id, Timestamp(since.unwrap_or(i64::MAX))))
        };
        rows.iter().map(|row| read(row).map_err(|error: StoreError| read_failed(error))).collect()
    }
}
