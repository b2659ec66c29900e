//! The ports of `tenfold-accounts`: what signs people in to the console.

mod invites;
mod passkeys;
mod sessions;

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use tenfold_accounts::{
    Account, AccountStore, AccountsError, Admission, Attempt, AttemptKey, AttemptStore, Failures, MEMORY,
    PasswordHash, Person, Session, SweepStore, Totp, TotpSeed, TotpStore,
};
use tenfold_identity::{Digest, User};
use tenfold_kernel::{ApiKeyId, Classify, ErrorKind, OrganizationId, SessionId, Timestamp, UserId};

use crate::accounts::sessions::insert_session;
use crate::identity::{maybe_text, maybe_time, parsed, text, time};
use crate::{Store, StoreError};

impl From<StoreError> for tenfold_accounts::AccountsError {
    fn from(error: StoreError) -> Self {
        let kind = error.kind();
        let source = error.into();
        if kind == ErrorKind::Conflict {
            Self::Conflict { source }
        } else if kind == ErrorKind::Unavailable {
            Self::Unavailable { source }
        } else {
            Self::Store { source }
        }
    }
}

/// A statement's error as one of accounts.
fn failed(error: sqlx::Error) -> AccountsError {
    StoreError::from(error).into()
}

/// What [`person`] reads: an account `a` with its user `u`.
macro_rules! person_columns {
    () => {
        "a.user_id, a.password, a.totp_seed, a.totp_step, a.totp_pending, a.console_key, \
         a.created_at AS account_since, u.organization_id, u.name, u.email, u.role, u.added_at"
    };
}
use person_columns;

fn person(row: &AnyRow) -> Result<Person, StoreError> {
    let user = User {
        id: parsed(row, "user_id", UserId::parse)?,
        organization: parsed(row, "organization_id", OrganizationId::parse)?,
        name: text(row, "name")?,
        email: text(row, "email")?,
        role: parsed(row, "role", str::parse)?,
        added_at: time(row, "added_at")?,
    };
    let password = maybe_text(row, "password")?
        .map(|hash| PasswordHash::parse(&hash).ok_or(StoreError::Corrupt { column: "password" }))
        .transpose()?;
    let totp = match seed(row, "totp_seed")? {
        None => None,
        Some(seed) => {
            let step: Option<i64> = row.try_get("totp_step")?;
            let last_step = step.ok_or(StoreError::Corrupt { column: "totp_step" })?;
            Some(Totp { seed, last_step })
        }
    };
    let account = Account {
        user: user.id.clone(),
        organization: user.organization.clone(),
        password,
        totp,
        pending_totp: seed(row, "totp_pending")?,
        console_key: parsed(row, "console_key", ApiKeyId::parse)?,
        created_at: time(row, "account_since")?,
    };
    Ok(Person { account, user })
}

fn seed(row: &AnyRow, column: &'static str) -> Result<Option<TotpSeed>, StoreError> {
    let text = maybe_text(row, column)?;
    text.map(|text| TotpSeed::from_base32(&text).ok_or(StoreError::Corrupt { column })).transpose()
}

/// Adds an account as it begins: without one-time codes.
async fn insert_account(connection: &mut AnyConnection, account: &Account) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO console_accounts (user_id, password, totp_seed, totp_step, totp_pending, console_key, \
         created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(account.user.to_string())
    .bind(account.password.as_ref().map(|hash| hash.as_str().to_owned()))
    .bind(account.totp.as_ref().map(|totp| totp.seed.to_base32()))
    .bind(account.totp.as_ref().map(|totp| totp.last_step))
    .bind(account.pending_totp.as_ref().map(TotpSeed::to_base32))
    .bind(account.console_key.to_string())
    .bind(account.created_at.0)
    .execute(connection)
    .await?;
    Ok(())
}

#[async_trait]
impl AccountStore for Store {
    async fn has_accounts(&self) -> Result<bool, AccountsError> {
        let row = sqlx::query("SELECT user_id FROM console_accounts LIMIT 1")
            .fetch_optional(self.reader())
            .await
            .map_err(failed)?;
        Ok(row.is_some())
    }

