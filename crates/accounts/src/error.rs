//! What can go wrong with signing in.

use std::borrow::Cow;
use std::time::Duration;

use tenfold_identity::IdentityError;
use tenfold_kernel::{BoxError, Classify, ErrorKind};

/// An error of signing in, or of what signs in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountsError {
    /// The address, the password, the code or the passkey is wrong. Which of them is not said.
    #[error("The sign-in details are not right.")]
    InvalidSignIn,
    /// The password is right, and a one-time code has to come with it.
    #[error("A one-time code is needed.")]
    TotpRequired,
    /// No browser is signed in with this token.
    #[error("You are not signed in, or no longer.")]
    NoSession,
    /// The page did not prove that it is ours.
    #[error("The request did not come from a page of the console. Load the page again.")]
    CsrfMismatch,
    /// There were too many failures.
    #[error("There were too many attempts. Try again later.")]
    TooManyAttempts {
        /// After how long.
        retry_after: Duration,
    },
    /// Too many passwords are checked at the moment.
    #[error("Too many people sign in at the moment. Try again.")]
    Busy,
    /// The password of whoever is signed in is wrong.
    #[error("The password is not right.")]
    WrongPassword,
    /// The one-time code of whoever is signed in is wrong.
    #[error("The code is not right.")]
    WrongCode,
    /// A password that is too easy to guess.
    #[error("Invalid value for 'password': {reason}.")]
    WeakPassword {
        /// What it should be.
        reason: &'static str,
    },
    /// There are accounts already.
    #[error("The console is set up already.")]
    AlreadySetUp,
    /// One-time codes are on already.
    #[error("One-time codes are on already.")]
    TotpEnabled,
    /// One-time codes are not on, or nothing waits to be confirmed.
    #[error("One-time codes are not on.")]
    TotpDisabled,
    /// Passkeys need a public URL with a domain name over HTTPS, or `localhost`.
    #[error("Passkeys are not available at this address.")]
    PasskeysUnavailable,
    /// The challenge is over, was used, or is another's.
    #[error("The request took too long. Try again.")]
    ChallengeGone,
    /// The browser's answer does not prove a passkey.
    #[error("The passkey cannot be added.")]
    PasskeyRejected {
        /// Why, for the log.
        #[source]
        source: BoxError,
    },
    /// The account has as many passkeys as it may have.
    #[error("There are {limit} passkeys already.")]
    TooManyPasskeys {
        /// How many it may have.
        limit: usize,
    },
    /// There is no such thing, or it is another's.
    #[error("No {what} found with id '{id}'.")]
    NotFound {
        /// What was looked for, such as `passkey`.
        what: &'static str,
        /// Under which id.
        id: String,
    },
    /// The invitation is over, was accepted or withdrawn, or never was.
    #[error("The invitation is no longer valid.")]
    InviteGone,
    /// There is such a thing already.
    #[error("There is such a {what} already.")]
    AlreadyExists {
        /// What.
        what: &'static str,
    },
    /// Who may do what, and what people are called.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The database contradicts, by a row that came or went meanwhile.
    #[error("The request conflicts with another change. Try again.")]
    Conflict {
        /// Which constraint.
        #[source]
        source: BoxError,
    },
    /// The database cannot answer now.
    #[error("accounts cannot be looked up at the moment")]
    Unavailable {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The database failed.
    #[error("accounts cannot be read or written")]
    Store {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// A password cannot be hashed, or a kept hash not read.
    #[error("a password cannot be hashed")]
    Hashing {
        /// Why.
        #[source]
        source: BoxError,
    },
}

impl AccountsError {
    pub(crate) fn hashing(reason: String) -> Self {
        Self::Hashing { source: reason.into() }
    }
}

impl Classify for AccountsError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidSignIn | Self::TotpRequired | Self::NoSession => ErrorKind::Unauthenticated,
            Self::CsrfMismatch => ErrorKind::PermissionDenied,
            Self::TooManyAttempts { .. } | Self::Busy => ErrorKind::TooManyRequests,
            Self::WrongPassword
            | Self::WrongCode
            | Self::WeakPassword { .. }
            | Self::ChallengeGone
            | Self::PasskeyRejected { .. }
            | Self::TooManyPasskeys { .. }
            | Self::PasskeysUnavailable => ErrorKind::InvalidRequest,
            Self::NotFound { .. } | Self::InviteGone => ErrorKind::NotFound,
            Self::AlreadySetUp
            | Self::TotpEnabled
            | Self::TotpDisabled
            | Self::AlreadyExists { .. }
            | Self::Conflict { .. } => ErrorKind::Conflict,
            Self::Identity(error) => error.kind(),
            Self::Unavailable { .. } => ErrorKind::Unavailable,
            Self::Store { .. } | Self::Hashing { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> Option<Cow<'static, str>> {
        let code = match self {
            Self::InvalidSignIn => "invalid_sign_in",
            Self::TotpRequired => "totp_required",
            Self::NoSession => "no_session",
            Self::CsrfMismatch => "csrf_mismatch",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::Busy => "busy",
            Self::WrongPassword => "wrong_password",
            Self::WrongCode => "wrong_code",
            Self::WeakPassword { .. } => "weak_password",
            Self::AlreadySetUp => "already_set_up",
            Self::TotpEnabled => "totp_enabled",
            Self::TotpDisabled => "totp_disabled",
            Self::PasskeysUnavailable => "passkeys_unavailable",
            Self::ChallengeGone => "challenge_gone",
            Self::PasskeyRejected { .. } => "passkey_rejected",
            Self::TooManyPasskeys { .. } => "too_many_passkeys",
            Self::NotFound { .. } => "not_found",
            Self::InviteGone => "invite_gone",
            Self::AlreadyExists { .. } => "already_exists",
            Self::Identity(error) => return error.code(),
            Self::Conflict { .. } | Self::Unavailable { .. } | Self::Store { .. } | Self::Hashing { .. } => {
                return None;
            }
        };
        Some(code.into())
    }

    fn param(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::WrongPassword | Self::WeakPassword { .. } => Some("password".into()),
            Self::WrongCode => Some("code".into()),
            Self::Identity(error) => error.param(),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyAttempts { retry_after } => Some(*retry_after),
            Self::Busy => Some(Duration::from_secs(1)),
            _ => None,
        }
    }
}
