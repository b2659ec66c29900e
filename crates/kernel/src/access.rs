//! What a caller may see and change.

use serde::{Deserialize, Serialize};

/// A part of the platform that may be seen or changed apart from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// The catalogue, deployments, replicas and devices, and what models cost.
    Models,
    /// What was called, and what that cost.
    Usage,
    /// Money: balances, plans, invoices, limits and budgets.
    Billing,
    /// Projects, people, service accounts and keys.
    People,
    /// Who owns the organisation, and its admin keys.
    Owners,
    /// Keys of one's own, in the projects in which one may call models.
    OwnKeys,
    /// Who did what.
    Audit,
    /// How the organisation is set up.
    Settings,
}

impl Area {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Models,
        Self::Usage,
        Self::Billing,
        Self::People,
        Self::Owners,
        Self::OwnKeys,
        Self::Audit,
        Self::Settings,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::Usage => "usage",
            Self::Billing => "billing",
            Self::People => "people",
            Self::Owners => "owners",
            Self::OwnKeys => "own_keys",
            Self::Audit => "audit",
            Self::Settings => "settings",
        }
    }
}

/// What may be done with an area. Whoever may change it may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing.
    #[default]
    None,
    /// It may be seen.
    Read,
    /// It may be changed.
    Write,
}

impl Level {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// What a caller may do with each area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Access {
    /// See [`Area::Models`].
    pub models: Level,
    /// See [`Area::Usage`].
    pub usage: Level,
    /// See [`Area::Billing`].
    pub billing: Level,
    /// See [`Area::People`].
    pub people: Level,
    /// See [`Area::Owners`].
    pub owners: Level,
    /// See [`Area::OwnKeys`].
    pub own_keys: Level,
    /// See [`Area::Audit`].
    pub audit: Level,
    /// See [`Area::Settings`].
    pub settings: Level,
}

impl Access {
    /// To nothing: what a project's key has, which calls models and reads its own project's figures.
    pub const NONE: Self = Self::everywhere(Level::None);

    /// To everything: what an admin key has, within its scopes.
    pub const ALL: Self = Self::everywhere(Level::Write);

    /// The same to every area.
    pub const fn everywhere(level: Level) -> Self {
        Self {
            models: level,
            usage: level,
            billing: level,
            people: level,
            owners: level,
            own_keys: level,
            audit: level,
            settings: level,
        }
    }

    /// What may be done with `area`.
    pub fn to(self, area: Area) -> Level {
        match area {
            Area::Models => self.models,
            Area::Usage => self.usage,
            Area::Billing => self.billing,
            Area::People => self.people,
            Area::Owners => self.owners,
            Area::OwnKeys => self.own_keys,
            Area::Audit => self.audit,
            Area::Settings => self.settings,
        }
    }
}
