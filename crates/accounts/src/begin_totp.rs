//! Turning one-time codes on, first half.

use tenfold_kernel::Secret;

use crate::{Accounts, AccountsError, SessionInfo, TotpSecret, TotpSeed};

/// What an authenticator app is given.
#[derive(Debug, Clone)]
pub struct PendingTotp {
    /// The secret, for whoever types it.
    pub secret: TotpSecret,
    /// The address of a QR code with the secret. It is one itself.
    pub url: Secret,
}

impl Accounts {
    /// Makes a secret for an authenticator app. Nothing changes until a code of it is shown.
    ///
    /// # Errors
    /// [`AccountsError::WrongPassword`], [`AccountsError::TotpEnabled`], [`AccountsError::TooManyAttempts`].
    #[tracing::instrument(name = "accounts.begin_totp", skip_all)]
    pub async fn begin_totp(
        &self,
        info: &SessionInfo,
        password: &Secret,
    ) -> Result<PendingTotp, AccountsError> {
        let user = &info.user.id;
        let person = self.demand_password(user, password).await?;
        self.ports.attempts.clear_attempts(&self.user_key(user)).await?;
        let seed = TotpSeed::generate(&*self.rng);
        if !self.ports.totp.begin_totp(user, &seed).await? {
            return Err(AccountsError::TotpEnabled);
        }
        tracing::info!(user.id = %user, "one-time codes begun");
        let secret = seed.secret(user, &self.config.pepper);
        let url = Secret::new(&secret.url(&person.user.email));
        Ok(PendingTotp { secret, url })
    }
}
