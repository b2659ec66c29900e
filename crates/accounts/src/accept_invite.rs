//! Following an invitation.

use tenfold_identity::{Member, User, check_name};
use tenfold_kernel::{Secret, Timestamp, UserId};

use crate::invite::token_digest;
use crate::password::check_password;
use crate::{Acceptance, Accounts, AccountsError, Invite, InviteStatus, Session, SignedIn};

/// What whoever has the token may know of an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteView {
    /// To whom.
    pub email: String,
    /// To which organisation, by its name.
    pub organization_name: String,
    /// Until when.
    pub expires_at: Timestamp,
}

impl Accounts {
    /// The invitation with this token.
    ///
    /// # Errors
    /// [`AccountsError::InviteGone`].
    pub async fn find_invite(&self, token: &str) -> Result<InviteView, AccountsError> {
        let invite = self.pending(token).await?;
        let organization = self.identity.projects.get_organization(&invite.organization).await?;
        let organization = organization.ok_or(AccountsError::InviteGone)?;
        Ok(InviteView {
            email: invite.email,
            organization_name: organization.name,
            expires_at: invite.expires_at,
        })
    }

    /// Makes the account of whoever was invited, and signs the browser in. Who is a user of the organisation
    /// already keeps name and role, and gets the account and the projects.
    ///
    /// # Errors
    /// [`AccountsError::InviteGone`] for all but one, [`AccountsError::WeakPassword`],
    /// [`AccountsError::AlreadyExists`] for the account, and [`AccountsError::Identity`] for the name.
    #[tracing::instrument(name = "accounts.accept_invite", skip_all)]
    pub async fn accept_invite(
        &self,
        token: &str,
        name: &str,
        password: &Secret,
        user_agent: &str,
    ) -> Result<SignedIn, AccountsError> {
        let invite = self.pending(token).await?;
        let name = check_name(name)?;
        check_password(password.expose(), &invite.email, &name)?;
        let hash = self.hasher.hash(password, &*self.rng).await?;
        let now = self.clock.now();
        let known = self.identity.users.find_user(&invite.organization, &invite.email).await?;
        // Who has become an owner since is nobody whom others than owners invite.
        if known.as_ref().is_some_and(|known| known.role.area() != invite.role.area()) {
            return Err(AccountsError::InviteGone);
        }
        let is_new = known.is_none();
        let user = known.unwrap_or_else(|| User {
            id: UserId::generate(&*self.rng),
            organization: invite.organization.clone(),
            name,
            email: invite.email.clone(),
            role: invite.role,
            added_at: now,
        });
        let members = invite.projects.iter().map(|(project, role)| Member {
            project: project.clone(),
            user: user.clone(),
            role: *role,
            added_at: now,
        });
        let (session, secret) = Session::begin(&user.id, user_agent, now, &self.config, &*self.rng);
        let acceptance = Acceptance {
            invite: invite.id,
            at: now,
            is_new,
            members: members.collect(),
            account: self.new_account(&user.id, &user.organization, hash, now),
            session,
            user,
        };
        match self.ports.invites.accept_invite(&acceptance).await {
            Err(AccountsError::Conflict { .. }) => Err(AccountsError::AlreadyExists { what: "account" }),
            Err(error) => Err(error),
            Ok(false) => Err(AccountsError::InviteGone),
            Ok(true) => {
                let (user, invite) = (&acceptance.user.id, &acceptance.invite);
                tracing::info!(user.id = %user, invite.id = %invite, "invitation accepted");
                self.signed_in(&acceptance.session, secret).await
            }
        }
    }

    async fn pending(&self, token: &str) -> Result<Invite, AccountsError> {
        let digest = token_digest(token, &self.config.pepper);
        let found = self.ports.invites.find_invite(&digest).await?;
        found
            .filter(|invite| {
                invite.digest == digest && invite.status(self.clock.now()) == InviteStatus::Pending
            })
            .ok_or(AccountsError::InviteGone)
    }
}
