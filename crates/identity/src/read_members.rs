//! Looking at who works in a project.

use tenfold_kernel::{Area, Caller, ProjectId, UserId};

use crate::page::unknown_cursor;
use crate::service::demand_read;
use crate::{Cursor, Identity, IdentityError, List, ListRequest, Member, Page};

impl Identity {
    /// One user of a project.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`].
    pub async fn get_member(
        &self,
        caller: &Caller,
        project: &ProjectId,
        user: &UserId,
    ) -> Result<Member, IdentityError> {
        demand_read(caller, Area::People)?;
        let project = self.project(&caller.organization, project).await?;
        self.member(&project.id, user).await
    }

    /// The users of a project.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`] for the project, [`IdentityError::Invalid`] for the page.
    pub async fn list_members(
        &self,
        caller: &Caller,
        project: &ProjectId,
        request: &ListRequest,
    ) -> Result<List<Member>, IdentityError> {
        demand_read(caller, Area::People)?;
        let project = self.project(&caller.organization, project).await?;
        let after = match &request.after {
            None => None,
            Some(after) => {
                let id = UserId::parse(after).map_err(|_| unknown_cursor(after))?;
                let found = self.ports.members.get_member(&project.id, &id).await?;
                let found = found.ok_or_else(|| unknown_cursor(after))?;
                Some(Cursor { at: found.added_at, id: found.user.id.to_string() })
            }
        };
        let page = Page::new(request, after)?;
        let found = self.ports.members.list_members(&project.id, &page.one_more()).await?;
        Ok(List::cut(found, &page))
    }
}
