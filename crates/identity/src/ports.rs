//! What identity needs of a database. Every method is atomic; a write that returned is durable.
//!
//! Adapters return [`IdentityError::Conflict`] when a constraint is hurt, [`IdentityError::Unavailable`] when the
//! database cannot answer now, and [`IdentityError::Store`] for any other fault.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use tenfold_kernel::{ApiKeyId, OrganizationId, ProjectId, ServiceAccountId, Timestamp, UserId};

use crate::{
    ApiKey, Founding, IdentityError, Member, Organization, Page, Project, ProjectRole, ServiceAccount,
    Standing, User,
};

/// Keys.
#[async_trait]
pub trait KeyStore: Send + Sync + Debug {
    /// Adds a key.
    ///
    /// # Errors
    /// [`IdentityError::Conflict`] if its prefix is taken, or its project or owner is gone.
    async fn insert_key(&self, key: &ApiKey) -> Result<(), IdentityError>;

    /// The key with this prefix and what decides whether it is let in: one indexed look-up, on the path of every call.
    async fn find_key(&self, prefix: &str) -> Result<Option<Standing>, IdentityError>;

    /// The key with this id.
    async fn get_key(
        &self,
        organization: &OrganizationId,
        id: &ApiKeyId,
    ) -> Result<Option<ApiKey>, IdentityError>;

    /// The project's keys, or without one the admin keys, by `created_at` and id.
    async fn list_keys(
        &self,
        organization: &OrganizationId,
        project: Option<&ProjectId>,
        page: &Page,
    ) -> Result<Vec<ApiKey>, IdentityError>;

    /// Removes a key; `false` if there was none.
    async fn delete_key(&self, organization: &OrganizationId, id: &ApiKeyId) -> Result<bool, IdentityError>;

    /// Notes when keys were last used. Keys that are gone are passed over, and a time never goes back.
    async fn touch_keys(&self, uses: &[(ApiKeyId, Timestamp)]) -> Result<(), IdentityError>;
}

/// Organisations and their projects.
#[async_trait]
pub trait ProjectStore: Send + Sync + Debug {
    /// Adds an organisation with all that it begins with. With `first_only`, does nothing and returns `false`
    /// unless no organisation was founded before; of several that try at once, one succeeds.
    async fn found(&self, founding: &Founding, first_only: bool) -> Result<bool, IdentityError>;

    /// The organisation with this id.
    async fn get_organization(&self, id: &OrganizationId) -> Result<Option<Organization>, IdentityError>;

    /// Adds a project.
    async fn insert_project(&self, project: &Project) -> Result<(), IdentityError>;

    /// The project with this id.
    async fn get_project(
        &self,
        organization: &OrganizationId,
        id: &ProjectId,
    ) -> Result<Option<Project>, IdentityError>;

    /// The organisation's projects by `created_at` and id.
    async fn list_projects(
        &self,
        organization: &OrganizationId,
        include_archived: bool,
        page: &Page,
    ) -> Result<Vec<Project>, IdentityError>;

    /// Gives a project that is not archived another name; `None` if there is none.
    async fn rename_project(
        &self,
        organization: &OrganizationId,
        id: &ProjectId,
        name: &str,
    ) -> Result<Option<Project>, IdentityError>;

    /// Archives a project; one that is archived keeps its time. `None` if there is none.
    async fn archive_project(
        &self,
        organization: &OrganizationId,
        id: &ProjectId,
        at: Timestamp,
    ) -> Result<Option<Project>, IdentityError>;
}

/// People.
#[async_trait]
pub trait UserStore: Send + Sync + Debug {
    /// Adds a user.
    ///
    /// # Errors
    /// [`IdentityError::Conflict`] if the organisation has one with this address.
    async fn insert_user(&self, user: &User) -> Result<(), IdentityError>;

    /// The user with this id.
    async fn get_user(
        &self,
        organization: &OrganizationId,
        id: &UserId,
    ) -> Result<Option<User>, IdentityError>;

