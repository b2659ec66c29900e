//! Looking at projects.

use tenfold_kernel::{Area, Caller, ProjectId};

use crate::page::unknown_cursor;
use crate::service::{demand_read, demand_write};
use crate::{Cursor, Identity, IdentityError, List, ListRequest, Page, Project};

impl Identity {
    /// One project.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`].
    pub async fn get_project(&self, caller: &Caller, id: &ProjectId) -> Result<Project, IdentityError> {
        demand_read(caller, Area::People)?;
        self.project(&caller.organization, id).await
    }

    /// One project, for a caller who is about to change what it may spend.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`], or [`IdentityError::ProjectArchived`].
    pub async fn get_project_to_change(
        &self,
        caller: &Caller,
        id: &ProjectId,
    ) -> Result<Project, IdentityError> {
        demand_write(caller, Area::Billing)?;
        self.live_project(&caller.organization, id).await
    }

    /// The organisation's projects.
    ///
    /// # Errors
    /// [`IdentityError::Invalid`] for the page.
    pub async fn list_projects(
        &self,
        caller: &Caller,
        include_archived: bool,
        request: &ListRequest,
    ) -> Result<List<Project>, IdentityError> {
        demand_read(caller, Area::People)?;
        let after = match &request.after {
            None => None,
            Some(after) => {
                let id = ProjectId::parse(after).map_err(|_| unknown_cursor(after))?;
                let found = self.ports.projects.get_project(&caller.organization, &id).await?;
                let found = found.ok_or_else(|| unknown_cursor(after))?;
                Some(Cursor { at: found.created_at, id: found.id.to_string() })
            }
        };
        let page = Page::new(request, after)?;
        let store = &self.ports.projects;
        let found = store.list_projects(&caller.organization, include_archived, &page.one_more()).await?;
        Ok(List::cut(found, &page))
    }
}
