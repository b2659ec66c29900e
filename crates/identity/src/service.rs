//! Identity, put together.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tenfold_kernel::{ApiKeyId, Caller, Clock, OrganizationId, ProjectId, Rng, Role, Scope, Timestamp};

use crate::cache::{Changing, KeyCache};
use crate::{Config, IdentityError, Ports, Project};

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
}

/// Lets an admin key with this scope pass.
///
/// # Errors
/// [`IdentityError::AdminOnly`] or [`IdentityError::ScopeMissing`].
pub fn demand(caller: &Caller, scope: Scope) -> Result<(), IdentityError> {
    if caller.role != Role::Admin {
        return Err(IdentityError::AdminOnly);
    }
    if caller.allows(scope) { Ok(()) } else { Err(IdentityError::ScopeMissing { scope }) }
}
