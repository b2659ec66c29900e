//! Passkeys, and questions to browsers.

use async_trait::async_trait;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use tenfold_accounts::{AccountsError, Challenge, Passkey, PasskeyStore, from_text, to_text};
use tenfold_kernel::{ChallengeId, PasskeyId, Timestamp, UserId};

use super::failed;
use crate::identity::{maybe_text, maybe_time, parsed, text, time};
use crate::{Store, StoreError};

fn bytes(row: &AnyRow, column: &'static str) -> Result<Vec<u8>, StoreError> {
    parsed(row, column, |text| from_text(text).ok_or(()))
}

fn passkey(row: &AnyRow) -> Result<Passkey, StoreError> {
    let transports: i64 = row.try_get("transports")?;
    Ok(Passkey {
        id: parsed(row, "id", PasskeyId::parse)?,
        user: parsed(row, "user_id", UserId::parse)?,
        name: text(row, "name")?,
        credential: bytes(row, "credential")?,
        transports: u8::try_from(transports).map_err(|_| StoreError::Corrupt { column: "transports" })?,
        public_key: bytes(row, "public_key")?,
        state: bytes(row, "state")?,
        created_at: time(row, "created_at")?,
        last_used_at: maybe_time(row, "last_used_at")?,
    })
}

fn challenge(row: &AnyRow) -> Result<Challenge, StoreError> {
    let user = maybe_text(row, "user_id")?.map(|id| UserId::parse(&id)).transpose();
    Ok(Challenge {
        id: parsed(row, "id", ChallengeId::parse)?,
        user: user.map_err(|_| StoreError::Corrupt { column: "user_id" })?,
        state: bytes(row, "state")?,
        expires_at: time(row, "expires_at")?,
    })
}

#[async_trait]
impl PasskeyStore for Store {
    async fn insert_passkey(&self, passkey: &Passkey) -> Result<(), AccountsError> {
        sqlx::query(
            "INSERT INTO console_passkeys (id, user_id, name, credential, transports, public_key, state, \
             created_at, last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(passkey.id.to_string())
        .bind(passkey.user.to_string())
        .bind(passkey.name.clone())
        .bind(to_text(&passkey.credential))
        .bind(i64::from(passkey.transports))
        .bind(to_text(&passkey.public_key))
        .bind(to_text(&passkey.state))
        .bind(passkey.created_at.0)
        .bind(passkey.last_used_at.map(|at| at.0))
        .execute(self.writer())
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn find_passkey(&self, credential: &[u8]) -> Result<Option<Passkey>, AccountsError> {
        let row = sqlx::query("SELECT * FROM console_passkeys WHERE credential = $1")
            .bind(to_text(credential))
            .fetch_optional(self.reader())
            .await
            .map_err(failed)?;
        Ok(row.as_ref().map(passkey).transpose()?)
    }

    async fn list_passkeys(&self, user: &UserId) -> Result<Vec<Passkey>, AccountsError> {
        let rows = sqlx::query("SELECT * FROM console_passkeys WHERE user_id = $1 ORDER BY created_at, id")
            .bind(user.to_string())
            .fetch_all(self.reader())
            .await
            .map_err(failed)?;
        Ok(rows.iter().map(passkey).collect::<Result<_, _>>()?)
    }

    async fn use_passkey(
        &self,
        id: &PasskeyId,
        before: &[u8],
        after: &[u8],
        at: Timestamp,
    ) -> Result<bool, AccountsError> {
        let done = sqlx::query(
            "UPDATE console_passkeys SET state = $3, last_used_at = $4 WHERE id = $1 AND state = $2",
        )
        .bind(id.to_string())
        .bind(to_text(before))
        .bind(to_text(after))
        .bind(at.0)
        .execute(self.writer())
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn delete_passkey(&self, user: &UserId, id: &PasskeyId) -> Result<bool, AccountsError> {
        let done = sqlx::query("DELETE FROM console_passkeys WHERE user_id = $1 AND id = $2")
            .bind(user.to_string())
            .bind(id.to_string())
            .execute(self.writer())
            .await
            .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn insert_challenge(&self, challenge: &Challenge) -> Result<(), AccountsError> {
        sqlx::query(
            "INSERT INTO console_challenges (id, user_id, state, expires_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(challenge.id.to_string())
        .bind(challenge.user.as_ref().map(ToString::to_string))
        .bind(to_text(&challenge.state))
        .bind(challenge.expires_at.0)
        .execute(self.writer())
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn take_challenge(&self, id: &ChallengeId) -> Result<Option<Challenge>, AccountsError> {
        let row = sqlx::query(
            "DELETE FROM console_challenges WHERE id = $1 RETURNING id, user_id, state, expires_at",
        )
        .bind(id.to_string())
        .fetch_optional(self.writer())
        .await
        .map_err(failed)?;
        Ok(row.as_ref().map(challenge).transpose()?)
    }
}
