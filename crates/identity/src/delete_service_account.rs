//! Removing service accounts.

use tenfold_kernel::{Area, Caller, ProjectId, ServiceAccountId};

use crate::service::demand_write;
use crate::{Identity, IdentityError};

impl Identity {
    /// Removes a service account; its keys stop at once.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`].
    #[tracing::instrument(name = "identity.delete_service_account", skip_all, fields(service_account.id = %id))]
    pub async fn delete_service_account(
        &self,
        caller: &Caller,
        project: &ProjectId,
        id: &ServiceAccountId,
    ) -> Result<(), IdentityError> {
        demand_write(caller, Area::People)?;
        let project = self.project(&caller.organization, project).await?;
        let _changing = self.changing();
        if !self.ports.service_accounts.delete_service_account(&project.id, id).await? {
            return Err(no_account(id));
        }
        tracing::info!(by = %caller.api_key, service_account.id = %id, "service account removed");
        Ok(())
    }
}

pub(crate) fn no_account(id: &ServiceAccountId) -> IdentityError {
    IdentityError::NotFound { what: "service account", id: id.to_string() }
}
