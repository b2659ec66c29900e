//! What signing in needs of a database. Every method is atomic; a write that returned is durable. What belongs to a
//! user goes with the user.
//!
//! Adapters return [`AccountsError::Conflict`] when a constraint is hurt, [`AccountsError::Unavailable`] when the
//! database cannot answer now, and [`AccountsError::Store`] for any other fault.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use tenfold_identity::{Digest, User};
use tenfold_kernel::{ChallengeId, InviteId, OrganizationId, PasskeyId, SessionId, Timestamp, UserId};

use crate::{
    Acceptance, Account, AccountsError, Admission, Attempt, AttemptKey, Challenge, Invite, Passkey,
    PasswordHash, Person, Session, SessionInfo, TotpSeed,
};

/// Accounts and their passwords.
#[async_trait]
pub trait AccountStore: Send + Sync + Debug {
    /// Whether there is an account.
    async fn has_accounts(&self) -> Result<bool, AccountsError>;

    /// Writes the user's name and address and adds the first account with a session; `false`, and nothing is
    /// done, when there is an account. Of several that try at once, one succeeds.
    ///
    /// # Errors
    /// [`AccountsError::Conflict`] if another user of the organisation has the address, or the user is gone.
    async fn set_up(&self, user: &User, account: &Account, session: &Session) -> Result<bool, AccountsError>;

    /// Up to `limit` people with an account under this address, which is in small letters; those of the
    /// organisation that was founded first come first.
    async fn find_people(&self, email: &str, limit: u32) -> Result<Vec<Person>, AccountsError>;

    /// The person with this id, if there is an account.
    async fn get_person(&self, user: &UserId) -> Result<Option<Person>, AccountsError>;

    /// Changes the password and ends every session but `keep`, together; `false` if there is no account.
    async fn set_password(
        &self,
        user: &UserId,
        password: &PasswordHash,
        keep: Option<&SessionId>,
    ) -> Result<bool, AccountsError>;
}

/// One-time codes and recovery codes.
#[async_trait]
pub trait TotpStore: Send + Sync + Debug {
    /// Keeps the seed of a secret that is to be confirmed, instead of an earlier one; `false` if codes are on or there is no
    /// account.
    async fn begin_totp(&self, user: &UserId, seed: &TotpSeed) -> Result<bool, AccountsError>;

    /// Turns codes on with the seed that waits, `step` taken, and these recovery codes alone; `false` if another
    /// waits, or none. Of several that try at once, one succeeds.
    async fn enable_totp(
        &self,
        user: &UserId,
        seed: &TotpSeed,
        step: i64,
        recovery: &[Digest],
    ) -> Result<bool, AccountsError>;

    /// Takes a step; `false` if it or a later one was taken, or codes are off. Of several that try at once, one
    /// succeeds.
    async fn take_step(&self, user: &UserId, step: i64) -> Result<bool, AccountsError>;

    /// Takes a recovery code; `false` if there is none such. Of several that try at once, one succeeds.
    async fn take_recovery_code(&self, user: &UserId, code: &Digest) -> Result<bool, AccountsError>;

    /// Turns codes off with all that belongs to them; `false` if they were off.
    async fn disable_totp(&self, user: &UserId) -> Result<bool, AccountsError>;
}

/// Failed attempts, so that all processes together count them.
#[async_trait]
pub trait AttemptStore: Send + Sync + Debug {
    /// Counts an attempt as [`Failures::admit`](crate::Failures::admit) says; attempts at once are counted one
    /// after the other.
    async fn count_attempt(&self, key: &AttemptKey, now: Timestamp) -> Result<Admission, AccountsError>;

    /// Takes back an attempt that was no failure: one less, and without the wait that it began. A wait that
    /// another attempt began stays.
    async fn refund_attempt(&self, key: &AttemptKey, attempt: &Attempt) -> Result<(), AccountsError>;

    /// Forgets all failures.
    async fn clear_attempts(&self, key: &AttemptKey) -> Result<(), AccountsError>;
}

/// Browsers that are signed in.
#[async_trait]
pub trait SessionStore: Send + Sync + Debug {
    /// Adds a session.
    ///
    /// # Errors
    /// [`AccountsError::Conflict`] if the account is gone.
    async fn insert_session(&self, session: &Session) -> Result<(), AccountsError>;

    /// The session with this token and all about its owner, though it may be over: one indexed look-up, on the
    /// path of every request of the console.
    async fn find_session(&self, digest: &Digest) -> Result<Option<SessionInfo>, AccountsError>;

    /// Notes that a session was used and until when it now lasts; a time never goes back.
    async fn touch_session(
        &self,
        id: &SessionId,
        seen_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), AccountsError>;

    /// The user's sessions that last beyond `now`, newest first.
    async fn list_sessions(&self, user: &UserId, now: Timestamp) -> Result<Vec<Session>, AccountsError>;