    async fn set_up(&self, user: &User, account: &Account, session: &Session) -> Result<bool, AccountsError> {
        let mut transaction = self.begin().await?;
        // Of several processes the others wait here until the first has committed, and then find its account.
        sqlx::query("UPDATE installation SET organization_id = organization_id WHERE id = 'first'")
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        let first = sqlx::query("SELECT user_id FROM console_accounts LIMIT 1")
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed)?;
        if first.is_some() {
            return Ok(false);
        }
        sqlx::query("UPDATE users SET name = $3, email = $4 WHERE organization_id = $1 AND id = $2")
            .bind(user.organization.to_string())
            .bind(user.id.to_string())
            .bind(user.name.clone())
            .bind(user.email.clone())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        // Without the user it fails here.
        insert_account(&mut transaction, account).await?;
        insert_session(&mut transaction, session).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn find_people(&self, email: &str, limit: u32) -> Result<Vec<Person>, AccountsError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            person_columns!(),
            " FROM users u JOIN console_accounts a ON a.user_id = u.id \
             JOIN organizations o ON o.id = u.organization_id WHERE u.email = $1 \
             ORDER BY o.created_at, o.id LIMIT $2"
        ))
        .bind(email.to_owned())
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        Ok(rows.iter().map(person).collect::<Result<_, _>>()?)
    }

    async fn get_person(&self, user: &UserId) -> Result<Option<Person>, AccountsError> {
        let row = sqlx::query(concat!(
            "SELECT ",
            person_columns!(),
            " FROM console_accounts a JOIN users u ON u.id = a.user_id WHERE a.user_id = $1"
        ))
        .bind(user.to_string())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        Ok(row.as_ref().map(person).transpose()?)
    }

    async fn set_password(
        &self,
        user: &UserId,
        password: &PasswordHash,
        keep: Option<&SessionId>,
    ) -> Result<bool, AccountsError> {
        let mut transaction = self.begin().await?;
        let done = sqlx::query("UPDATE console_accounts SET password = $2 WHERE user_id = $1")
            .bind(user.to_string())
            .bind(password.as_str().to_owned())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(
            "DELETE FROM console_sessions \
             WHERE user_id = $1 AND (CAST($2 AS TEXT) IS NULL OR id <> CAST($2 AS TEXT))",
        )
        .bind(user.to_string())
        .bind(keep.map(ToString::to_string))
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(true)
    }
}

