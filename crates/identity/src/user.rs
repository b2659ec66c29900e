//! People, and what they are in projects.

use std::str::FromStr;

use tenfold_kernel::{Access, Area, Level, OrganizationId, ProjectId, Timestamp, UserId};

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
    /// May do everything, and alone makes owners and admin keys.
    Owner,
    /// Administers it, and works in every project.
    Admin,
    /// Works in the projects of which it is a member. The OpenAI API calls it a reader.
    Developer,
    /// Sees to its money.
    Billing,
    /// Sees everything and changes nothing.
    Auditor,
    /// Sees what runs and what is used.
    Viewer,
}

impl OrganizationRole {
    /// All of them, the most powerful first.
    pub const ALL: [Self; 6] =
        [Self::Owner, Self::Admin, Self::Developer, Self::Billing, Self::Auditor, Self::Viewer];

    /// As it is written on the wire and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Developer => "reader",
            Self::Billing => "billing",
            Self::Auditor => "auditor",
            Self::Viewer => "viewer",
        }
    }

    /// What it may see and change.
    pub fn access(self) -> Access {
        let none = Access::NONE;
        match self {
            Self::Owner => Access::ALL,
            Self::Admin => Access { owners: Level::Read, ..Access::ALL },
            Self::Developer => {
                Access { models: Level::Read, usage: Level::Read, own_keys: Level::Write, ..none }
            }
            Self::Billing => Access {
                models: Level::Read,
                usage: Level::Read,
                billing: Level::Write,
                people: Level::Read,
                settings: Level::Read,
                ..none
            },
            Self::Auditor => Access { own_keys: Level::None, ..Access::everywhere(Level::Read) },
            Self::Viewer => Access { models: Level::Read, usage: Level::Read, ..none },
        }
    }

    /// What whoever makes, changes or removes a user of this role has to be able to change: owners are made by owners.
    pub fn area(self) -> Area {
        if self == Self::Owner { Area::Owners } else { Area::People }
    }

    /// Whether it sees the whole organisation, and not its own projects alone.
    pub fn sees_all_projects(self) -> bool {
        self != Self::Developer
    }

    /// Where it may call models, by itself and with keys of its own.
    pub fn calls(self) -> Calls {
        match self {
            Self::Owner | Self::Admin => Calls::InEveryProject,
            Self::Developer => Calls::WhereItIsMember,
            Self::Billing | Self::Auditor | Self::Viewer => Calls::Nowhere,
        }
    }
}

/// Where a user may call models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Calls {
    /// In every project.
    InEveryProject,
    /// In the projects of which it is a member.
    WhereItIsMember,
    /// In none.
    Nowhere,
}

impl Calls {
    /// Whether a user that is a member of a project, or not, may call models in its name.
    pub fn allow(self, is_member: bool) -> bool {
        match self {
            Self::InEveryProject => true,
            Self::WhereItIsMember => is_member,
            Self::Nowhere => false,
        }
    }
}

impl FromStr for OrganizationRole {
    type Err = IdentityError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = if text == "developer" { "reader" } else { text };
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            let reason = "a role in an organization is `owner`, `admin`, `reader` (or `developer`), `billing`, \
                          `auditor` or `viewer`";
            IdentityError::Invalid { param: "role", reason: reason.to_owned() }
        })
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
