//! Programs that call in a project's name.

use tenfold_kernel::{OrganizationId, ProjectId, ServiceAccountId, Timestamp};

use crate::ProjectRole;

/// A program that calls in a project's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its id.
    pub id: ServiceAccountId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// In whose name it calls.
    pub project: ProjectId,
    /// What people call it.
    pub name: String,
    /// What it is in the project.
    pub role: ProjectRole,
    /// Since when.
    pub created_at: Timestamp,
}
