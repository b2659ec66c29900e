//! People who are signed in.

use tenfold_kernel::{ApiKeyId, Caller, OrganizationId, ProjectId, Role, Scope, UserId};

use crate::modify_user::no_user;
use crate::{Calls, Identity, IdentityError, Order, Organization, Page, Project, User};

/// How many projects a person chooses among.
const PROJECTS: u32 = 1000;

/// A person who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user: User,
    /// The organisation.
    pub organization: Organization,
    /// The projects that the person sees, oldest first; none of them is archived.
    pub projects: Vec<Project>,
    /// The caller that the person is; `None` for one who is confined to projects and a member of none.
    pub caller: Option<Caller>,
}

impl Identity {
    /// The person that `user` is, acting in `project`, or else in the default one, or else in the first that it sees.
    /// Its calls are booked under `key`, which stands for no secret.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`] for the user, and for a project that the person does not see.
    pub async fn person(
        &self,
        organization: &OrganizationId,
        user: &UserId,
        key: &ApiKeyId,
        project: Option<&ProjectId>,
    ) -> Result<Person, IdentityError> {
        let found = self.ports.users.get_user(organization, user).await?;
        let user = found.ok_or_else(|| no_user(user))?;
        let found = self.ports.projects.get_organization(organization).await?;
        let organization = found
            .ok_or_else(|| IdentityError::NotFound { what: "organization", id: organization.to_string() })?;
        let projects = if user.role.sees_all_projects() {
            let page = Page { after: None, limit: PROJECTS, order: Order::Ascending };
            self.ports.projects.list_projects(&organization.id, false, &page).await?
        } else {
            self.ports.members.projects_of(&user.id, PROJECTS).await?
        };
        let of_id = |id: &ProjectId| projects.iter().find(|project| project.id == *id);
        let chosen = if let Some(id) = project {
            let found = of_id(id);
            Some(found.ok_or_else(|| IdentityError::NotFound { what: "project", id: id.to_string() })?)
        } else {
            of_id(&organization.default_project).or(projects.first())
        };
        let caller = chosen.map(|project| caller(&user, project, key));
        Ok(Person { user, organization, projects, caller })
    }
}

fn caller(user: &User, project: &Project, key: &ApiKeyId) -> Caller {
    Caller {
        organization: user.organization.clone(),
        project: project.id.clone(),
        api_key: key.clone(),
        user: Some(user.id.clone()),
        service_account: None,
        role: if user.role.sees_all_projects() { Role::Admin } else { Role::Project },
        scopes: match user.role.calls() {
            // Who is confined to projects sees those alone of which it is a member.
            Calls::InEveryProject | Calls::WhereItIsMember => Vec::new(),
            Calls::Nowhere => vec![Scope::Read, Scope::Management],
        },
        access: user.role.access(),
    }
}
