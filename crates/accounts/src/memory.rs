//! The ports in memory, for tests.

use async_trait::async_trait;
use tenfold_identity::{Digest, IdentityError, User};
use tenfold_kernel::{ChallengeId, InviteId, OrganizationId, PasskeyId, SessionId, Timestamp, UserId};
use tokio::sync::Mutex;

use crate::throttle::MEMORY;
use crate::{
    Acceptance, Account, AccountStore, AccountsError, Admission, Attempt, AttemptKey, AttemptStore,
    Challenge, Failures, Invite, InviteStore, Passkey, PasskeyStore, PasswordHash, Person, Session,
    SessionInfo, SessionStore, SweepStore, Totp, TotpSeed, TotpStore,
};

/// All tables behind one lock, beside those of identity.
#[derive(Debug)]
pub struct MemoryStore {
    identity: tenfold_identity::Ports,
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    accounts: Vec<Account>,
    recovery: Vec<(UserId, Digest)>,
    attempts: Vec<(AttemptKey, Failures)>,
    sessions: Vec<Session>,
    passkeys: Vec<Passkey>,
    challenges: Vec<Challenge>,
    invites: Vec<Invite>,
}

fn conflict(constraint: &'static str) -> AccountsError {
    AccountsError::Conflict { source: constraint.into() }
}

/// A conflict of identity's store is one of ours.
fn of_identity(error: IdentityError) -> AccountsError {
    if let IdentityError::Conflict { source } = error {
        AccountsError::Conflict { source }
    } else {
        error.into()
    }
}

impl MemoryStore {
    /// Without an account. `identity`: where the users are.
    pub fn new(identity: tenfold_identity::Ports) -> Self {
        Self { identity, tables: Mutex::default() }
    }

    /// The account with its user, unless the user is gone.
    async fn person(&self, account: &Account) -> Result<Option<Person>, AccountsError> {
        let user = self.identity.users.get_user(&account.organization, &account.user).await?;
        Ok(user.map(|user| Person { account: account.clone(), user }))
    }
}

impl Tables {
    fn account(&mut self, user: &UserId) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|account| account.user == *user)
    }

    fn insert_session(&mut self, session: &Session) -> Result<(), AccountsError> {
        if self.account(&session.user).is_none() {
            return Err(conflict("sessions refer to accounts"));
        }
        if self.sessions.iter().any(|other| other.id == session.id || other.digest == session.digest) {
            return Err(conflict("sessions are unique"));
        }
        self.sessions.push(session.clone());
        Ok(())
    }
}

