//! Looking at service accounts.

use tenfold_kernel::{Area, Caller, ProjectId, ServiceAccountId};

use crate::delete_service_account::no_account;
use crate::page::unknown_cursor;
use crate::service::demand_read;
use crate::{Cursor, Identity, IdentityError, List, ListRequest, Page, ServiceAccount};

impl Identity {
    /// One service account of a project.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`].
    pub async fn get_service_account(
        &self,
        caller: &Caller,
        project: &ProjectId,
        id: &ServiceAccountId,
    ) -> Result<ServiceAccount, IdentityError> {
        demand_read(caller, Area::People)?;
        let project = self.project(&caller.organization, project).await?;
        let found = self.ports.service_accounts.get_service_account(&project.id, id).await?;
        found.ok_or_else(|| no_account(id))
    }

    /// The service accounts of a project.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`] for the project, [`IdentityError::Invalid`] for the page.
    pub async fn list_service_accounts(
        &self,
        caller: &Caller,
        project: &ProjectId,
        request: &ListRequest,
    ) -> Result<List<ServiceAccount>, IdentityError> {
        demand_read(caller, Area::People)?;
        let project = self.project(&caller.organization, project).await?;
        let after = match &request.after {
            None => None,
            Some(after) => {
                let id = ServiceAccountId::parse(after).map_err(|_| unknown_cursor(after))?;
                let found = self.ports.service_accounts.get_service_account(&project.id, &id).await?;
                let found = found.ok_or_else(|| unknown_cursor(after))?;
                Some(Cursor { at: found.created_at, id: found.id.to_string() })
            }
        };
        let page = Page::new(request, after)?;
        let found = self.ports.service_accounts.list_service_accounts(&project.id, &page.one_more()).await?;
        Ok(List::cut(found, &page))
    }
}
