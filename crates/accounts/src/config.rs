//! What signing in is set up with.

use std::fmt;
use std::time::Duration;

use crate::RelyingParty;

/// How signing in is set up.
#[derive(Clone)]
pub struct Config {
    /// The key of the hashes under which tokens, recovery codes and addresses are kept. Lose it and every session,
    /// invitation, one-time code, recovery code and passkey is void; passwords are not.
    pub pepper: [u8; 32],
    /// For whom passkeys are made; without one there are none.
    pub relying_party: Option<RelyingParty>,
    /// After how long without a request a browser is signed out: 12 hours.
    pub session_idle: Duration,
    /// After how long a browser is signed out at all events: 7 days.
    pub session_life: Duration,
    /// For how long an invitation may be accepted: 7 days.
    pub invite_life: Duration,
    /// How many passwords are hashed at once: each takes 19 MiB and a core for tens of milliseconds.
    pub hashes_at_once: usize,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("relying_party", &self.relying_party)
            .field("session_idle", &self.session_idle)
            .field("session_life", &self.session_life)
            .field("invite_life", &self.invite_life)
            .field("hashes_at_once", &self.hashes_at_once)
            .finish_non_exhaustive()
    }
}
