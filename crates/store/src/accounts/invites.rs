//! Invitations.

use async_trait::async_trait;
use sqlx::any::AnyRow;
use tenfold_accounts::{Acceptance, AccountsError, Invite, InviteStore};
use tenfold_identity::{Digest, ProjectRole};
use tenfold_kernel::{InviteId, OrganizationId, ProjectId, UserId};

use super::sessions::insert_session;
use super::{failed, insert_account};
use crate::identity::{insert_user, maybe_text, maybe_time, parsed, text, time};
use crate::{Store, StoreError};

fn invite(row: &AnyRow) -> Result<Invite, StoreError> {
    let by = maybe_text(row, "invited_by")?.map(|id| UserId::parse(&id)).transpose();
    Ok(Invite {
        id: parsed(row, "id", InviteId::parse)?,
        organization: parsed(row, "organization_id", OrganizationId::parse)?,
        email: text(row, "email")?,
        role: parsed(row, "role", str::parse)?,
        projects: parsed(row, "projects", |text| projects(text).ok_or(()))?,
        invited_by: by.map_err(|_| StoreError::Corrupt { column: "invited_by" })?,
        digest: parsed(row, "digest", |hex| Digest::from_hex(hex).ok_or(()))?,
        invited_at: time(row, "invited_at")?,
        expires_at: time(row, "expires_at")?,
        accepted_at: maybe_time(row, "accepted_at")?,
    })
}

/// Reads what [`projects_text`] wrote. An id may hold a colon, and a role holds none.
fn projects(text: &str) -> Option<Vec<(ProjectId, ProjectRole)>> {
    let one = |part: &str| {
        let (id, role) = part.rsplit_once(':')?;
        Some((ProjectId::parse(id).ok()?, role.parse().ok()?))
    };
    text.split(' ').filter(|part| !part.is_empty()).map(one).collect()
}

fn projects_text(projects: &[(ProjectId, ProjectRole)]) -> String {
    let parts: Vec<String> = projects.iter().map(|(id, role)| format!("{id}:{}", role.as_str())).collect();
    parts.join(" ")
}

#[async_trait]
impl InviteStore for Store {
    async fn insert_invite(&self, invite: &Invite) -> Result<(), AccountsError> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM invites WHERE organization_id = $1 AND email = $2 AND accepted_at IS NULL")
            .bind(invite.organization.to_string())
            .bind(invite.email.clone())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        sqlx::query(
            "INSERT INTO invites (id, organization_id, email, role, projects, invited_by, digest, invited_at, \
             expires_at, accepted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(invite.id.to_string())
        .bind(invite.organization.to_string())
        .bind(invite.email.clone())
        .bind(invite.role.as_str())
        .bind(projects_text(&invite.projects))
        .bind(invite.invited_by.as_ref().map(ToString::to_string))
        .bind(invite.digest.to_hex())
        .bind(invite.invited_at.0)
        .bind(invite.expires_at.0)
        .bind(invite.accepted_at.map(|at| at.0))
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    async fn list_invites(
        &self,
        organization: &OrganizationId,
        limit: u32,
    ) -> Result<Vec<Invite>, AccountsError> {
        let rows = sqlx::query(
            "SELECT * FROM invites WHERE organization_id = $1 ORDER BY invited_at DESC, id DESC LIMIT $2",
        )
        .bind(organization.to_string())
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        Ok(rows.iter().map(invite).collect::<Result<_, _>>()?)
    }

    async fn delete_invite(
        &self,
        organization: &OrganizationId,
        id: &InviteId,
    ) -> Result<bool, AccountsError> {
        let done = sqlx::query("DELETE FROM invites WHERE organization_id = $1 AND id = $2")
            .bind(organization.to_string())
            .bind(id.to_string())
            .execute(self.writer())
            .await
            .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn find_invite(&self, digest: &Digest) -> Result<Option<Invite>, AccountsError> {
        let row = sqlx::query("SELECT * FROM invites WHERE digest = $1")
            .bind(digest.to_hex())
            .fetch_optional(self.reader())
            .await
            .map_err(failed)?;
        Ok(row.as_ref().map(invite).transpose()?)
    }

    async fn accept_invite(&self, acceptance: &Acceptance) -> Result<bool, AccountsError> {
        let mut transaction = self.begin().await?;
        // Of several the others wait here until the first has committed, and then find it taken.
        let taken = sqlx::query(
            "UPDATE invites SET accepted_at = $2 WHERE id = $1 AND accepted_at IS NULL AND expires_at > $2",
        )
        .bind(acceptance.invite.to_string())
        .bind(acceptance.at.0)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        if taken.rows_affected() == 0 {
            return Ok(false);
        }
        if acceptance.is_new {
            insert_user(&mut transaction, &acceptance.user).await?;
        }
        for member in &acceptance.members {
            sqlx::query(
                "INSERT INTO project_members (project_id, user_id, role, added_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (project_id, user_id) DO NOTHING",
            )
            .bind(member.project.to_string())
            .bind(member.user.id.to_string())
            .bind(member.role.as_str())
            .bind(member.added_at.0)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        }
        insert_account(&mut transaction, &acceptance.account).await?;
        insert_session(&mut transaction, &acceptance.session).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_come_back_as_they_went() {
        let of = |id| ProjectId::parse(id).unwrap();
        let written = [(of("proj_a"), ProjectRole::Owner), (of("b:owner"), ProjectRole::Member)];
        assert_eq!(projects_text(&written), "proj_a:owner b:owner:member");
        assert_eq!(projects(&projects_text(&written)).as_deref(), Some(&written[..]));
        assert_eq!(projects(""), Some(Vec::new()));
        assert_eq!(projects("proj_a"), None);
    }
}
