//! Projects.

use std::str::FromStr;

use tenfold_kernel::{OrganizationId, ProjectId, Timestamp};

use crate::IdentityError;

/// The owner of keys, data and events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What people call it. Two projects may have the same name.
    pub name: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Since when it takes no calls; an archived project never comes back.
    pub archived_at: Option<Timestamp>,
}

/// What a user or a service account is in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProjectRole {
    /// Runs the project.
    Owner,
    /// Uses it.
    Member,
}

impl ProjectRole {
    /// As it is written on the wire and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
        }
    }
}

impl FromStr for ProjectRole {
    type Err = IdentityError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "owner" => Ok(Self::Owner),
            "member" => Ok(Self::Member),
            _ => {
                let reason = "a role in a project is `owner` or `member`".to_owned();
                Err(IdentityError::Invalid { param: "role", reason })
            }
        }
    }
}
