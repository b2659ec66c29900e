//! Archiving projects.

use tenfold_kernel::{Area, Caller, ProjectId};

use crate::service::demand_write;
use crate::{Identity, IdentityError, Project};

impl Identity {
    /// Archives a project: its keys stop at once, its records stay. Idempotent.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`], or [`IdentityError::DefaultProject`].
    #[tracing::instrument(name = "identity.archive_project", skip_all, fields(project.id = %id))]
    pub async fn archive_project(&self, caller: &Caller, id: &ProjectId) -> Result<Project, IdentityError> {
        demand_write(caller, Area::People)?;
        let organization = self.ports.projects.get_organization(&caller.organization).await?;
        if organization.is_some_and(|organization| organization.default_project == *id) {
            return Err(IdentityError::DefaultProject);
        }
        let _changing = self.changing();
        let now = self.clock.now();
        let archived = self.ports.projects.archive_project(&caller.organization, id, now).await?;
        let archived =
            archived.ok_or_else(|| IdentityError::NotFound { what: "project", id: id.to_string() })?;
        tracing::info!(by = %caller.api_key, project.id = %id, "project archived");
        Ok(archived)
    }
}
