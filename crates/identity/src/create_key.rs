//! Making keys.

use tenfold_kernel::{ApiKeyId, Area, Caller, OrganizationId, ProjectId, Role, Scope, Timestamp};

use crate::delete_service_account::no_account;
use crate::key::redact;
use crate::organization::check_name;
use crate::service::{demand_keys, demand_write};
use crate::{ApiKey, Digest, Identity, IdentityError, KeyOwner, KeyView, OrganizationRole, Secret, User};

/// What a key is to be.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    /// What people call it.
    pub name: String,
    /// For whom: the caller's own user when absent. Admin keys are for users only.
    pub owner: Option<KeyOwner>,
    /// What it is restricted to; empty for no restriction.
    pub scopes: Vec<Scope>,
    /// Until when, if it ends.
    pub expires_at: Option<Timestamp>,
}

/// A key that was just made.
#[derive(Debug, Clone)]
pub struct CreatedKey {
    /// The key, with its owner.
    pub view: KeyView,
    /// Its secret: shown here and never again.
    pub secret: Secret,
}

/// All that decides what a key is but what is random of it.
pub(crate) struct KeyPlan<'a> {
    pub(crate) organization: &'a OrganizationId,
    pub(crate) project: &'a ProjectId,
    pub(crate) owner: KeyOwner,
    pub(crate) role: Role,
    pub(crate) name: String,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) expires_at: Option<Timestamp>,
}

impl Identity {
    /// Makes a key that calls in the project's name. Whoever may not change people makes keys for itself alone.
    ///
    /// # Errors
    /// [`IdentityError::Invalid`] for a field, [`IdentityError::NotFound`] for the project or user,
    /// [`IdentityError::ProjectArchived`].
    #[tracing::instrument(name = "identity.create_key", skip_all, fields(project.id = %project))]
    pub async fn create_project_key(
        &self,
        caller: &Caller,
        project: &ProjectId,
        new: NewKey,
    ) -> Result<CreatedKey, IdentityError> {
        let seen = demand_keys(caller, demand_write)?;
        let project = self.live_project(&caller.organization, project).await?;
        self.demand_member(&seen, &project).await?;
        let owner = match &new.owner {
            Some(KeyOwner::ServiceAccount(id)) => {
                demand_write(caller, Area::People)?;
                let account = self.ports.service_accounts.get_service_account(&project.id, id).await?;
                KeyOwner::ServiceAccount(account.ok_or_else(|| no_account(id))?.id)
            }
            Some(KeyOwner::User(_)) | None => {
                let user = self.key_user(caller, &new).await?;
                if caller.user.as_ref() != Some(&user.id) {
                    demand_write(caller, Area::People)?;
                }
                let member = self.ports.members.get_member(&project.id, &user.id).await?;
                if !user.role.calls().allow(member.is_some()) {
                    let reason =
                        "the user's role lets it call no models, or it is not a member of the project"
                            .to_owned();
                    return Err(IdentityError::Invalid { param: "user_id", reason });
                }
                KeyOwner::User(user.id)
            }
        };
        self.create_key(caller, Role::Project, &project.id, owner, new).await
    }

    /// Makes a key that administers the organisation. It may do no more than the key that makes it.
    ///
    /// # Errors
    /// [`IdentityError::Invalid`] for a field, [`IdentityError::NotFound`] for the user.
    #[tracing::instrument(name = "identity.create_admin_key", skip_all)]
    pub async fn create_admin_key(&self, caller: &Caller, new: NewKey) -> Result<CreatedKey, IdentityError> {
        demand_write(caller, Area::Owners)?;
        let beyond = if new.scopes.is_empty() {
            // A key without scopes may do everything, and so must the one that makes it.
            [Scope::ModelRequest, Scope::Read, Scope::Management]
                .into_iter()
                .find(|scope| !caller.allows(*scope))
        } else {
            new.scopes.iter().copied().find(|scope| !caller.allows(*scope))
        };
        if let Some(scope) = beyond {
            return Err(IdentityError::ScopeMissing { scope });
        }
        let user = self.key_user(caller, &new).await?;
        if user.role != OrganizationRole::Owner {
            let reason = "the user is not an owner of the organization".to_owned();
            return Err(IdentityError::Invalid { param: "user_id", reason });
        }
        let organization = self.ports.projects.get_organization(&caller.organization).await?;
        let organization = organization.ok_or_else(|| IdentityError::NotFound {
            what: "organization",
            id: caller.organization.to_string(),
        })?;
        let owner = KeyOwner::User(user.id);
        self.create_key(caller, Role::Admin, &organization.default_project, owner, new).await
    }

    async fn key_user(&self, caller: &Caller, new: &NewKey) -> Result<User, IdentityError> {
        let named = match &new.owner {
            Some(KeyOwner::User(id)) => Some(id),
            Some(KeyOwner::ServiceAccount(_)) => None,
            None => caller.user.as_ref(),
        };
        let Some(id) = named else {
            let reason = "a user has to be named, since no user makes the key".to_owned();
            return Err(IdentityError::Invalid { param: "user_id", reason });
        };
        let found = self.ports.users.get_user(&caller.organization, id).await?;
        found.ok_or_else(|| IdentityError::NotFound { what: "user", id: id.to_string() })
    }

    async fn create_key(
        &self,
        caller: &Caller,
        role: Role,
        project: &ProjectId,
        owner: KeyOwner,
        new: NewKey,
    ) -> Result<CreatedKey, IdentityError> {
        let name = check_name(&new.name)?;
        check_end(new.expires_at, self.clock.now())?;
        let (key, secret) = self.make_key(KeyPlan {
            organization: &caller.organization,
            project,
            owner,
            role,
            name,
            scopes: new.scopes,
            expires_at: new.expires_at,
        });
        let _changing = self.changing();
        self.ports.keys.insert_key(&key).await?;
        tracing::info!(by = %caller.api_key, key.id = %key.id, ?role, "api key made");
        let owner = self.owner_of(&key).await?;
        Ok(CreatedKey { view: KeyView { key, owner }, secret })
    }

    pub(crate) fn make_key(&self, plan: KeyPlan<'_>) -> (ApiKey, Secret) {
        let secret = Secret::generate(plan.role, &*self.rng);
        let key = ApiKey {
            id: ApiKeyId::generate(&*self.rng),
            organization: plan.organization.clone(),
            project: plan.project.clone(),
            owner: plan.owner,
            role: plan.role,
            name: plan.name,
            // A generated secret always has one.
            prefix: crate::key::prefix_of(secret.expose()).unwrap_or_default().to_owned(),
            digest: Digest::of(secret.expose(), &self.config.pepper),
            redacted: redact(secret.expose()),
            scopes: plan.scopes,
            created_at: self.clock.now(),
            expires_at: plan.expires_at,
            last_used_at: None,
        };
        (key, secret)
    }
}

/// Checks that a key that ends does not do so before it begins.
///
/// # Errors
/// [`IdentityError::Invalid`] that names `expires_in_seconds`.
pub(crate) fn check_end(expires_at: Option<Timestamp>, now: Timestamp) -> Result<(), IdentityError> {
    if expires_at.is_some_and(|end| end <= now) {
        let reason = "a key ends in the future".to_owned();
        return Err(IdentityError::Invalid { param: "expires_in_seconds", reason });
    }
    Ok(())
}
