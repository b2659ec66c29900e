//! All ports in memory, for tests.

use async_trait::async_trait;
use parking_lot::Mutex;
use tenfold_kernel::{ApiKeyId, OrganizationId, ProjectId, Role, ServiceAccountId, Timestamp, UserId};

use crate::{
    ApiKey, Cursor, Founding, IdentityError, KeyOwner, KeyStore, Member, MemberStore, Order, Organization,
    OrganizationRole, Page, Project, ProjectRole, ProjectStore, ServiceAccount, ServiceAccountStore,
    Standing, User, UserStore,
};

/// A database of vectors behind one lock.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    organizations: Vec<Organization>,
    projects: Vec<Project>,
    users: Vec<User>,
    /// Project, user, role, since when.
    members: Vec<(ProjectId, UserId, ProjectRole, Timestamp)>,
    accounts: Vec<ServiceAccount>,
    keys: Vec<ApiKey>,
}

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

fn conflict(constraint: &'static str) -> IdentityError {
    IdentityError::Conflict { source: constraint.into() }
}

fn page<T>(mut rows: Vec<T>, page: &Page, place: impl Fn(&T) -> Cursor) -> Vec<T> {
    let key = |row: &T| {
        let cursor = place(row);
        (cursor.at, cursor.id)
    };
    rows.sort_by_key(key);
    if page.order == Order::Descending {
        rows.reverse();
    }
    if let Some(after) = &page.after {
        let after = (after.at, after.id.clone());
        rows.retain(|row| match page.order {
            Order::Ascending => key(row) > after,
            Order::Descending => key(row) < after,
        });
    }
    rows.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
    rows
}

impl Tables {
    fn insert_key(&mut self, key: &ApiKey) -> Result<(), IdentityError> {
        if self.keys.iter().any(|other| other.prefix == key.prefix || other.id == key.id) {
            return Err(conflict("api_keys are unique"));
        }
        let owner = match &key.owner {
            KeyOwner::User(id) => self.users.iter().any(|user| user.id == *id),
            KeyOwner::ServiceAccount(id) => self.accounts.iter().any(|account| account.id == *id),
        };
        if !owner || !self.projects.iter().any(|project| project.id == key.project) {
            return Err(conflict("api_keys refer to projects and owners"));
        }
        self.keys.push(key.clone());
        Ok(())
    }

    fn member(&self, row: &(ProjectId, UserId, ProjectRole, Timestamp)) -> Option<Member> {
        let user = self.users.iter().find(|user| user.id == row.1)?.clone();
        Some(Member { project: row.0.clone(), user, role: row.2, added_at: row.3 })
    }
}

#[async_trait]
impl KeyStore for MemoryStore {
    async fn insert_key(&self, key: &ApiKey) -> Result<(), IdentityError> {
        self.0.lock().insert_key(key)
    }

    async fn find_key(&self, prefix: &str) -> Result<Option<Standing>, IdentityError> {
        let tables = self.0.lock();
        let Some(key) = tables.keys.iter().find(|key| key.prefix == prefix).cloned() else {
            return Ok(None);
        };
        let project = tables.projects.iter().find(|project| project.id == key.project);
        let (user_role, member_role) = match &key.owner {
            KeyOwner::ServiceAccount(_) => (None, None),
            KeyOwner::User(id) => (
                tables.users.iter().find(|user| user.id == *id).map(|user| user.role),
                tables.members.iter().find(|row| row.0 == key.project && row.1 == *id).map(|row| row.2),
            ),
        };
        let project_archived = project.is_none_or(|project| project.archived_at.is_some());
        Ok(Some(Standing { key, project_archived, user_role, member_role }))
    }

    async fn get_key(
        &self,
        organization: &OrganizationId,
        id: &ApiKeyId,
    ) -> Result<Option<ApiKey>, IdentityError> {
        let tables = self.0.lock();
        Ok(tables.keys.iter().find(|key| key.organization == *organization && key.id == *id).cloned())
    }