    /// Ends a session; `false` if the user has none such.
    async fn delete_session(&self, user: &UserId, id: &SessionId) -> Result<bool, AccountsError>;
}

/// Passkeys, and questions to browsers.
#[async_trait]
pub trait PasskeyStore: Send + Sync + Debug {
    /// Adds a passkey.
    ///
    /// # Errors
    /// [`AccountsError::Conflict`] if its credential is there already, or the account is gone.
    async fn insert_passkey(&self, passkey: &Passkey) -> Result<(), AccountsError>;

    /// The passkey of this credential.
    async fn find_passkey(&self, credential: &[u8]) -> Result<Option<Passkey>, AccountsError>;

    /// The user's passkeys, oldest first.
    async fn list_passkeys(&self, user: &UserId) -> Result<Vec<Passkey>, AccountsError>;

    /// Writes the state of a passkey after a use; `false` if it has another state than `before` by now.
    async fn use_passkey(
        &self,
        id: &PasskeyId,
        before: &[u8],
        after: &[u8],
        at: Timestamp,
    ) -> Result<bool, AccountsError>;

    /// Removes a passkey; `false` if the user has none such.
    async fn delete_passkey(&self, user: &UserId, id: &PasskeyId) -> Result<bool, AccountsError>;

    /// Keeps a question.
    async fn insert_challenge(&self, challenge: &Challenge) -> Result<(), AccountsError>;

    /// Gives a question out and removes it, though it may be over. Of several that try at once, one gets it.
    async fn take_challenge(&self, id: &ChallengeId) -> Result<Option<Challenge>, AccountsError>;
}

/// Invitations.
#[async_trait]
pub trait InviteStore: Send + Sync + Debug {
    /// Adds an invitation, in the place of those to the same address of the organisation that were not accepted.
    async fn insert_invite(&self, invite: &Invite) -> Result<(), AccountsError>;

    /// Up to `limit` of the organisation's invitations, newest first.
    async fn list_invites(
        &self,
        organization: &OrganizationId,
        limit: u32,
    ) -> Result<Vec<Invite>, AccountsError>;

    /// Removes an invitation; `false` if there was none.
    async fn delete_invite(
        &self,
        organization: &OrganizationId,
        id: &InviteId,
    ) -> Result<bool, AccountsError>;

    /// The invitation with this token, though it may be over.
    async fn find_invite(&self, digest: &Digest) -> Result<Option<Invite>, AccountsError>;

    /// Takes an invitation and adds the person with all that comes with it, together; `false`, and nothing is
    /// done, if it was taken, is over or gone. Of several that try at once, one succeeds.
    ///
    /// # Errors
    /// [`AccountsError::Conflict`] if the person has an account, or a new one's address is taken.
    async fn accept_invite(&self, acceptance: &Acceptance) -> Result<bool, AccountsError>;
}

/// What is over.
#[async_trait]
pub trait SweepStore: Send + Sync + Debug {
    /// Removes up to `limit` each of the sessions and questions that ended before `now`, the invitations that ended
    /// before `invites_before`, and the failures that are forgotten; says how many.
    async fn sweep(
        &self,
        now: Timestamp,
        invites_before: Timestamp,
        limit: u32,
    ) -> Result<u64, AccountsError>;
}

/// All that signing in needs of a database.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Accounts and their passwords.
    pub accounts: Arc<dyn AccountStore>,
    /// One-time codes.
    pub totp: Arc<dyn TotpStore>,
    /// Failed attempts.
    pub attempts: Arc<dyn AttemptStore>,
    /// Browsers that are signed in.
    pub sessions: Arc<dyn SessionStore>,
    /// Passkeys.
    pub passkeys: Arc<dyn PasskeyStore>,
    /// Invitations.
    pub invites: Arc<dyn InviteStore>,
    /// What is over.
    pub sweep: Arc<dyn SweepStore>,
}

impl Ports {
    /// The ports of one adapter that serves them all.
    pub fn of<S>(store: Arc<S>) -> Self
    where
        S: AccountStore
            + TotpStore
            + AttemptStore
            + SessionStore
            + PasskeyStore
            + InviteStore
            + SweepStore
            + 'static,
    {
        Self {
            accounts: Arc::clone(&store) as Arc<dyn AccountStore>,
            totp: Arc::clone(&store) as Arc<dyn TotpStore>,
            attempts: Arc::clone(&store) as Arc<dyn AttemptStore>,
            sessions: Arc::clone(&store) as Arc<dyn SessionStore>,
            passkeys: Arc::clone(&store) as Arc<dyn PasskeyStore>,
            invites: Arc::clone(&store) as Arc<dyn InviteStore>,
            sweep: store,
        }
    }
}
