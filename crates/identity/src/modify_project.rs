//! Renaming projects.

use tenfold_kernel::{Area, Caller, ProjectId};

use crate::organization::check_name;
use crate::service::demand_write;
use crate::{Identity, IdentityError, Project};

impl Identity {
    /// Gives a project another name.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`], [`IdentityError::ProjectArchived`], or [`IdentityError::Invalid`] for the name.
    #[tracing::instrument(name = "identity.modify_project", skip_all, fields(project.id = %id))]
    pub async fn modify_project(
        &self,
        caller: &Caller,
        id: &ProjectId,
        name: &str,
    ) -> Result<Project, IdentityError> {
        demand_write(caller, Area::People)?;
        let name = check_name(name)?;
        self.live_project(&caller.organization, id).await?;
        let renamed = self.ports.projects.rename_project(&caller.organization, id, &name).await?;
        // It was there a moment ago: it was archived meanwhile.
        renamed.ok_or(IdentityError::ProjectArchived)
    }
}
