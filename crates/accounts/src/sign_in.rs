//! Signing in by password.

use tenfold_identity::check_email;
use tenfold_kernel::Secret;

use crate::{Accounts, AccountsError, Attempt, AttemptKey, PasswordHash, Person, SignedIn};

/// How many organisations' accounts of one address are tried.
const MOST_PEOPLE: u32 = 8;
/// 128 characters of four bytes: whatever is longer is nobody's password, and is not hashed.
const LONGEST_PASSWORD: usize = 512;

/// What somebody signs in with.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The address.
    pub email: String,
    /// The password.
    pub password: Secret,
    /// A one-time code, or a recovery code.
    pub code: Option<Secret>,
    /// What the browser says of itself.
    pub user_agent: String,
}

impl Accounts {
    /// Signs a browser in.
    ///
    /// # Errors
    /// [`AccountsError::InvalidSignIn`], [`AccountsError::TotpRequired`], [`AccountsError::TooManyAttempts`], or
    /// [`AccountsError::Busy`].
    #[tracing::instrument(name = "accounts.sign_in", skip_all)]
    pub async fn sign_in(&self, credentials: Credentials) -> Result<SignedIn, AccountsError> {
        let email = credentials.email.trim().to_lowercase();
        let key = self.email_key(&email);
        let attempt = self.admit(&key).await?;
        // What cannot be an address is nobody's, and no database is asked for it: not all take every character.
        let people = if check_email(&email).is_ok() {
            self.ports.accounts.find_people(&email, MOST_PEOPLE).await?
        } else {
            Vec::new()
        };
        let found = self.by_password(&key, &attempt, people, &credentials.password).await?;
        let Some(account) = found.map(|person| person.account) else {
            return Err(AccountsError::InvalidSignIn);
        };
        if account.totp.is_some() {
            let Some(code) = &credentials.code else {
                // Not a failure; and no success either, or guesses at codes would start anew with each.
                self.ports.attempts.refund_attempt(&key, &attempt).await?;
                return Err(AccountsError::TotpRequired);
            };
            if !self.take_code(&account, code.expose()).await? {
                tracing::info!(user.id = %account.user, "code refused");
                return Err(AccountsError::InvalidSignIn);
            }
        }
        self.ports.attempts.clear_attempts(&key).await?;
        let signed_in = self.begin_session(&account.user, &credentials.user_agent).await?;
        let session = &signed_in.info.session;
        tracing::info!(user.id = %session.user, session.id = %session.id, "signed in by password");
        Ok(signed_in)
    }

    /// The first of `people` whose password it is. With nobody to try, as much time passes as with one.
    async fn by_password(
        &self,
        key: &AttemptKey,
        attempt: &Attempt,
        people: Vec<Person>,
        password: &Secret,
    ) -> Result<Option<Person>, AccountsError> {
        let fits = password.expose().len() <= LONGEST_PASSWORD;
        let password = if fits { password.clone() } else { Secret::new("") };
        let mut tried = false;
        for person in people {
            let Some(hash) = person.account.password.clone() else { continue };
            tried = true;
            if self.verify(key, attempt, &password, hash).await? {
                return Ok(Some(person));
            }
            tracing::info!(user.id = %person.user.id, "password refused");
        }
        if !tried {
            self.verify(key, attempt, &password, PasswordHash::nobody()).await?;
        }
        Ok(None)
    }
}