#[async_trait]
impl TotpStore for Store {
    async fn begin_totp(&self, user: &UserId, seed: &TotpSeed) -> Result<bool, AccountsError> {
        let done = sqlx::query(
            "UPDATE console_accounts SET totp_pending = $2 WHERE user_id = $1 AND totp_seed IS NULL",
        )
        .bind(user.to_string())
        .bind(seed.to_base32())
        .execute(self.writer())
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn enable_totp(
        &self,
        user: &UserId,
        seed: &TotpSeed,
        step: i64,
        recovery: &[Digest],
    ) -> Result<bool, AccountsError> {
        let mut transaction = self.begin().await?;
        let done = sqlx::query(
            "UPDATE console_accounts SET totp_seed = totp_pending, totp_step = $3, totp_pending = NULL \
             WHERE user_id = $1 AND totp_pending = $2",
        )
        .bind(user.to_string())
        .bind(seed.to_base32())
        .bind(step)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("DELETE FROM console_recovery_codes WHERE user_id = $1")
            .bind(user.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        for digest in recovery {
            sqlx::query("INSERT INTO console_recovery_codes (user_id, digest) VALUES ($1, $2)")
                .bind(user.to_string())
                .bind(digest.to_hex())
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn take_step(&self, user: &UserId, step: i64) -> Result<bool, AccountsError> {
        let done = sqlx::query(
            "UPDATE console_accounts SET totp_step = $2 \
             WHERE user_id = $1 AND totp_seed IS NOT NULL AND totp_step < $2",
        )
        .bind(user.to_string())
        .bind(step)
        .execute(self.writer())
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn take_recovery_code(&self, user: &UserId, code: &Digest) -> Result<bool, AccountsError> {
        let done = sqlx::query("DELETE FROM console_recovery_codes WHERE user_id = $1 AND digest = $2")
            .bind(user.to_string())
            .bind(code.to_hex())
            .execute(self.writer())
            .await
            .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn disable_totp(&self, user: &UserId) -> Result<bool, AccountsError> {
        let mut transaction = self.begin().await?;
        let done = sqlx::query(
            "UPDATE console_accounts SET totp_seed = NULL, totp_step = NULL, totp_pending = NULL \
             WHERE user_id = $1 AND totp_seed IS NOT NULL",
        )
        .bind(user.to_string())
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        sqlx::query("DELETE FROM console_recovery_codes WHERE user_id = $1")
            .bind(user.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }
}

#[async_trait]
impl AttemptStore for Store {
    async fn count_attempt(&self, key: &AttemptKey, now: Timestamp) -> Result<Admission, AccountsError> {
        let mut transaction = self.begin().await?;
        // The row is locked by this, though nothing changes, so that attempts at once are counted in a row.
        let row = sqlx::query(
            "INSERT INTO console_attempts (subject, failures, last_at, locked_until) \
             VALUES ($1, 0, NULL, NULL) ON CONFLICT (subject) DO UPDATE SET subject = excluded.subject \
             RETURNING failures, last_at, locked_until",
        )
        .bind(key.0.to_hex())
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
        let count: i64 = row.try_get("failures").map_err(failed)?;
        let failures = Failures {
            count: u32::try_from(count).unwrap_or(u32::MAX),
            last_at: maybe_time(&row, "last_at")?,
            locked_until: maybe_time(&row, "locked_until")?,
        };
        let admission = failures.admit(now);
        if let Admission::Admitted(attempt) = admission {
            sqlx::query(
                "UPDATE console_attempts SET failures = $2, last_at = $3, locked_until = $4 WHERE subject = $1",
            )
            .bind(key.0.to_hex())
            .bind(i64::from(attempt.failures))
            .bind(now.0)
            .bind(attempt.locked_until.map(|until| until.0))
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
            transaction.commit().await.map_err(failed)?;
        }
        Ok(admission)
    }

    async fn refund_attempt(&self, key: &AttemptKey, attempt: &Attempt) -> Result<(), AccountsError> {
        sqlx::query(
            "UPDATE console_attempts SET \
             locked_until = CASE WHEN failures = $2 AND locked_until = $3 THEN NULL ELSE locked_until END, \
             failures = CASE WHEN failures > 0 THEN failures - 1 ELSE 0 END WHERE subject = $1",
        )
        .bind(key.0.to_hex())
        .bind(i64::from(attempt.failures))
        .bind(attempt.locked_until.map(|until| until.0))
        .execute(self.writer())
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn clear_attempts(&self, key: &AttemptKey) -> Result<(), AccountsError> {
        sqlx::query("DELETE FROM console_attempts WHERE subject = $1")
            .bind(key.0.to_hex())
            .execute(self.writer())
            .await
            .map_err(failed)?;
        Ok(())
    }
}

#[async_trait]
impl SweepStore for Store {
    async fn sweep(
        &self,
        now: Timestamp,
        invites_before: Timestamp,
        limit: u32,
    ) -> Result<u64, AccountsError> {
        let forgotten = i64::try_from(MEMORY.as_millis()).unwrap_or(i64::MAX);
        let mut removed = 0;
        for (sql, before) in [
            (
                "DELETE FROM console_sessions WHERE id IN \
                 (SELECT id FROM console_sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
                now.0,
            ),
            (
                "DELETE FROM console_challenges WHERE id IN \
                 (SELECT id FROM console_challenges WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
                now.0,
            ),
            (
                "DELETE FROM invites WHERE id IN \
                 (SELECT id FROM invites WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
                invites_before.0,
            ),
            (
                // Asked again outside, since it may have been counted meanwhile.
                "DELETE FROM console_attempts WHERE last_at < $1 AND subject IN \
                 (SELECT subject FROM console_attempts WHERE last_at < $1 ORDER BY last_at LIMIT $2)",
                now.0.saturating_sub(forgotten),
            ),
        ] {
            let done = sqlx::query(sql)
                .bind(before)
                .bind(i64::from(limit))
                .execute(self.writer())
                .await
                .map_err(failed)?;
            removed += done.rows_affected();
        }
        Ok(removed)
    }
}
