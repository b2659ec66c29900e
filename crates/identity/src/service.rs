//! Identity, put together.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tenfold_kernel::{
    Access, ApiKeyId, Area, Caller, Clock, Level, OrganizationId, ProjectId, Rng, Scope, Timestamp, UserId,
};

use crate::cache::{Changing, KeyCache};
use crate::{ApiKey, Config, IdentityError, KeyOwner, Ports, Project};

/// Who calls, and who may change that. Its verbs are in files of their own.
#[derive(Debug)]
pub struct Identity {
    pub(crate) config: Config,
    pub(crate) ports: Ports,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) cache: Option<KeyCache>,
    /// Uses of keys that are not yet written, the last of each.
    pub(crate) uses: Mutex<HashMap<ApiKeyId, Timestamp>>,
}

impl Identity {
    /// Puts it together.
    pub fn new(config: Config, ports: Ports, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        let cache = config.exclusive.then(|| KeyCache::new(config.cache_size));
        Self { config, ports, clock, rng, cache, uses: Mutex::default() }
    }

    /// To be held while something is written: keys that were remembered before are forgotten when it goes.
    pub(crate) fn changing(&self) -> Changing<'_> {
        Changing(self.cache.as_ref())
    }

    /// The caller's project with this id, though it may be archived.
    pub(crate) async fn project(
        &self,
        organization: &OrganizationId,
        id: &ProjectId,
    ) -> Result<Project, IdentityError> {
        let found = self.ports.projects.get_project(organization, id).await?;
        found.ok_or_else(|| IdentityError::NotFound { what: "project", id: id.to_string() })
    }

    /// The caller's project with this id, which takes new things.
    pub(crate) async fn live_project(
        &self,
        organization: &OrganizationId,
        id: &ProjectId,
    ) -> Result<Project, IdentityError> {
        let project = self.project(organization, id).await?;
        if project.archived_at.is_some() { Err(IdentityError::ProjectArchived) } else { Ok(project) }
    }

    /// Finds no project for who sees its own keys alone and is no member of it.
    pub(crate) async fn demand_member(
        &self,
        seen: &KeysSeen,
        project: &Project,
    ) -> Result<(), IdentityError> {
        let KeysSeen::Of(user) = seen else { return Ok(()) };
        let member = self.ports.members.get_member(&project.id, user).await?;
        member
            .map(drop)
            .ok_or_else(|| IdentityError::NotFound { what: "project", id: project.id.to_string() })
    }
}

/// Lets a caller pass that may see `area`.
///
/// # Errors
/// [`IdentityError::AdminOnly`], [`IdentityError::RoleLacks`] or [`IdentityError::ScopeMissing`].
pub fn demand_read(caller: &Caller, area: Area) -> Result<(), IdentityError> {
    demand(caller, Level::Read, area, Scope::Read)
}

/// Lets a caller pass that may change `area`.
///
/// # Errors
/// As [`demand_read`].
pub fn demand_write(caller: &Caller, area: Area) -> Result<(), IdentityError> {
    demand(caller, Level::Write, area, Scope::Management)
}

/// Lets a caller pass to keys of a project: to all that `demand` lets see or change people, and to others' own.
///
/// # Errors
/// As [`demand_read`].
pub(crate) fn demand_keys(
    caller: &Caller,
    demand: impl Fn(&Caller, Area) -> Result<(), IdentityError>,
) -> Result<KeysSeen, IdentityError> {
    match (demand(caller, Area::People), &caller.user) {
        (Ok(()), _) => Ok(KeysSeen::All),
        (Err(refused), Some(user)) => match demand(caller, Area::OwnKeys) {
            Ok(()) => Ok(KeysSeen::Of(user.clone())),
            Err(_) => Err(refused),
        },
        (Err(refused), None) => Err(refused),
    }
}

/// Which keys of a project there are for a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeysSeen {
    /// All of them.
    All,
    /// Those of one user.
    Of(UserId),
}

impl KeysSeen {
    /// Whether a key is among them.
    pub(crate) fn has(&self, key: &ApiKey) -> bool {
        match self {
            Self::All => true,
            Self::Of(user) => matches!(&key.owner, KeyOwner::User(owner) if owner == user),
        }
    }
}

fn demand(caller: &Caller, level: Level, area: Area, scope: Scope) -> Result<(), IdentityError> {
    if caller.access == Access::NONE {
        return Err(IdentityError::AdminOnly);
    }
    if !caller.may(level, area) {
        return Err(IdentityError::RoleLacks { level, area });
    }
    if caller.allows(scope) { Ok(()) } else { Err(IdentityError::ScopeMissing { scope }) }
}