    /// The organisation's users by `added_at` and id.
    async fn list_users(
        &self,
        organization: &OrganizationId,
        page: &Page,
    ) -> Result<Vec<User>, IdentityError>;

    /// The user with this address, which is in small letters.
    async fn find_user(
        &self,
        organization: &OrganizationId,
        email: &str,
    ) -> Result<Option<User>, IdentityError>;

    /// Writes the name, address and role of a user; `false` if there is none.
    ///
    /// # Errors
    /// [`IdentityError::Conflict`] if another user of the organisation has the address.
    async fn update_user(&self, user: &User) -> Result<bool, IdentityError>;

    /// Removes a user with its memberships and keys; `false` if there was none.
    async fn delete_user(&self, organization: &OrganizationId, id: &UserId) -> Result<bool, IdentityError>;

    /// How many users of the organisation are owners.
    async fn count_owners(&self, organization: &OrganizationId) -> Result<u64, IdentityError>;
}

/// Who works in which project.
#[async_trait]
pub trait MemberStore: Send + Sync + Debug {
    /// Adds a user to a project.
    ///
    /// # Errors
    /// [`IdentityError::Conflict`] if the user is there already, or either is gone.
    async fn insert_member(&self, member: &Member) -> Result<(), IdentityError>;

    /// The user in the project.
    async fn get_member(&self, project: &ProjectId, user: &UserId) -> Result<Option<Member>, IdentityError>;

    /// The project's users by `added_at` and the user's id.
    async fn list_members(&self, project: &ProjectId, page: &Page) -> Result<Vec<Member>, IdentityError>;

    /// The user's projects that are not archived, oldest first, at most `limit`.
    async fn projects_of(&self, user: &UserId, limit: u32) -> Result<Vec<Project>, IdentityError>;

    /// Gives a user of a project another role; `false` if it is none.
    async fn update_member(
        &self,
        project: &ProjectId,
        user: &UserId,
        role: ProjectRole,
    ) -> Result<bool, IdentityError>;

    /// Removes a user from a project, with its keys there; `false` if it was none.
    async fn delete_member(&self, project: &ProjectId, user: &UserId) -> Result<bool, IdentityError>;
}

/// Programs.
#[async_trait]
pub trait ServiceAccountStore: Send + Sync + Debug {
    /// Adds a service account together with its first key.
    async fn insert_service_account(
        &self,
        account: &ServiceAccount,
        key: &ApiKey,
    ) -> Result<(), IdentityError>;

    /// The service account with this id.
    async fn get_service_account(
        &self,
        project: &ProjectId,
        id: &ServiceAccountId,
    ) -> Result<Option<ServiceAccount>, IdentityError>;

    /// The project's service accounts by `created_at` and id.
    async fn list_service_accounts(
        &self,
        project: &ProjectId,
        page: &Page,
    ) -> Result<Vec<ServiceAccount>, IdentityError>;

    /// Removes a service account with its keys; `false` if there was none.
    async fn delete_service_account(
        &self,
        project: &ProjectId,
        id: &ServiceAccountId,
    ) -> Result<bool, IdentityError>;
}

/// All that identity needs of a database.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Keys.
    pub keys: Arc<dyn KeyStore>,
    /// Organisations and projects.
    pub projects: Arc<dyn ProjectStore>,
    /// People.
    pub users: Arc<dyn UserStore>,
    /// Who works in which project.
    pub members: Arc<dyn MemberStore>,
    /// Programs.
    pub service_accounts: Arc<dyn ServiceAccountStore>,
}

impl Ports {
    /// The ports of one adapter that serves them all.
    pub fn of<S>(store: Arc<S>) -> Self
    where
        S: KeyStore + ProjectStore + UserStore + MemberStore + ServiceAccountStore + 'static,
    {
        Self {
            keys: Arc::clone(&store) as Arc<dyn KeyStore>,
            projects: Arc::clone(&store) as Arc<dyn ProjectStore>,
            users: Arc::clone(&store) as Arc<dyn UserStore>,
            members: Arc::clone(&store) as Arc<dyn MemberStore>,
            service_accounts: store,
        }
    }
}