#[async_trait]
impl AccountStore for MemoryStore {
    async fn has_accounts(&self) -> Result<bool, AccountsError> {
        let tables = self.tables.lock().await;
        for account in &tables.accounts {
            if self.person(account).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn set_up(&self, user: &User, account: &Account, session: &Session) -> Result<bool, AccountsError> {
        let mut tables = self.tables.lock().await;
        for account in &tables.accounts {
            if self.person(account).await?.is_some() {
                return Ok(false);
            }
        }
        if !self.identity.users.update_user(user).await.map_err(of_identity)? {
            return Err(conflict("accounts refer to users"));
        }
        tables.accounts.push(account.clone());
        tables.insert_session(session)?;
        Ok(true)
    }

    async fn find_people(&self, email: &str, limit: u32) -> Result<Vec<Person>, AccountsError> {
        let tables = self.tables.lock().await;
        let mut found = Vec::new();
        for account in &tables.accounts {
            let organization = self.identity.projects.get_organization(&account.organization).await?;
            let founded = organization.map(|organization| (organization.created_at, organization.id));
            let person = self.person(account).await?.filter(|person| person.user.email == email);
            found.extend(person.map(|person| (founded, person)));
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found.into_iter().map(|(_, person)| person).take(limit as usize).collect())
    }

    async fn get_person(&self, user: &UserId) -> Result<Option<Person>, AccountsError> {
        let mut tables = self.tables.lock().await;
        let Some(account) = tables.account(user) else { return Ok(None) };
        self.person(account).await
    }

    async fn set_password(
        &self,
        user: &UserId,
        password: &PasswordHash,
        keep: Option<&SessionId>,
    ) -> Result<bool, AccountsError> {
        let mut tables = self.tables.lock().await;
        let Some(account) = tables.account(user) else { return Ok(false) };
        account.password = Some(password.clone());
        tables.sessions.retain(|session| session.user != *user || Some(&session.id) == keep);
        Ok(true)
    }
}

#[async_trait]
impl TotpStore for MemoryStore {
    async fn begin_totp(&self, user: &UserId, seed: &TotpSeed) -> Result<bool, AccountsError> {
        let mut tables = self.tables.lock().await;
        let account = tables.account(user).filter(|account| account.totp.is_none());
        Ok(account.map(|account| account.pending_totp = Some(seed.clone())).is_some())
    }

    async fn enable_totp(
        &self,
        user: &UserId,
        seed: &TotpSeed,
        step: i64,
        recovery: &[Digest],
    ) -> Result<bool, AccountsError> {
        let mut tables = self.tables.lock().await;
        let waits = |account: &&mut Account| account.pending_totp.as_ref() == Some(seed);
        let Some(account) = tables.account(user).filter(waits) else { return Ok(false) };
        account.pending_totp = None;
        account.totp = Some(Totp { seed: seed.clone(), last_step: step });
        tables.recovery.retain(|(owner, _)| owner != user);
        tables.recovery.extend(recovery.iter().map(|digest| (user.clone(), *digest)));
        Ok(true)
    }

    async fn take_step(&self, user: &UserId, step: i64) -> Result<bool, AccountsError> {
        let mut tables = self.tables.lock().await;
        let totp = tables.account(user).and_then(|account| account.totp.as_mut());
        Ok(totp.filter(|totp| totp.last_step < step).map(|totp| totp.last_step = step).is_some())
    }

    async fn take_recovery_code(&self, user: &UserId, code: &Digest) -> Result<bool, AccountsError> {
        let mut tables = self.tables.lock().await;
        let before = tables.recovery.len();
        tables.recovery.retain(|(owner, digest)| !(owner == user && digest == code));
        Ok(tables.recovery.len() < before)
    }

    async fn disable_totp(&self, user: &UserId) -> Result<bool, AccountsError> {
        let mut tables = self.tables.lock().await;
        let Some(account) = tables.account(user).filter(|account| account.totp.is_some()) else {
            return Ok(false);
        };
        (account.totp, account.pending_totp) = (None, None);
        tables.recovery.retain(|(owner, _)| owner != user);
        Ok(true)
    }
}

#[async_trait]
impl AttemptStore for MemoryStore {
    async fn count_attempt(&self, key: &AttemptKey, now: Timestamp) -> Result<Admission, AccountsError> {
        let mut tables = self.tables.lock().await;
        let place = tables.attempts.iter().position(|(other, _)| other == key);
        let failures = place.map(|at| tables.attempts[at].1).unwrap_or_default();
        let admission = failures.admit(now);
        if let Admission::Admitted(attempt) = admission {
            let (count, locked_until) = (attempt.failures, attempt.locked_until);
            let failures = Failures { count, last_at: Some(now), locked_until };
            match place {
                Some(at) => tables.attempts[at].1 = failures,
                None => tables.attempts.push((*key, failures)),
            }
        }
        Ok(admission)
    }

    async fn refund_attempt(&self, key: &AttemptKey, attempt: &Attempt) -> Result<(), AccountsError> {
        let mut tables = self.tables.lock().await;
        if let Some((_, failures)) = tables.attempts.iter_mut().find(|(other, _)| other == key) {
            if failures.count == attempt.failures && failures.locked_until == attempt.locked_until {
                failures.locked_until = None;
            }
            failures.count = failures.count.saturating_sub(1);
        }
        Ok(())
    }

    async fn clear_attempts(&self, key: &AttemptKey) -> Result<(), AccountsError> {
        self.tables.lock().await.attempts.retain(|(other, _)| other != key);
        Ok(())
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn insert_session(&self, session: &Session) -> Result<(), AccountsError> {
        let mut tables = self.tables.lock().await;
        let account = tables.account(&session.user).map(|account| account.clone());
        let account = account.ok_or_else(|| conflict("sessions refer to accounts"))?;
        if self.person(&account).await?.is_none() {
            return Err(conflict("sessions refer to accounts"));
        }
        tables.insert_session(session)
    }

    async fn find_session(&self, digest: &Digest) -> Result<Option<SessionInfo>, AccountsError> {
        let mut tables = self.tables.lock().await;
        let found = tables.sessions.iter().find(|session| session.digest == *digest).cloned();
        let Some(session) = found else { return Ok(None) };
        let has_passkey = tables.passkeys.iter().any(|passkey| passkey.user == session.user);
        let Some(account) = tables.account(&session.user) else { return Ok(None) };
        let organization = self.identity.projects.get_organization(&account.organization).await?;
        let (Some(organization), Some(person)) = (organization, self.person(account).await?) else {
            return Ok(None);
        };
        let Person { account, user } = person;
        Ok(Some(SessionInfo { session, account, user, organization, has_passkey }))
    }

    async fn touch_session(
        &self,
        id: &SessionId,
        seen_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), AccountsError> {
        let mut tables = self.tables.lock().await;
        for session in tables.sessions.iter_mut().filter(|session| session.id == *id) {
            if session.last_seen_at < seen_at {
                (session.last_seen_at, session.expires_at) = (seen_at, expires_at);
            }
        }
        Ok(())
    }

    async fn list_sessions(&self, user: &UserId, now: Timestamp) -> Result<Vec<Session>, AccountsError> {
        let tables = self.tables.lock().await;
        let fits = |session: &&Session| session.user == *user && session.expires_at > now;
        let mut found: Vec<Session> = tables.sessions.iter().filter(fits).cloned().collect();
        found.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        Ok(found)
    }

    async fn delete_session(&self, user: &UserId, id: &SessionId) -> Result<bool, AccountsError> {
        let mut tables = self.tables.lock().await;
        let before = tables.sessions.len();
        tables.sessions.retain(|session| !(session.user == *user && session.id == *id));
        Ok(tables.sessions.len() < before)
    }
}

#[async_trait]
impl PasskeyStore for MemoryStore {
    async fn insert_passkey(&self, passkey: &Passkey) -> Result<(), AccountsError> {
        let mut tables = self.tables.lock().await;
        if tables.account(&passkey.user).is_none() {
            return Err(conflict("passkeys refer to accounts"));
        }
        let taken = |other: &Passkey| other.id == passkey.id || other.credential == passkey.credential;
        if tables.passkeys.iter().any(taken) {
            return Err(conflict("passkeys are unique"));
        }
        tables.passkeys.push(passkey.clone());
        Ok(())
    }

    async fn find_passkey(&self, credential: &[u8]) -> Result<Option<Passkey>, AccountsError> {
        let mut tables = self.tables.lock().await;
        let found = tables.passkeys.iter().find(|passkey| passkey.credential == credential).cloned();
        let Some(passkey) = found else { return Ok(None) };
        let Some(account) = tables.account(&passkey.user) else { return Ok(None) };
        Ok(self.person(account).await?.map(|_| passkey))
    }

    async fn list_passkeys(&self, user: &UserId) -> Result<Vec<Passkey>, AccountsError> {
        let tables = self.tables.lock().await;
        let fits = |passkey: &&Passkey| passkey.user == *user;
        let mut found: Vec<Passkey> = tables.passkeys.iter().filter(fits).cloned().collect();
        found.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(found)
    }

    async fn use_passkey(
        &self,
        id: &PasskeyId,
        before: &[u8],
        after: &[u8],
        at: Timestamp,
    ) -> Result<bool, AccountsError> {
        let mut tables = self.tables.lock().await;
        let fits = |passkey: &&mut Passkey| passkey.id == *id && passkey.state == before;
        let Some(passkey) = tables.passkeys.iter_mut().find(fits) else { return Ok(false) };
        passkey.state = after.to_vec();
        passkey.last_used_at = Some(at);
        Ok(true)
    }

    async fn delete_passkey(&self, user: &UserId, id: &PasskeyId) -> Result<bool, AccountsError> {
        let mut tables = self.tables.lock().await;
        let before = tables.passkeys.len();
        tables.passkeys.retain(|passkey| !(passkey.user == *user && passkey.id == *id));
        Ok(tables.passkeys.len() < before)
    }

    async fn insert_challenge(&self, challenge: &Challenge) -> Result<(), AccountsError> {
        self.tables.lock().await.challenges.push(challenge.clone());
        Ok(())
    }

    async fn take_challenge(&self, id: &ChallengeId) -> Result<Option<Challenge>, AccountsError> {
        let mut tables = self.tables.lock().await;
        let place = tables.challenges.iter().position(|challenge| challenge.id == *id);
        Ok(place.map(|at| tables.challenges.remove(at)))
    }
}

#[async_trait]
impl InviteStore for MemoryStore {
    async fn insert_invite(&self, invite: &Invite) -> Result<(), AccountsError> {
        let mut tables = self.tables.lock().await;
        tables.invites.retain(|other| {
            other.organization != invite.organization
                || other.email != invite.email
                || other.accepted_at.is_some()
        });
        tables.invites.push(invite.clone());
        Ok(())
    }

    async fn list_invites(
        &self,
        organization: &OrganizationId,
        limit: u32,
    ) -> Result<Vec<Invite>, AccountsError> {
        let tables = self.tables.lock().await;
        let fits = |invite: &&Invite| invite.organization == *organization;
        let mut found: Vec<Invite> = tables.invites.iter().filter(fits).cloned().collect();
        found.sort_by(|a, b| (b.invited_at, &b.id).cmp(&(a.invited_at, &a.id)));
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn delete_invite(
        &self,
        organization: &OrganizationId,
        id: &InviteId,
    ) -> Result<bool, AccountsError> {
        let mut tables = self.tables.lock().await;
        let before = tables.invites.len();
        tables.invites.retain(|invite| !(invite.organization == *organization && invite.id == *id));
        Ok(tables.invites.len() < before)
    }

    async fn find_invite(&self, digest: &Digest) -> Result<Option<Invite>, AccountsError> {
        let tables = self.tables.lock().await;
        Ok(tables.invites.iter().find(|invite| invite.digest == *digest).cloned())
    }

    async fn accept_invite(&self, acceptance: &Acceptance) -> Result<bool, AccountsError> {
        let mut tables = self.tables.lock().await;
        let fits = |invite: &Invite| {
            invite.id == acceptance.invite
                && invite.accepted_at.is_none()
                && invite.expires_at > acceptance.at
        };
        let Some(place) = tables.invites.iter().position(fits) else { return Ok(false) };
        if tables.account(&acceptance.account.user).is_some() {
            return Err(conflict("accounts are unique"));
        }
        if acceptance.is_new {
            self.identity.users.insert_user(&acceptance.user).await.map_err(of_identity)?;
        }
        for member in &acceptance.members {
            let known = self.identity.members.get_member(&member.project, &member.user.id).await?;
            if known.is_none() {
                self.identity.members.insert_member(member).await.map_err(of_identity)?;
            }
        }
        tables.invites[place].accepted_at = Some(acceptance.at);
        tables.accounts.push(acceptance.account.clone());
        tables.insert_session(&acceptance.session)?;
        Ok(true)
    }
}

/// Removes the first `limit` elements that are over, and says how many.
fn remove<T>(rows: &mut Vec<T>, limit: u32, is_over: impl Fn(&T) -> bool) -> u64 {
    let mut removed = 0;
    rows.retain(|row| {
        let goes = removed < u64::from(limit) && is_over(row);
        removed += u64::from(goes);
        !goes
    });
    removed
}

#[async_trait]
impl SweepStore for MemoryStore {
    async fn sweep(
        &self,
        now: Timestamp,
        invites_before: Timestamp,
        limit: u32,
    ) -> Result<u64, AccountsError> {
        let mut tables = self.tables.lock().await;
        let forgotten = |failures: &Failures| failures.last_at.is_none_or(|at| at.plus(MEMORY) < now);
        Ok(remove(&mut tables.sessions, limit, |session| session.expires_at < now)
            + remove(&mut tables.challenges, limit, |challenge| challenge.expires_at < now)
            + remove(&mut tables.invites, limit, |invite| invite.expires_at < invites_before)
            + remove(&mut tables.attempts, limit, |(_, failures)| forgotten(failures)))
    }
}
