//! Turning one-time codes off.

use tenfold_kernel::Secret;

use crate::{Accounts, AccountsError, SessionInfo};

impl Accounts {
    /// Turns one-time codes off, with the recovery codes. Needs both factors once more.
    ///
    /// # Errors
    /// [`AccountsError::WrongPassword`], [`AccountsError::WrongCode`], [`AccountsError::TotpDisabled`],
    /// [`AccountsError::TooManyAttempts`].
    #[tracing::instrument(name = "accounts.disable_totp", skip_all)]
    pub async fn disable_totp(
        &self,
        info: &SessionInfo,
        password: &Secret,
        code: &str,
    ) -> Result<(), AccountsError> {
        let user = &info.user.id;
        let person = self.demand_password(user, password).await?;
        if person.account.totp.is_none() {
            return Err(AccountsError::TotpDisabled);
        }
        if !self.take_code(&person.account, code).await? {
            return Err(AccountsError::WrongCode);
        }
        self.ports.attempts.clear_attempts(&self.user_key(user)).await?;
        if !self.ports.totp.disable_totp(user).await? {
            return Err(AccountsError::TotpDisabled);
        }
        tracing::info!(user.id = %user, session.id = %info.session.id, "one-time codes off");
        Ok(())
    }
}
