//! Browsers that are signed in.

use tenfold_identity::{Digest, Organization, User};
use tenfold_kernel::{Rng, Secret, SessionId, Timestamp, UserId, base62};

use crate::{Account, Config};

/// Of how much of what a browser says of itself is kept.
const LONGEST_USER_AGENT: usize = 256;

/// A browser that is signed in, as it is kept: everything but the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Who is signed in.
    pub user: UserId,
    /// The keyed hash of the token.
    pub digest: Digest,
    /// What the browser said of itself.
    pub user_agent: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it last asked for something, to a minute.
    pub last_seen_at: Timestamp,
    /// Until when, if it asks for nothing more.
    pub expires_at: Timestamp,
    /// Until when at the longest.
    pub ends_at: Timestamp,
}

/// A session with all that a request has to know of who makes it, read in one look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// The session.
    pub session: Session,
    /// The account.
    pub account: Account,
    /// The user, with the role that it has now.
    pub user: User,
    /// The organisation.
    pub organization: Organization,
    /// Whether the account has a passkey.
    pub has_passkey: bool,
}

/// A browser that was just signed in. The token is shown here and never again.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// What the browser has to show.
    pub token: Secret,
    /// What the page has to show beside it to change something.
    pub csrf_token: String,
    /// Who is signed in.
    pub info: SessionInfo,
}

/// The secret of a session: 43 characters of 62, which is 256 bits.
pub(crate) fn generate_token(rng: &dyn Rng) -> Secret {
    Secret::new(&base62(rng, 43))
}

/// Under what a token is found.
pub(crate) fn token_digest(token: &str, pepper: &[u8; 32]) -> Digest {
    Digest::of(&format!("session\0{token}"), pepper)
}

/// What the page has to show beside the token. Whoever has it alone can do nothing.
pub(crate) fn csrf_digest(token: &str, pepper: &[u8; 32]) -> Digest {
    Digest::of(&format!("csrf\0{token}"), pepper)
}

impl Session {
    /// A session that begins at `now`.
    pub(crate) fn begin(
        user: &UserId,
        user_agent: &str,
        now: Timestamp,
        config: &Config,
        rng: &dyn Rng,
    ) -> (Self, Secret) {
        let token = generate_token(rng);
        let ends_at = now.plus(config.session_life);
        let session = Self {
            id: SessionId::generate(rng),
            user: user.clone(),
            digest: token_digest(token.expose(), &config.pepper),
            user_agent: printable(user_agent),
            created_at: now,
            last_seen_at: now,
            expires_at: ends_at.min(now.plus(config.session_idle)),
            ends_at,
        };
        (session, token)
    }
}

/// What is shown of a text that a browser sent.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(LONGEST_USER_AGENT).collect()
}
