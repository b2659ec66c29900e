//! The first start on an empty database.

use tenfold_kernel::{Access, ApiKeyId, Caller, OrganizationId, ProjectId, Role, ServiceAccountId, UserId};

use crate::create_key::KeyPlan;
use crate::{
    ApiKey, Identity, IdentityError, KeyOwner, Organization, OrganizationRole, Project, ProjectRole, Secret,
    ServiceAccount, User,
};

/// All rows that an organisation begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founding {
    /// The organisation.
    pub organization: Organization,
    /// Its default project.
    pub project: Project,
    /// Its first owner.
    pub user: User,
    /// The program in whose name the first project key calls.
    pub service_account: ServiceAccount,
    /// The owner's admin key and the program's project key.
    pub keys: Vec<ApiKey>,
}

/// What was made on the first start. The secrets are shown here and never again.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// The organisation.
    pub organization: OrganizationId,
    /// The project `default`.
    pub project: ProjectId,
    /// The secret of the admin key.
    pub admin_key: Secret,
    /// The secret of the project key.
    pub project_key: Secret,
    /// The caller that the admin key stands for.
    pub admin: Caller,
}

impl Identity {
    /// Makes an organisation, its project `default`, an admin key and a project key, if there is no organisation.
    ///
    /// Idempotent: `None` on every later start, and for all but one of several processes that start together.
    ///
    /// # Errors
    /// As the store's.
    #[tracing::instrument(name = "identity.bootstrap", skip_all)]
    pub async fn bootstrap(&self) -> Result<Option<Bootstrap>, IdentityError> {
        let (founding, made) = self.plan("default organization");
        if !self.ports.projects.found(&founding, true).await? {
            return Ok(None);
        }
        tracing::info!(organization.id = %made.organization, "first organisation founded");
        Ok(Some(made))
    }

    /// Makes another organisation with the same beginnings. For the operator, so there is no caller.
    ///
    /// # Errors
    /// As the store's, or [`IdentityError::Invalid`] for the name.
    pub async fn found_organization(&self, name: &str) -> Result<Bootstrap, IdentityError> {
        let (founding, made) = self.plan(&crate::organization::check_name(name)?);
        self.ports.projects.found(&founding, false).await?;
        Ok(made)
    }

    fn plan(&self, name: &str) -> (Founding, Bootstrap) {
        let rng = &*self.rng;
        let now = self.clock.now();
        let project = Project {
            id: ProjectId::generate(rng),
            organization: OrganizationId::generate(rng),
            name: "default".to_owned(),
            created_at: now,
            archived_at: None,
        };
        let organization = Organization {
            id: project.organization.clone(),
            name: name.to_owned(),
            default_project: project.id.clone(),
            created_at: now,
        };
        let user = User {
            id: UserId::generate(rng),
            organization: organization.id.clone(),
            name: "Administrator".to_owned(),
            email: "admin@localhost".to_owned(),
            role: OrganizationRole::Owner,
            added_at: now,
        };
        let service_account = ServiceAccount {
            id: ServiceAccountId::generate(rng),
            organization: organization.id.clone(),
            project: project.id.clone(),
            name: "default".to_owned(),
            role: ProjectRole::Member,
            created_at: now,
        };
        let plan = |role, owner, name: &str| {
            self.make_key(KeyPlan {
                organization: &organization.id,
                project: &project.id,
                owner,
                role,
                name: name.to_owned(),
                scopes: Vec::new(),
                expires_at: None,
            })
        };
        let (admin_key, admin_secret) =
            plan(Role::Admin, KeyOwner::User(user.id.clone()), "default admin key");
        let (project_key, project_secret) =
            plan(Role::Project, KeyOwner::ServiceAccount(service_account.id.clone()), "default key");
        let made = Bootstrap {
            organization: organization.id.clone(),
            project: project.id.clone(),
            admin_key: admin_secret,
            project_key: project_secret,
            admin: caller(&organization, &user, admin_key.id.clone()),
        };
        let keys = vec![admin_key, project_key];
        (Founding { organization, project, user, service_account, keys }, made)
    }
}

fn caller(organization: &Organization, user: &User, api_key: ApiKeyId) -> Caller {
    Caller {
        organization: organization.id.clone(),
        project: organization.default_project.clone(),
        api_key,
        user: Some(user.id.clone()),
        service_account: None,
        role: Role::Admin,
        scopes: Vec::new(),
        access: Access::ALL,
    }
}
