//! Who calls.

use serde::{Deserialize, Serialize};

use crate::access::{Access, Area, Level};
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

/// Whether a caller is confined to a project. A person who is signed in is either, by the role it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It acts for the organisation, as far as its access goes. May also call models, in the default project's name.
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
    /// Whether it is confined to the project.
    pub role: Role,
    /// What the key is restricted to; empty for no restriction.
    pub scopes: Vec<Scope>,
    /// What it may see and change.
    pub access: Access,
}

impl Caller {
    /// Whether the key's scopes let it do `scope`.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.is_empty() || self.scopes.contains(&scope)
    }

    /// Whether it may do so much with `area`.
    pub fn may(&self, level: Level, area: Area) -> bool {
        self.access.to(area) >= level
    }
}
