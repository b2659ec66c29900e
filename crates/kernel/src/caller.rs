//! Who calls.

use serde::{Deserialize, Serialize};

use crate::id::{ApiKeyId, OrganizationId, ProjectId, ServiceAccountId, UserId};

/// What a key may be used for. A key carries a set of them; none means everything its role allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scope {
    /// Call models.
    #[serde(rename = "model.request")]
    ModelRequest,
    /// Read what exists: models, usage, projects.
    #[serde(rename = "api.read")]
    Read,
    /// Change what exists: keys, projects, prices, deployments.
    #[serde(rename = "api.management")]
    Management,
}

/// What a key is: an administrator's, or a project's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Administers the organisation. May also call models, in the default project's name.
    Admin,
    /// Calls models in one project's name.
    Project,
}

/// The authenticated caller of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The organisation.
    pub organization: OrganizationId,
    /// The project that owns what the call makes and pays for it.
    pub project: ProjectId,
    /// The key that was shown.
    pub api_key: ApiKeyId,
    /// The person, for a person's key.
    pub user: Option<UserId>,
    /// The program, for a service account's key.
    pub service_account: Option<ServiceAccountId>,
    /// What the key is.
    pub role: Role,
    /// What the key is restricted to; empty for no restriction.
    pub scopes: Vec<Scope>,
}

impl Caller {
    /// Whether the key's scopes let it do `scope`.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.is_empty() || self.scopes.contains(&scope)
    }
}
