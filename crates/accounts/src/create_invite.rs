//! Inviting people.

use std::collections::BTreeMap;

use tenfold_identity::{IdentityError, OrganizationRole, ProjectRole, check_email, demand_write};
use tenfold_kernel::{Caller, InviteId, ProjectId, Secret, base62};

use crate::invite::token_digest;
use crate::{Accounts, AccountsError, Invite};

/// Whom to invite.
#[derive(Debug, Clone)]
pub struct NewInvite {
    /// The address.
    pub email: String,
    /// What the person is to be in the organisation.
    pub role: OrganizationRole,
    /// In which projects the person is to work, and as what. Of a project that is named twice the last counts.
    pub projects: Vec<(ProjectId, ProjectRole)>,
}

/// An invitation that was just made.
#[derive(Debug, Clone)]
pub struct CreatedInvite {
    /// The invitation.
    pub invite: Invite,
    /// Its token: shown here and never again.
    pub token: Secret,
}

impl Accounts {
    /// Invites somebody to the caller's organisation, in the place of an earlier invitation to the address.
    ///
    /// # Errors
    /// [`AccountsError::AlreadyExists`] if there is an account of the address, and [`AccountsError::Identity`] for
    /// a field, a project or the caller.
    #[tracing::instrument(name = "accounts.create_invite", skip_all)]
    pub async fn create_invite(
        &self,
        caller: &Caller,
        new: NewInvite,
    ) -> Result<CreatedInvite, AccountsError> {
        demand_write(caller, new.role.area())?;
        let email = check_email(&new.email)?;
        let projects: BTreeMap<ProjectId, ProjectRole> = new.projects.into_iter().collect();
        if projects.len() > 100 {
            let reason = "an invitation is to 100 projects at most".to_owned();
            return Err(IdentityError::Invalid { param: "projects", reason }.into());
        }
        for id in projects.keys() {
            let found = self.identity.projects.get_project(&caller.organization, id).await?;
            let project =
                found.ok_or_else(|| IdentityError::NotFound { what: "project", id: id.to_string() })?;
            if project.archived_at.is_some() {
                return Err(IdentityError::ProjectArchived.into());
            }
        }
        if let Some(user) = self.identity.users.find_user(&caller.organization, &email).await? {
            // Whoever accepts becomes this user, whatever the invitation says.
            demand_write(caller, user.role.area())?;
            if self.ports.accounts.get_person(&user.id).await?.is_some() {
                return Err(AccountsError::AlreadyExists { what: "account" });
            }
        }
        let token = Secret::new(&base62(&*self.rng, 43));
        let now = self.clock.now();
        let invite = Invite {
            id: InviteId::generate(&*self.rng),
            organization: caller.organization.clone(),
            email,
            role: new.role,
            projects: projects.into_iter().collect(),
            invited_by: caller.user.clone(),
            digest: token_digest(token.expose(), &self.config.pepper),
            invited_at: now,
            expires_at: now.plus(self.config.invite_life),
            accepted_at: None,
        };
        self.ports.invites.insert_invite(&invite).await?;
        tracing::info!(by = %caller.api_key, invite.id = %invite.id, role = invite.role.as_str(), "invited");
        Ok(CreatedInvite { invite, token })
    }
}
