//! People, and what they are in projects.

use std::str::FromStr;

use tenfold_kernel::{OrganizationId, ProjectId, Timestamp, UserId};

use crate::{IdentityError, ProjectRole};

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The organisation.
    pub organization: OrganizationId,
    /// The person's name.
    pub name: String,
    /// The address, in small letters; no two users of an organisation share one.
    pub email: String,
    /// What the person is in the organisation.
    pub role: OrganizationRole,
    /// Since when.
    pub added_at: Timestamp,
}

/// What a user is in the organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrganizationRole {
    /// Administers it, and works in every project.
    Owner,
    /// Works in the projects of which it is a member.
    Reader,
}

impl OrganizationRole {
    /// As it is written on the wire and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Reader => "reader",
        }
    }
}

impl FromStr for OrganizationRole {
    type Err = IdentityError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "owner" => Ok(Self::Owner),
            "reader" => Ok(Self::Reader),
            _ => {
                let reason = "a role in an organization is `owner` or `reader`".to_owned();
                Err(IdentityError::Invalid { param: "role", reason })
            }
        }
    }
}

/// A user in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The project.
    pub project: ProjectId,
    /// The person.
    pub user: User,
    /// What the person is there.
    pub role: ProjectRole,
    /// Since when.
    pub added_at: Timestamp,
}

/// Checks an address and writes it in small letters.
///
/// # Errors
/// [`IdentityError::Invalid`] that names `email`.
pub fn check_email(email: &str) -> Result<String, IdentityError> {
    let email = email.trim().to_lowercase();
    let fits = email.len() <= 254
        && email
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
        && !email.chars().any(|c| c.is_control() || c.is_whitespace());
    if fits {
        Ok(email)
    } else {
        Err(IdentityError::Invalid { param: "email", reason: "an address looks like `name@host`".to_owned() })
    }
}
