//! Signing in to the console: passwords, one-time codes, passkeys, invitations and sessions. Who people are is
//! identity's; what they may do is decided by whoever asks here who is signed in.
//!
//! # Invariants
//! * Passwords are kept as Argon2id hashes; tokens, recovery codes and addresses that were guessed at as hashes under
//!   a key (the pepper) that is not in the database. Secrets of one-time codes are made from it and a seed, which alone is kept.
//! * An address that has no account takes a guesser as long as one that has, waits as long after failures, and reads
//!   the same sentence.
//! * An attempt counts as a failure before it is made, in the database: however many come at once to however many
//!   processes, five get through before the first wait.
//! * A one-time code, a recovery code, a challenge and an invitation count once, whoever else tries at the moment.
//! * A session is found by one indexed look-up and ends with its user, at a change of the password in another
//!   browser, after [`Config::session_idle`] without a request and after [`Config::session_life`].
//! * A passkey is both factors: the authenticator has to verify its user.
//! * Logs hold ids, never an address, a token, a code or a password.
//!
//! An address is unique in an organisation, not in the installation. Where several organisations have accounts of
//! one address, the password decides: they are tried in the order in which the organisations were founded, and the
//! first that fits is signed in.
//!
//! # Map
//! Nouns: [`account`](Account), [`password`](PasswordHash), [`totp`](Totp), `recovery`, [`passkey`](Passkey),
//! [`session`](Session), [`invite`](Invite), [`throttle`](Failures). Verbs: one file each, `impl Accounts`.

mod account;
mod config;
mod error;
mod invite;
mod passkey;
mod password;
mod recovery;
mod session;
mod throttle;
mod totp;

mod ports;
mod service;

mod accept_invite;
mod begin_totp;
mod change_password;
mod confirm_totp;
mod create_invite;
mod disable_totp;
mod end_session;
mod read_invites;
mod read_passkeys;
mod read_session;
mod register_passkey;
mod set_up;
mod sign_in;
mod sign_in_with_passkey;
mod sweep;

#[cfg(feature = "testkit")]
pub mod conformance;
#[cfg(feature = "testkit")]
mod memory;

pub use accept_invite::InviteView;
pub use account::{Account, Person};
pub use begin_totp::PendingTotp;
pub use config::Config;
pub use create_invite::{CreatedInvite, NewInvite};
pub use error::AccountsError;
pub use invite::{Acceptance, Invite, InviteStatus};
#[cfg(feature = "testkit")]
pub use memory::MemoryStore;
pub use passkey::{Challenge, Passkey, Question, RelyingParty, from_text, to_text};
pub use password::PasswordHash;
pub use ports::{
    AccountStore, AttemptStore, InviteStore, PasskeyStore, Ports, SessionStore, SweepStore, TotpStore,
};
pub use service::Accounts;
pub use session::{Session, SessionInfo, SignedIn};
pub use set_up::SetUp;
pub use sign_in::Credentials;
pub use throttle::{Admission, Attempt, AttemptKey, Failures, MEMORY};
pub use totp::{Totp, TotpSecret, TotpSeed};
