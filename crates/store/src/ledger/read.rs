//! What the ledger tells.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use tenfold_billing::invoice::{Charge, ChargeQuery};
use tenfold_billing::ledger::{
    Account, AccountId, Counter, Entry, EntryKind, EntryPlace, Hold, Verification,
};
use tenfold_billing::{BillingError, LedgerReader};
use tenfold_kernel::{Currency, Money, OrganizationId, ProjectId, Timestamp};

use crate::reports::billing_error;
use crate::{Store, StoreError};

/// Faults that are told at most.
const FAULTS: i64 = 100;

const ENTRY: &str = "transaction_key, sequence, kind, organization, project, debit, credit, nanos, currency, reverses, \
     memo, created_at";

fn failed(error: impl Into<StoreError>) -> BillingError {
    billing_error("read the ledger", error.into())
}

#[async_trait]
impl LedgerReader for Store {
    async fn accounts(
        &self,
        organization: &OrganizationId,
    ) -> Result<Vec<(AccountId, Account)>, BillingError> {
        let rows = sqlx::query("SELECT id, balance, held FROM accounts WHERE organization = $1 ORDER BY id")
            .bind(organization.as_str())
            .fetch_all(self.reader())
            .await
            .map_err(failed)?;
        let read = |row: &AnyRow| -> Result<_, StoreError> {
            let id: String = row.try_get("id")?;
            let id = AccountId::parse(&id).ok_or(StoreError::Corrupt { column: "id" })?;
            Ok((id, Account { balance: row.try_get("balance")?, held: row.try_get("held")? }))
        };
        rows.iter().map(|row| read(row).map_err(failed)).collect()
    }

    async fn entries(
        &self,
        organization: &OrganizationId,
        before: Option<&EntryPlace>,
        limit: u32,
    ) -> Result<Vec<Entry>, BillingError> {
        // Later than anything that is entered.
        let first = EntryPlace { created_at: Timestamp(i64::MAX), transaction: "".into(), sequence: 0 };
        let before = before.unwrap_or(&first);
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {ENTRY} FROM entries WHERE organization = $1
             AND (created_at < $2 OR (created_at = $3 AND (transaction_key < $4
                 OR (transaction_key = $5 AND sequence < $6))))
             ORDER BY created_at DESC, transaction_key DESC, sequence DESC LIMIT $7"
        )))
        .bind(organization.as_str())
        .bind(before.created_at.0)
        .bind(before.created_at.0)
        .bind(&*before.transaction)
        .bind(&*before.transaction)
        .bind(i64::from(before.sequence))
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        rows.iter().map(|row| entry(row).map_err(failed)).collect()
    }

    async fn transaction(
        &self,
        organization: &OrganizationId,
        transaction: &str,
    ) -> Result<Vec<Entry>, BillingError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {ENTRY} FROM entries WHERE transaction_key = $1 AND organization = $2 ORDER BY sequence"
        )))
        .bind(transaction)
        .bind(organization.as_str())
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        rows.iter().map(|row| entry(row).map_err(failed)).collect()
    }

    async fn counters(&self, names: &[Arc<str>]) -> Result<Vec<(Arc<str>, Counter)>, BillingError> {
        let mut found = Vec::new();
        for name in names {
            let row = sqlx::query("SELECT id, used, held, starts_at, ends_at FROM counters WHERE id = $1")
                .bind(&**name)
                .fetch_optional(self.reader())
                .await
                .map_err(failed)?;
            if let Some(row) = row {
                found.push((Arc::clone(name), counter(&row).map_err(failed)?));
            }
        }
        Ok(found)
    }

    async fn charges(&self, query: &ChargeQuery) -> Result<Vec<Charge>, BillingError> {
        self.charges_of(query).await
    }

    async fn verify(&self, now: Timestamp) -> Result<Verification, BillingError> {
        self.verify_ledger(now).await.map_err(|error| billing_error("verify the ledger", error))
    }
}

