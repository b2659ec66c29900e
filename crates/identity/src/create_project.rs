//! Making projects.

use tenfold_kernel::{Area, Caller, ProjectId};

use crate::organization::check_name;
use crate::service::demand_write;
use crate::{Identity, IdentityError, Project};

impl Identity {
    /// Makes a project.
    ///
    /// # Errors
    /// [`IdentityError::Invalid`] for the name.
    #[tracing::instrument(name = "identity.create_project", skip_all)]
    pub async fn create_project(&self, caller: &Caller, name: &str) -> Result<Project, IdentityError> {
        demand_write(caller, Area::People)?;
        let project = Project {
            id: ProjectId::generate(&*self.rng),
            organization: caller.organization.clone(),
            name: check_name(name)?,
            created_at: self.clock.now(),
            archived_at: None,
        };
        self.ports.projects.insert_project(&project).await?;
        tracing::info!(by = %caller.api_key, project.id = %project.id, "project made");
        Ok(project)
    }
}
