//! Revoking keys.

use tenfold_kernel::{ApiKeyId, Area, Caller, ProjectId, Role};

use crate::service::{KeysSeen, demand_keys, demand_write};
use crate::{ApiKey, Identity, IdentityError, Order, Page};

impl Identity {
    /// Revokes a project's key: the next call with it is refused.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`].
    #[tracing::instrument(name = "identity.delete_key", skip_all, fields(key.id = %id))]
    pub async fn delete_project_key(
        &self,
        caller: &Caller,
        project: &ProjectId,
        id: &ApiKeyId,
    ) -> Result<(), IdentityError> {
        let seen = demand_keys(caller, demand_write)?;
        self.project_key(caller, project, id, &seen).await?;
        self.delete_key(caller, id).await
    }

    /// Revokes an admin key: the next call with it is refused.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`], or [`IdentityError::Lockout`] for the last one.
    #[tracing::instrument(name = "identity.delete_admin_key", skip_all, fields(key.id = %id))]
    pub async fn delete_admin_key(&self, caller: &Caller, id: &ApiKeyId) -> Result<(), IdentityError> {
        demand_write(caller, Area::Owners)?;
        self.admin_key(caller, id).await?;
        let two = Page { after: None, limit: 2, order: Order::Ascending };
        if self.ports.keys.list_keys(&caller.organization, None, &two).await?.len() < 2 {
            return Err(IdentityError::Lockout { what: "an admin key" });
        }
        self.delete_key(caller, id).await
    }

    async fn delete_key(&self, caller: &Caller, id: &ApiKeyId) -> Result<(), IdentityError> {
        let _changing = self.changing();
        if !self.ports.keys.delete_key(&caller.organization, id).await? {
            return Err(no_key(id));
        }
        tracing::info!(by = %caller.api_key, key.id = %id, "api key revoked");
        Ok(())
    }

    pub(crate) async fn project_key(
        &self,
        caller: &Caller,
        project: &ProjectId,
        id: &ApiKeyId,
        seen: &KeysSeen,
    ) -> Result<ApiKey, IdentityError> {
        let key = self.ports.keys.get_key(&caller.organization, id).await?;
        key.filter(|key| key.role == Role::Project && key.project == *project && seen.has(key))
            .ok_or_else(|| no_key(id))
    }

    pub(crate) async fn admin_key(&self, caller: &Caller, id: &ApiKeyId) -> Result<ApiKey, IdentityError> {
        let key = self.ports.keys.get_key(&caller.organization, id).await?;
        key.filter(|key| key.role == Role::Admin).ok_or_else(|| no_key(id))
    }
}

fn no_key(id: &ApiKeyId) -> IdentityError {
    IdentityError::NotFound { what: "API key", id: id.to_string() }
}