impl Store {
    /// Says that a process runs.
    pub(super) async fn seen(&self, process: &str, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO processes (id, seen_at) VALUES ($1, $2)
             ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
        )
        .bind(process)
        .bind(now.0)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// Holds of processes that were not seen since `dead_before`, at most `limit`.
    pub(super) async fn holds_of_the_dead(
        &self,
        dead_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Hold>, StoreError> {
        let rows = sqlx::query(
            "SELECT body FROM holds WHERE process NOT IN (SELECT id FROM processes WHERE seen_at >= $1) LIMIT $2",
        )
        .bind(dead_before.0)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(self.writer())
        .await?;
        let read = |row: &AnyRow| {
            let body: String = row.try_get("body")?;
            serde_json::from_str(&body).map_err(|_| StoreError::Corrupt { column: "body" })
        };
        rows.iter().map(read).collect()
    }

    /// Forgets processes that were not seen since `dead_before`.
    pub(super) async fn forget_the_dead(&self, dead_before: Timestamp) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM processes WHERE seen_at < $1")
            .bind(dead_before.0)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// Computes the ledger anew, by the database's own sums, in one reading transaction.
    async fn verify_ledger(&self, _now: Timestamp) -> Result<Verification, StoreError> {
        let mut transaction = self.begin_reading().await?;
        let connection = &mut *transaction;
        let mut found = Verification::default();
        for (count, text) in [
            (&mut found.accounts, "SELECT COUNT(*) AS n FROM accounts"),
            (&mut found.entries, "SELECT COUNT(*) AS n FROM entries"),
            (&mut found.charged_events, "SELECT COUNT(*) AS n FROM events WHERE cost_nanos > 0"),
            (&mut found.holds, "SELECT COUNT(*) AS n FROM holds"),
        ] {
            let row = sqlx::query(text).fetch_one(&mut *connection).await?;
            *count = u64::try_from(row.try_get::<i64, _>("n")?).unwrap_or(0);
        }
        // Each question asks for what must not be, as a name and two figures.
        let questions = [
            (
                "an account's balance is not the sum of its entries",
                "SELECT a.id AS name, a.balance AS has, CAST(COALESCE(s.total, 0) AS BIGINT) AS wants FROM accounts a
                 LEFT JOIN (SELECT account, SUM(nanos) AS total FROM (
                     SELECT credit AS account, nanos FROM entries
                     UNION ALL SELECT debit AS account, -nanos AS nanos FROM entries) both_sides
                     GROUP BY account) s ON s.account = a.id
                 WHERE a.balance <> COALESCE(s.total, 0) LIMIT $1",
            ),
            (
                "an entry names an account that is not there",
                "SELECT e.transaction_key AS name, e.nanos AS has, CAST(0 AS BIGINT) AS wants FROM entries e
                 WHERE NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = e.debit)
                    OR NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = e.credit) LIMIT $1",
            ),
            (
                "a call's entries are not what it cost",
                "SELECT e.idempotency_key AS name, e.cost_nanos AS has,
                     CAST(COALESCE(SUM(n.nanos), 0) AS BIGINT) AS wants
                 FROM events e LEFT JOIN entries n ON n.transaction_key = e.idempotency_key
                 WHERE e.cost_nanos > 0
                 GROUP BY e.idempotency_key, e.cost_nanos HAVING COALESCE(SUM(n.nanos), 0) <> e.cost_nanos LIMIT $1",
            ),
            (
                "a charge has no event that cost something",
                "SELECT n.transaction_key AS name, n.nanos AS has, CAST(0 AS BIGINT) AS wants FROM entries n
                 WHERE n.kind IN ('usage', 'covered') AND NOT EXISTS (SELECT 1 FROM events e
                     WHERE e.idempotency_key = n.transaction_key AND e.cost_nanos > 0) LIMIT $1",
            ),
            (
                "funds are below what is held",
                "SELECT id AS name, balance AS has, held AS wants FROM accounts
                 WHERE is_funds = 1 AND balance < held LIMIT $1",
            ),
        ];
        for (what, text) in questions {
            let rows = sqlx::query(text).bind(FAULTS).fetch_all(&mut *connection).await?;
            for row in rows {
                let name: String = row.try_get("name")?;
                let (has, wants): (i64, i64) = (row.try_get("has")?, row.try_get("wants")?);
                found.faults.push(format!("{what}: {name} ({has}, {wants})"));
            }
        }
        self.verify_holds(connection, &mut found).await?;
        found.faults.truncate(usize::try_from(FAULTS).unwrap_or(usize::MAX));
        Ok(found)
    }

    /// What accounts hold is the sum of the holds.
    async fn verify_holds(
        &self,
        connection: &mut sqlx::AnyConnection,
        found: &mut Verification,
    ) -> Result<(), StoreError> {
        let mut expected = std::collections::BTreeMap::<String, i64>::new();
        for row in sqlx::query("SELECT body FROM holds").fetch_all(&mut *connection).await? {
            let body: String = row.try_get("body")?;
            let hold: Hold =
                serde_json::from_str(&body).map_err(|_| StoreError::Corrupt { column: "body" })?;
            for (account, nanos) in hold.funds {
                *expected.entry(account.as_str().to_owned()).or_default() += nanos;
            }
        }
        let rows = sqlx::query("SELECT id, held FROM accounts WHERE held <> 0").fetch_all(connection).await?;
        for row in rows {
            let (id, held): (String, i64) = (row.try_get("id")?, row.try_get("held")?);
            let wants = expected.remove(&id).unwrap_or(0);
            if held != wants {
                found.faults.push(format!("an account holds what no hold says: {id} ({held}, {wants})"));
            }
        }
        for (id, wants) in expected.into_iter().filter(|(_, wants)| *wants != 0) {
            found.faults.push(format!("a hold is not held by its account: {id} (0, {wants})"));
        }
        Ok(())
    }
}

pub(super) fn counter(row: &AnyRow) -> Result<Counter, StoreError> {
    Ok(Counter {
        used: row.try_get("used")?,
        held: row.try_get("held")?,
        start: row.try_get("starts_at")?,
        end: row.try_get("ends_at")?,
    })
}

pub(super) fn entry(row: &AnyRow) -> Result<Entry, StoreError> {
    let text = |column: &'static str| row.try_get::<String, _>(column);
    let account = |column: &'static str| -> Result<AccountId, StoreError> {
        AccountId::parse(&text(column)?).ok_or(StoreError::Corrupt { column })
    };
    let currency =
        Currency::parse(&text("currency")?).map_err(|_| StoreError::Corrupt { column: "currency" })?;
    let project: Option<String> = row.try_get("project")?;
    let organization = text("organization")?;
    Ok(Entry {
        transaction: text("transaction_key")?.into(),
        sequence: u32::try_from(row.try_get::<i64, _>("sequence")?)
            .map_err(|_| StoreError::Corrupt { column: "sequence" })?,
        kind: EntryKind::parse(&text("kind")?).ok_or(StoreError::Corrupt { column: "kind" })?,
        organization: OrganizationId::parse(&organization)
            .map_err(|_| StoreError::Corrupt { column: "organization" })?,
        project: project
            .map(|id| ProjectId::parse(&id).map_err(|_| StoreError::Corrupt { column: "project" }))
            .transpose()?,
        debit: account("debit")?,
        credit: account("credit")?,
        money: Money::new(row.try_get("nanos")?, currency),
        reverses: row.try_get::<Option<String>, _>("reverses")?.map(Into::into),
        memo: row.try_get("memo")?,
        created_at: Timestamp(row.try_get("created_at")?),
    })
}
