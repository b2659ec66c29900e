//! Making service accounts.

use tenfold_kernel::{Area, Caller, ProjectId, Role, ServiceAccountId, Timestamp};

use crate::create_key::{KeyPlan, check_end};
use crate::organization::check_name;
use crate::service::demand_write;
use crate::{CreatedKey, Identity, IdentityError, KeyOwner, KeyView, OwnerView, ProjectRole, ServiceAccount};

/// A service account that was just made.
#[derive(Debug, Clone)]
pub struct CreatedServiceAccount {
    /// The account.
    pub account: ServiceAccount,
    /// Its key, with the secret that is shown here and never again.
    pub key: CreatedKey,
}

impl Identity {
    /// Makes a service account in a project, with a key.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`] or [`IdentityError::ProjectArchived`] for the project,
    /// [`IdentityError::Invalid`] for the name or the end.
    #[tracing::instrument(name = "identity.create_service_account", skip_all, fields(project.id = %project))]
    pub async fn create_service_account(
        &self,
        caller: &Caller,
        project: &ProjectId,
        name: &str,
        expires_at: Option<Timestamp>,
    ) -> Result<CreatedServiceAccount, IdentityError> {
        demand_write(caller, Area::People)?;
        let project = self.live_project(&caller.organization, project).await?;
        let account = ServiceAccount {
            id: ServiceAccountId::generate(&*self.rng),
            organization: caller.organization.clone(),
            project: project.id,
            name: check_name(name)?,
            role: ProjectRole::Member,
            created_at: self.clock.now(),
        };
        check_end(expires_at, self.clock.now())?;
        let (key, secret) = self.make_key(KeyPlan {
            organization: &account.organization,
            project: &account.project,
            owner: KeyOwner::ServiceAccount(account.id.clone()),
            role: Role::Project,
            name: "Secret Key".to_owned(),
            scopes: Vec::new(),
            expires_at,
        });
        let _changing = self.changing();
        self.ports.service_accounts.insert_service_account(&account, &key).await?;
        tracing::info!(by = %caller.api_key, service_account.id = %account.id, key.id = %key.id, "service account made");
        let owner = Some(OwnerView::ServiceAccount(account.clone()));
        Ok(CreatedServiceAccount { account, key: CreatedKey { view: KeyView { key, owner }, secret } })
    }
}
