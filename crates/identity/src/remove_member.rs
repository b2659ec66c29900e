//! Removing people from projects.

use tenfold_kernel::{Area, Caller, ProjectId, UserId};

use crate::modify_member::no_member;
use crate::service::demand_write;
use crate::{Identity, IdentityError};

impl Identity {
    /// Removes a user from a project; its keys there stop at once.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`].
    #[tracing::instrument(name = "identity.remove_member", skip_all, fields(project.id = %project, user.id = %user))]
    pub async fn remove_member(
        &self,
        caller: &Caller,
        project: &ProjectId,
        user: &UserId,
    ) -> Result<(), IdentityError> {
        demand_write(caller, Area::People)?;
        let project = self.project(&caller.organization, project).await?;
        let _changing = self.changing();
        if !self.ports.members.delete_member(&project.id, user).await? {
            return Err(no_member(user));
        }
        tracing::info!(by = %caller.api_key, "user removed from project");
        Ok(())
    }
}
