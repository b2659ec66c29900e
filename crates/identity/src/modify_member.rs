//! Changing what people are in projects.

use tenfold_kernel::{Area, Caller, ProjectId, UserId};

use crate::service::demand_write;
use crate::{Identity, IdentityError, Member, ProjectRole};

impl Identity {
    /// Gives a user of a project another role there.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`], or [`IdentityError::ProjectArchived`].
    #[tracing::instrument(name = "identity.modify_member", skip_all, fields(project.id = %project, user.id = %user))]
    pub async fn modify_member(
        &self,
        caller: &Caller,
        project: &ProjectId,
        user: &UserId,
        role: ProjectRole,
    ) -> Result<Member, IdentityError> {
        demand_write(caller, Area::People)?;
        let project = self.live_project(&caller.organization, project).await?;
        let member = self.member(&project.id, user).await?;
        let _changing = self.changing();
        if !self.ports.members.update_member(&project.id, user, role).await? {
            return Err(no_member(user));
        }
        tracing::info!(by = %caller.api_key, role = role.as_str(), "user of project changed");
        Ok(Member { role, ..member })
    }

    pub(crate) async fn member(&self, project: &ProjectId, user: &UserId) -> Result<Member, IdentityError> {
        self.ports.members.get_member(project, user).await?.ok_or_else(|| no_member(user))
    }
}

pub(crate) fn no_member(user: &UserId) -> IdentityError {
    IdentityError::NotFound { what: "user of the project", id: user.to_string() }
}
