//! What can go wrong with who calls.

use std::borrow::Cow;

use tenfold_kernel::{Area, BoxError, Classify, ErrorKind, Level, Scope};

/// Why a key was not let in. For the log and for tests: the caller reads the same for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// It does not look like one of our keys.
    Malformed,
    /// No key has its prefix.
    Unknown,
    /// Its prefix is known and the rest is not what it should be.
    WrongSecret,
    /// Its time is over.
    Expired,
    /// Its project is archived.
    ProjectArchived,
    /// Its user may no longer do what the key does.
    OwnerStripped,
}

/// An error of who calls, or of who may change what.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// No key came with the call.
    #[error(
        "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
    )]
    KeyMissing,
    /// The key that came is not let in.
    #[error("Incorrect API key provided: {shown}.")]
    KeyRejected {
        /// What of the key may be repeated: its first eight and last four characters at most.
        shown: String,
        /// Why, for the log.
        reason: Rejection,
    },
    /// The key is not an admin key.
    #[error("You have insufficient permissions for this operation: it needs an admin API key.")]
    AdminOnly,
    /// The caller's role goes less far.
    #[error("You have insufficient permissions for this operation. Your role may not {} {}.", match level {
        Level::Write => "change",
        Level::None | Level::Read => "see",
    }, area.as_str())]
    RoleLacks {
        /// What was to be done.
        level: Level,
        /// With what.
        area: Area,
    },
    /// The key is restricted to other things.
    #[error("You have insufficient permissions for this operation. Missing scopes: {}.", scope_name(*scope))]
    ScopeMissing {
        /// The scope that it lacks.
        scope: Scope,
    },
    /// There is no such thing in the caller's organisation.
    #[error("No {what} found with id '{id}'.")]
    NotFound {
        /// What was looked for, such as `project`.
        what: &'static str,
        /// Under which id.
        id: String,
    },
    /// A field of the request is wrong.
    #[error("Invalid value for '{param}': {reason}.")]
    Invalid {
        /// The field.
        param: &'static str,
        /// What it should be.
        reason: String,
    },
    /// There is such a thing already.
    #[error("There is such a {what} already.")]
    AlreadyExists {
        /// What.
        what: &'static str,
    },
    /// The project is archived, so it takes nothing new.
    #[error("The project is archived.")]
    ProjectArchived,
    /// The default project pays for what admin keys do, so it stays.
    #[error("The default project cannot be archived.")]
    DefaultProject,
    /// Nobody would be left to administer the organisation.
    #[error("The organization would be left without {what}.")]
    Lockout {
        /// What it would lack.
        what: &'static str,
    },
    /// The database contradicts, by a row that came or went meanwhile.
    #[error("The request conflicts with another change. Try again.")]
    Conflict {
        /// Which constraint.
        #[source]
        source: BoxError,
    },
    /// The database cannot answer now.
    #[error("identity cannot be looked up at the moment")]
    Unavailable {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The database failed.
    #[error("identity cannot be read or written")]
    Store {
        /// Why.
        #[source]
        source: BoxError,
    },
}

fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::ModelRequest => "model.request",
        Scope::Read => "api.read",
        Scope::Management => "api.management",
        _ => "unknown",
    }
}

impl Classify for IdentityError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::KeyMissing | Self::KeyRejected { .. } => ErrorKind::Unauthenticated,
            Self::AdminOnly | Self::RoleLacks { .. } | Self::ScopeMissing { .. } => {
                ErrorKind::PermissionDenied
            }
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Invalid { .. } => ErrorKind::InvalidRequest,
            Self::AlreadyExists { .. }
            | Self::ProjectArchived
            | Self::DefaultProject
            | Self::Lockout { .. }
            | Self::Conflict { .. } => ErrorKind::Conflict,
            Self::Unavailable { .. } => ErrorKind::Unavailable,
            Self::Store { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::KeyMissing | Self::KeyRejected { .. } => Some("invalid_api_key".into()),
            Self::AdminOnly | Self::RoleLacks { .. } | Self::ScopeMissing { .. } => {
                Some("insufficient_permissions".into())
            }
            Self::NotFound { .. } => Some("not_found".into()),
            Self::Invalid { .. } => Some("invalid_value".into()),
            Self::AlreadyExists { .. } => Some("already_exists".into()),
            Self::ProjectArchived => Some("project_archived".into()),
            Self::DefaultProject
            | Self::Lockout { .. }
            | Self::Conflict { .. }
            | Self::Unavailable { .. }
            | Self::Store { .. } => None,
        }
    }

    fn param(&self) -> Option<Cow<'_, str>> {
        if let Self::Invalid { param, .. } = self { Some((*param).into()) } else { None }
    }
}
