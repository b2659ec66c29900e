//! Browsers that are signed in.

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use tenfold_accounts::{AccountsError, Session, SessionInfo, SessionStore};
use tenfold_identity::{Digest, Organization};
use tenfold_kernel::{ProjectId, SessionId, Timestamp, UserId};

use super::{failed, person, person_columns};
use crate::identity::{parsed, text, time};
use crate::{Store, StoreError};

/// What [`session`] reads of a session `s`.
macro_rules! session_columns {
    () => {
        "s.id AS session_id, s.user_id AS session_user, s.digest, s.user_agent, s.created_at AS session_since, \
         s.last_seen_at, s.expires_at, s.ends_at"
    };
}

fn session(row: &AnyRow) -> Result<Session, StoreError> {
    Ok(Session {
        id: parsed(row, "session_id", SessionId::parse)?,
        user: parsed(row, "session_user", UserId::parse)?,
        digest: parsed(row, "digest", |hex| Digest::from_hex(hex).ok_or(()))?,
        user_agent: text(row, "user_agent")?,
        created_at: time(row, "session_since")?,
        last_seen_at: time(row, "last_seen_at")?,
        expires_at: time(row, "expires_at")?,
        ends_at: time(row, "ends_at")?,
    })
}

pub(super) async fn insert_session(
    connection: &mut AnyConnection,
    session: &Session,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO console_sessions (id, user_id, digest, user_agent, created_at, last_seen_at, expires_at, \
         ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(session.id.to_string())
    .bind(session.user.to_string())
    .bind(session.digest.to_hex())
    .bind(session.user_agent.clone())
    .bind(session.created_at.0)
    .bind(session.last_seen_at.0)
    .bind(session.expires_at.0)
    .bind(session.ends_at.0)
    .execute(connection)
    .await?;
    Ok(())
}

#[async_trait]
impl SessionStore for Store {
    async fn insert_session(&self, session: &Session) -> Result<(), AccountsError> {
        let mut connection = self.writer().acquire().await.map_err(failed)?;
        Ok(insert_session(&mut connection, session).await?)
    }

    async fn find_session(&self, digest: &Digest) -> Result<Option<SessionInfo>, AccountsError> {
        let row = sqlx::query(concat!(
            "SELECT ",
            session_columns!(),
            ", ",
            person_columns!(),
            ", o.name AS organization_name, o.default_project_id, o.created_at AS organization_since, \
             CAST(CASE WHEN EXISTS (SELECT 1 FROM console_passkeys p WHERE p.user_id = s.user_id) \
             THEN 1 ELSE 0 END AS BIGINT) AS has_passkey \
             FROM console_sessions s JOIN console_accounts a ON a.user_id = s.user_id \
             JOIN users u ON u.id = s.user_id JOIN organizations o ON o.id = u.organization_id \
             WHERE s.digest = $1"
        ))
        .bind(digest.to_hex())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let person = person(&row)?;
        let has_passkey: i64 = row.try_get("has_passkey").map_err(failed)?;
        let organization = Organization {
            id: person.user.organization.clone(),
            name: text(&row, "organization_name")?,
            default_project: parsed(&row, "default_project_id", ProjectId::parse)?,
            created_at: time(&row, "organization_since")?,
        };
        Ok(Some(SessionInfo {
            session: session(&row)?,
            account: person.account,
            user: person.user,
            organization,
            has_passkey: has_passkey != 0,
        }))
    }

    async fn touch_session(
        &self,
        id: &SessionId,
        seen_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), AccountsError> {
        sqlx::query(
            "UPDATE console_sessions SET last_seen_at = $2, expires_at = $3 WHERE id = $1 AND last_seen_at < $2",
        )
        .bind(id.to_string())
        .bind(seen_at.0)
        .bind(expires_at.0)
        .execute(self.writer())
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn list_sessions(&self, user: &UserId, now: Timestamp) -> Result<Vec<Session>, AccountsError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            session_columns!(),
            " FROM console_sessions s WHERE s.user_id = $1 AND s.expires_at > $2 \
             ORDER BY s.created_at DESC, s.id DESC"
        ))
        .bind(user.to_string())
        .bind(now.0)
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        Ok(rows.iter().map(session).collect::<Result<_, _>>()?)
    }

    async fn delete_session(&self, user: &UserId, id: &SessionId) -> Result<bool, AccountsError> {
        let done = sqlx::query("DELETE FROM console_sessions WHERE user_id = $1 AND id = $2")
            .bind(user.to_string())
            .bind(id.to_string())
            .execute(self.writer())
            .await
            .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }
}
