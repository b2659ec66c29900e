//! Organisations.

use tenfold_kernel::{OrganizationId, ProjectId, Timestamp};

use crate::IdentityError;

/// A customer: everything belongs to exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// What people call it.
    pub name: String,
    /// In whose name admin keys call models.
    pub default_project: ProjectId,
    /// Since when.
    pub created_at: Timestamp,
}

/// Checks a name that people give: 1 to 256 characters, none of them a control character.
///
/// # Errors
/// [`IdentityError::Invalid`] that names `name`.
pub fn check_name(name: &str) -> Result<String, IdentityError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 256 || name.chars().any(char::is_control) {
        let reason = "a name has 1 to 256 characters, none of them a control character".to_owned();
        return Err(IdentityError::Invalid { param: "name", reason });
    }
    Ok(name.to_owned())
}
