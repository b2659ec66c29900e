//! Signing in, put together.

use std::sync::Arc;
use std::time::Duration;

use tenfold_identity::Digest;
use tenfold_kernel::{ApiKeyId, Clock, OrganizationId, Rng, Secret, Timestamp, UserId};

use crate::password::Hasher;
use crate::session::{Session, csrf_digest};
use crate::{
    Account, AccountsError, Admission, Attempt, AttemptKey, Config, PasswordHash, Person, Ports, SignedIn,
    recovery,
};

/// Signing in to the console. Its verbs are in files of their own.
#[derive(Debug)]
pub struct Accounts {
    pub(crate) config: Config,
    pub(crate) ports: Ports,
    /// Who people are.
    pub(crate) identity: tenfold_identity::Ports,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) hasher: Hasher,
}

impl Accounts {
    /// Puts it together. `identity`: the ports that `tenfold_identity::Identity` has too.
    pub fn new(
        config: Config,
        ports: Ports,
        identity: tenfold_identity::Ports,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Self {
        let hasher = Hasher::new(config.hashes_at_once);
        Self { config, ports, identity, clock, rng, hasher }
    }

    /// Whether passkeys can be offered.
    pub fn has_passkeys(&self) -> bool {
        self.config.relying_party.is_some()
    }

    /// An account that begins at `now`.
    pub(crate) fn new_account(
        &self,
        user: &UserId,
        organization: &OrganizationId,
        password: PasswordHash,
        now: Timestamp,
    ) -> Account {
        Account {
            user: user.clone(),
            organization: organization.clone(),
            password: Some(password),
            totp: None,
            pending_totp: None,
            console_key: ApiKeyId::generate(&*self.rng),
            created_at: now,
        }
    }

    /// Counts an attempt before it is made.
    ///
    /// # Errors
    /// [`AccountsError::TooManyAttempts`].
    pub(crate) async fn admit(&self, key: &AttemptKey) -> Result<Attempt, AccountsError> {
        let now = self.clock.now();
        match self.ports.attempts.count_attempt(key, now).await? {
            Admission::Admitted(attempt) => Ok(attempt),
            Admission::Locked { until } => {
                let left = u64::try_from(until.0.saturating_sub(now.0)).unwrap_or_default();
                Err(AccountsError::TooManyAttempts { retry_after: Duration::from_millis(left) })
            }
        }
    }

    /// By what guesses of whoever is not signed in are counted.
    pub(crate) fn email_key(&self, email: &str) -> AttemptKey {
        AttemptKey(Digest::of(&format!("sign-in\0{email}"), &self.config.pepper))
    }

    /// By what guesses of whoever is signed in are counted: apart, so that strangers cannot make a person wait
    /// who is in, nor a stolen session guess more.
    pub(crate) fn user_key(&self, user: &UserId) -> AttemptKey {
        AttemptKey(Digest::of(&format!("password of\0{user}"), &self.config.pepper))
    }

    /// Demands the password of whoever is signed in.
    ///
    /// # Errors
    /// [`AccountsError::WrongPassword`], [`AccountsError::TooManyAttempts`], [`AccountsError::NoSession`].
    pub(crate) async fn demand_password(
        &self,
        user: &UserId,
        password: &Secret,
    ) -> Result<Person, AccountsError> {
        let key = self.user_key(user);
        let attempt = self.admit(&key).await?;
        let person = self.ports.accounts.get_person(user).await?.ok_or(AccountsError::NoSession)?;
        let hash = person.account.password.clone().ok_or(AccountsError::WrongPassword)?;
        if !self.verify(&key, &attempt, password, hash).await? {
            tracing::info!(user.id = %user, "password refused");
            return Err(AccountsError::WrongPassword);
        }
        Ok(person)
    }

    /// Whether the password is that of the hash. An attempt that could not be made is taken back.
    pub(crate) async fn verify(
        &self,
        key: &AttemptKey,
        attempt: &Attempt,
        password: &Secret,
        hash: PasswordHash,
    ) -> Result<bool, AccountsError> {
        let verified = self.hasher.verify(password, hash).await;
        if verified.is_err() {
            self.ports.attempts.refund_attempt(key, attempt).await?;
        }
        verified
    }

    /// Takes a one-time code or a recovery code of the person; `false` if it is none, or was taken before.
    pub(crate) async fn take_code(&self, account: &Account, code: &str) -> Result<bool, AccountsError> {
        let Some(totp) = &account.totp else { return Ok(false) };
        let user = &account.user;
        let secret = totp.seed.secret(user, &self.config.pepper);
        if let Some(step) = secret.step_of(code, self.clock.now(), totp.last_step) {
            return self.ports.totp.take_step(user, step).await;
        }
        let Some(digest) = recovery::digest(code, user, &self.config.pepper) else { return Ok(false) };
        let taken = self.ports.totp.take_recovery_code(user, &digest).await?;
        if taken {
            tracing::info!(user.id = %user, "recovery code taken");
        }
        Ok(taken)
    }

    /// Gives whoever proved who it is a session.
    pub(crate) async fn begin_session(
        &self,
        user: &UserId,
        user_agent: &str,
    ) -> Result<SignedIn, AccountsError> {
        let now = self.clock.now();
        let (session, token) = Session::begin(user, user_agent, now, &self.config, &*self.rng);
        self.ports.sessions.insert_session(&session).await?;
        self.signed_in(&session, token).await
    }

    /// What a browser gets of a session that was just kept.
    pub(crate) async fn signed_in(
        &self,
        session: &Session,
        token: Secret,
    ) -> Result<SignedIn, AccountsError> {
        let info = self.ports.sessions.find_session(&session.digest).await?;
        // Between the two the user may have been removed.
        let info = info.ok_or(AccountsError::NoSession)?;
        let csrf_token = csrf_digest(token.expose(), &self.config.pepper).to_hex();
        Ok(SignedIn { token, csrf_token, info })
    }
}
