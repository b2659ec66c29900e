//! Adding people to projects.

use tenfold_kernel::{Area, Caller, ProjectId, UserId};

use crate::service::demand_write;
use crate::{Identity, IdentityError, Member, ProjectRole};

impl Identity {
    /// Adds a user of the organisation to a project.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`], [`IdentityError::ProjectArchived`], or [`IdentityError::AlreadyExists`].
    #[tracing::instrument(name = "identity.add_member", skip_all, fields(project.id = %project, user.id = %user))]
    pub async fn add_member(
        &self,
        caller: &Caller,
        project: &ProjectId,
        user: &UserId,
        role: ProjectRole,
    ) -> Result<Member, IdentityError> {
        demand_write(caller, Area::People)?;
        let project = self.live_project(&caller.organization, project).await?;
        let user = self.user(caller, user).await?;
        let member = Member { project: project.id, user, role, added_at: self.clock.now() };
        let _changing = self.changing();
        match self.ports.members.insert_member(&member).await {
            Err(IdentityError::Conflict { .. }) => {
                Err(IdentityError::AlreadyExists { what: "user in the project" })
            }
            Err(error) => Err(error),
            Ok(()) => {
                tracing::info!(by = %caller.api_key, role = role.as_str(), "user added to project");
                Ok(member)
            }
        }
    }
}