    async fn list_keys(
        &self,
        organization: &OrganizationId,
        project: Option<&ProjectId>,
        wanted: &Page,
    ) -> Result<Vec<ApiKey>, IdentityError> {
        let tables = self.0.lock();
        let fits = |key: &&ApiKey| {
            key.organization == *organization
                && match project {
                    Some(project) => key.role == Role::Project && key.project == *project,
                    None => key.role == Role::Admin,
                }
        };
        let rows = tables.keys.iter().filter(fits).cloned().collect();
        Ok(page(rows, wanted, |key| Cursor { at: key.created_at, id: key.id.to_string() }))
    }

    async fn delete_key(&self, organization: &OrganizationId, id: &ApiKeyId) -> Result<bool, IdentityError> {
        let mut tables = self.0.lock();
        let before = tables.keys.len();
        tables.keys.retain(|key| !(key.organization == *organization && key.id == *id));
        Ok(tables.keys.len() < before)
    }

    async fn touch_keys(&self, uses: &[(ApiKeyId, Timestamp)]) -> Result<(), IdentityError> {
        let mut tables = self.0.lock();
        for (id, at) in uses {
            for key in tables.keys.iter_mut().filter(|key| key.id == *id) {
                key.last_used_at = key.last_used_at.max(Some(*at));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl ProjectStore for MemoryStore {
    async fn found(&self, founding: &Founding, first_only: bool) -> Result<bool, IdentityError> {
        let mut tables = self.0.lock();
        if first_only && !tables.organizations.is_empty() {
            return Ok(false);
        }
        tables.organizations.push(founding.organization.clone());
        tables.projects.push(founding.project.clone());
        tables.users.push(founding.user.clone());
        tables.accounts.push(founding.service_account.clone());
        for key in &founding.keys {
            tables.insert_key(key)?;
        }
        Ok(true)
    }

    async fn get_organization(&self, id: &OrganizationId) -> Result<Option<Organization>, IdentityError> {
        Ok(self.0.lock().organizations.iter().find(|organization| organization.id == *id).cloned())
    }

    async fn insert_project(&self, project: &Project) -> Result<(), IdentityError> {
        let mut tables = self.0.lock();
        if tables.projects.iter().any(|other| other.id == project.id) {
            return Err(conflict("projects are unique"));
        }
        tables.projects.push(project.clone());
        Ok(())
    }

    async fn get_project(
        &self,
        organization: &OrganizationId,
        id: &ProjectId,
    ) -> Result<Option<Project>, IdentityError> {
        let tables = self.0.lock();
        let fits = |project: &&Project| project.organization == *organization && project.id == *id;
        Ok(tables.projects.iter().find(fits).cloned())
    }

    async fn list_projects(
        &self,
        organization: &OrganizationId,
        include_archived: bool,
        wanted: &Page,
    ) -> Result<Vec<Project>, IdentityError> {
        let tables = self.0.lock();
        let fits = |project: &&Project| {
            project.organization == *organization && (include_archived || project.archived_at.is_none())
        };
        let rows = tables.projects.iter().filter(fits).cloned().collect();
        Ok(page(rows, wanted, |project| Cursor { at: project.created_at, id: project.id.to_string() }))
    }

    async fn rename_project(
        &self,
        organization: &OrganizationId,
        id: &ProjectId,
        name: &str,
    ) -> Result<Option<Project>, IdentityError> {
        let mut tables = self.0.lock();
        let fits = |project: &&mut Project| {
            project.organization == *organization && project.id == *id && project.archived_at.is_none()
        };
        Ok(tables.projects.iter_mut().find(fits).map(|project| {
            name.clone_into(&mut project.name);
            project.clone()
        }))
    }

    async fn archive_project(
        &self,
        organization: &OrganizationId,
        id: &ProjectId,
        at: Timestamp,
    ) -> Result<Option<Project>, IdentityError> {
        let mut tables = self.0.lock();
        let fits = |project: &&mut Project| project.organization == *organization && project.id == *id;
        Ok(tables.projects.iter_mut().find(fits).map(|project| {
            project.archived_at.get_or_insert(at);
            project.clone()
        }))
    }
}

#[async_trait]
impl UserStore for MemoryStore {
    async fn insert_user(&self, user: &User) -> Result<(), IdentityError> {
        let mut tables = self.0.lock();
        let taken = |other: &User| {
            other.id == user.id || (other.organization == user.organization && other.email == user.email)
        };
        if tables.users.iter().any(taken) {
            return Err(conflict("users are unique"));
        }
        tables.users.push(user.clone());
        Ok(())
    }

    async fn get_user(
        &self,
        organization: &OrganizationId,
        id: &UserId,
    ) -> Result<Option<User>, IdentityError> {
        let tables = self.0.lock();
        Ok(tables.users.iter().find(|user| user.organization == *organization && user.id == *id).cloned())
    }

    async fn list_users(
        &self,
        organization: &OrganizationId,
        wanted: &Page,
    ) -> Result<Vec<User>, IdentityError> {
        let tables = self.0.lock();
        let rows = tables.users.iter().filter(|user| user.organization == *organization).cloned().collect();
        Ok(page(rows, wanted, |user| Cursor { at: user.added_at, id: user.id.to_string() }))
    }

    async fn find_user(
        &self,
        organization: &OrganizationId,
        email: &str,
    ) -> Result<Option<User>, IdentityError> {
        let tables = self.0.lock();
        let fits = |user: &&User| user.organization == *organization && user.email == email;
        Ok(tables.users.iter().find(fits).cloned())
    }

    async fn update_user(&self, user: &User) -> Result<bool, IdentityError> {
        let mut tables = self.0.lock();
        let taken = |other: &User| {
            other.organization == user.organization && other.email == user.email && other.id != user.id
        };
        if tables.users.iter().any(taken) {
            return Err(conflict("users are unique"));
        }
        let fits = |other: &&mut User| other.organization == user.organization && other.id == user.id;
        let found = tables.users.iter_mut().find(fits);
        let write = |other: &mut User| {
            (other.name, other.email) = (user.name.clone(), user.email.clone());
            other.role = user.role;
        };
        Ok(found.map(write).is_some())
    }

    async fn delete_user(&self, organization: &OrganizationId, id: &UserId) -> Result<bool, IdentityError> {
        let mut tables = self.0.lock();
        let before = tables.users.len();
        tables.users.retain(|user| !(user.organization == *organization && user.id == *id));
        if tables.users.len() == before {
            return Ok(false);
        }
        tables.members.retain(|row| row.1 != *id);
        tables.keys.retain(|key| key.owner != KeyOwner::User(id.clone()));
        Ok(true)
    }

    async fn count_owners(&self, organization: &OrganizationId) -> Result<u64, IdentityError> {
        let tables = self.0.lock();
        let owner = |user: &&User| user.organization == *organization && user.role == OrganizationRole::Owner;
        Ok(tables.users.iter().filter(owner).count() as u64)
    }
}

#[async_trait]
impl MemberStore for MemoryStore {
    async fn insert_member(&self, member: &Member) -> Result<(), IdentityError> {
        let mut tables = self.0.lock();
        if tables.members.iter().any(|row| row.0 == member.project && row.1 == member.user.id) {
            return Err(conflict("members are unique"));
        }
        let user = tables.users.iter().any(|user| user.id == member.user.id);
        if !user || !tables.projects.iter().any(|project| project.id == member.project) {
            return Err(conflict("members refer to projects and users"));
        }
        tables.members.push((member.project.clone(), member.user.id.clone(), member.role, member.added_at));
        Ok(())
    }

    async fn get_member(&self, project: &ProjectId, user: &UserId) -> Result<Option<Member>, IdentityError> {
        let tables = self.0.lock();
        let row = tables.members.iter().find(|row| row.0 == *project && row.1 == *user);
        Ok(row.and_then(|row| tables.member(row)))
    }

    async fn list_members(&self, project: &ProjectId, wanted: &Page) -> Result<Vec<Member>, IdentityError> {
        let tables = self.0.lock();
        let rows = tables.members.iter().filter(|row| row.0 == *project);
        let rows = rows.filter_map(|row| tables.member(row)).collect();
        Ok(page(rows, wanted, |member| Cursor { at: member.added_at, id: member.user.id.to_string() }))
    }

    async fn projects_of(&self, user: &UserId, limit: u32) -> Result<Vec<Project>, IdentityError> {
        let tables = self.0.lock();
        let is_member = |project: &&Project| {
            project.archived_at.is_none()
                && tables.members.iter().any(|row| row.0 == project.id && row.1 == *user)
        };
        let rows = tables.projects.iter().filter(is_member).cloned().collect();
        let wanted = Page { after: None, limit, order: Order::Ascending };
        Ok(page(rows, &wanted, |project| Cursor { at: project.created_at, id: project.id.to_string() }))
    }

    async fn update_member(
        &self,
        project: &ProjectId,
        user: &UserId,
        role: ProjectRole,
    ) -> Result<bool, IdentityError> {
        let mut tables = self.0.lock();
        let row = tables.members.iter_mut().find(|row| row.0 == *project && row.1 == *user);
        Ok(row.map(|row| row.2 = role).is_some())
    }

    async fn delete_member(&self, project: &ProjectId, user: &UserId) -> Result<bool, IdentityError> {
        let mut tables = self.0.lock();
        let before = tables.members.len();
        tables.members.retain(|row| !(row.0 == *project && row.1 == *user));
        if tables.members.len() == before {
            return Ok(false);
        }
        let owner = KeyOwner::User(user.clone());
        tables
            .keys
            .retain(|key| !(key.role == Role::Project && key.project == *project && key.owner == owner));
        Ok(true)
    }
}

#[async_trait]
impl ServiceAccountStore for MemoryStore {
    async fn insert_service_account(
        &self,
        account: &ServiceAccount,
        key: &ApiKey,
    ) -> Result<(), IdentityError> {
        let mut tables = self.0.lock();
        if tables.accounts.iter().any(|other| other.id == account.id) {
            return Err(conflict("service accounts are unique"));
        }
        tables.accounts.push(account.clone());
        let inserted = tables.insert_key(key);
        if inserted.is_err() {
            tables.accounts.pop();
        }
        inserted
    }

    async fn get_service_account(
        &self,
        project: &ProjectId,
        id: &ServiceAccountId,
    ) -> Result<Option<ServiceAccount>, IdentityError> {
        let tables = self.0.lock();
        Ok(tables.accounts.iter().find(|account| account.project == *project && account.id == *id).cloned())
    }

    async fn list_service_accounts(
        &self,
        project: &ProjectId,
        wanted: &Page,
    ) -> Result<Vec<ServiceAccount>, IdentityError> {
        let tables = self.0.lock();
        let rows = tables.accounts.iter().filter(|account| account.project == *project).cloned().collect();
        Ok(page(rows, wanted, |account| Cursor { at: account.created_at, id: account.id.to_string() }))
    }

    async fn delete_service_account(
        &self,
        project: &ProjectId,
        id: &ServiceAccountId,
    ) -> Result<bool, IdentityError> {
        let mut tables = self.0.lock();
        let before = tables.accounts.len();
        tables.accounts.retain(|account| !(account.project == *project && account.id == *id));
        if tables.accounts.len() == before {
            return Ok(false);
        }
        tables.keys.retain(|key| key.owner != KeyOwner::ServiceAccount(id.clone()));
        Ok(true)
    }
}
