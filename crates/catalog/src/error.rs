//! What can go wrong with the catalogue.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tenfold_kernel::{BoxError, Classify, ErrorKind};

use crate::read::BadEntry;

/// What can go wrong with the catalogue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// No entry has this id.
    #[error("the catalogue has no model `{id}`")]
    UnknownModel {
        /// The id that was asked for.
        id: String,
    },
    /// The model's files are not here.
    #[error("the model `{id}` is not installed")]
    NotInstalled {
        /// The model.
        id: String,
    },
    /// An entry cannot be read.
    #[error(transparent)]
    BadEntry(#[from] BadEntry),
    /// Two entries of the operator have the same id.
    #[error("`{first}` and `{second}` both describe `{id}`")]
    SameId {
        /// The id.
        id: String,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// The operator allows none of the kinds of sources that a file has.
    #[error("no source of `{file}` is allowed here: it can be had from {offered}, and allowed are {allowed}")]
    NoSourceAllowed {
        /// The file.
        file: String,
        /// The kinds of its sources.
        offered: String,
        /// The kinds that the operator allows.
        allowed: String,
    },
    /// Every allowed source failed.
    #[error("`{file}` could not be had: {}", listed(.attempts))]
    SourcesFailed {
        /// The file.
        file: String,
        /// Each source that was tried, and what went wrong with it.
        attempts: Vec<(String, FetchError)>,
    },
    /// The disk is too full.
    #[error("`{path}` needs {needed_bytes} bytes of free space and has {free_bytes}", path = .path.display())]
    NotEnoughSpace {
        /// Where.
        path: PathBuf,
        /// How much is still to be written.
        needed_bytes: u64,
        /// How much there is.
        free_bytes: u64,
    },
    /// A pull failed; all who waited for it share the cause.
    #[error("the pull of `{id}` failed: {cause}")]
    PullFailed {
        /// The model.
        id: String,
        /// What went wrong.
        cause: Arc<Self>,
    },
    /// The file system refused.
    #[error("failed to {action} `{path}`", path = .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A background task died.
    #[error("a task of the catalogue died")]
    Task(#[source] BoxError),
}

fn listed(attempts: &[(String, FetchError)]) -> String {
    attempts.iter().map(|(source, error)| format!("{source}: {error}")).collect::<Vec<_>>().join("; ")
}

impl CatalogError {
    /// Names what was tried on which path.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

impl Classify for CatalogError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownModel { .. } | Self::NotInstalled { .. } => ErrorKind::NotFound,
            Self::NoSourceAllowed { .. } => ErrorKind::Conflict,
            Self::SourcesFailed { .. } => ErrorKind::BadGateway,
            Self::NotEnoughSpace { .. } => ErrorKind::Unavailable,
            Self::PullFailed { cause, .. } => cause.kind(),
            Self::BadEntry(_) | Self::SameId { .. } | Self::Io { .. } | Self::Task(_) => ErrorKind::Internal,
        }
    }

    fn code(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::UnknownModel { .. } => "model_not_found",
            Self::NotInstalled { .. } => "model_not_installed",
            Self::NoSourceAllowed { .. } => "no_source_allowed",
            Self::SourcesFailed { .. } => "sources_failed",
            Self::NotEnoughSpace { .. } => "not_enough_space",
            Self::PullFailed { cause, .. } => return cause.code(),
            Self::BadEntry(_) | Self::SameId { .. } | Self::Io { .. } | Self::Task(_) => return None,
        }))
    }
}

/// Why one source did not give the file. Messages name no secret: URLs are shown without query and user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// It gave another file.
    #[error("its SHA-256 is {found} and should be {expected}")]
    Checksum {
        /// The entry's checksum.
        expected: String,
        /// The file's.
        found: String,
    },
    /// It gave too little or announced another size.
    #[error("it has {found} bytes and should have {expected}")]
    Size {
        /// The entry's size.
        expected: u64,
        /// The file's.
        found: u64,
    },
    /// It gave more than the entry declares; the rest was not read.
    #[error("it goes on beyond the {expected} bytes that it should have")]
    TooLarge {
        /// The entry's size.
        expected: u64,
    },
    /// The server refused.
    #[error("the server answered {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// The connection failed or broke off.
    #[error("the connection failed ({reason})")]
    Network {
        /// What the client says, without the URL.
        reason: String,
    },
    /// Nothing came for too long.
    #[error("nothing came for {} seconds", .after.as_secs())]
    Stalled {
        /// How long.
        after: Duration,
    },
    /// The hub refused.
    #[error("the hub does not give it ({reason})")]
    Hub {
        /// What the hub's client says.
        reason: String,
    },
    /// Python could not be started.
    #[error("`{python}` could not be started: {cause}", python = .python.display())]
    Python {
        /// What was started.
        python: PathBuf,
        /// Why it failed.
        cause: io::Error,
    },
    /// Pip failed.
    #[error("pip failed: {output}")]
    Pip {
        /// The end of what it said.
        output: String,
    },
    /// The index has the package only in another form.
    #[error("pip brought {found} wheels where one was expected")]
    Wheel {
        /// How many there are.
        found: usize,
    },
    /// The archive cannot be read.
    #[error("the archive cannot be read ({reason})")]
    Archive {
        /// What the reader says.
        reason: String,
    },
    /// The archive tries to write outside its folder.
    #[error("the archive is refused: `{member}` {reason}")]
    UnsafeArchive {
        /// The member at fault, as text.
        member: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The archive does not have the file.
    #[error("the archive has no `{member}`")]
    NoMember {
        /// The file.
        member: String,
    },
    /// The file system refused.
    #[error("failed to {action}: {cause}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        cause: io::Error,
    },
}

impl FetchError {
    /// Names what was tried.
    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io { action, cause }
    }

    /// Whether the same source may give the rest when it is asked again.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Network { .. } | Self::Stalled { .. })
            || matches!(self, Self::Status { status } if *status == 429 || *status >= 500)
    }
}
