//! Turning one-time codes on, second half.

use tenfold_kernel::Secret;

use crate::{Accounts, AccountsError, SessionInfo, recovery};

impl Accounts {
    /// Turns one-time codes on, when the code is one of the secret that was shown. Gives the recovery codes, which
    /// are shown here and never again.
    ///
    /// # Errors
    /// [`AccountsError::WrongCode`], [`AccountsError::TotpDisabled`] when nothing was begun,
    /// [`AccountsError::TotpEnabled`].
    #[tracing::instrument(name = "accounts.confirm_totp", skip_all)]
    pub async fn confirm_totp(&self, info: &SessionInfo, code: &str) -> Result<Vec<Secret>, AccountsError> {
        let user = &info.user.id;
        let person = self.ports.accounts.get_person(user).await?.ok_or(AccountsError::NoSession)?;
        if person.account.totp.is_some() {
            return Err(AccountsError::TotpEnabled);
        }
        let seed = person.account.pending_totp.ok_or(AccountsError::TotpDisabled)?;
        let secret = seed.secret(user, &self.config.pepper);
        let step = secret.step_of(code, self.clock.now(), 0).ok_or(AccountsError::WrongCode)?;
        let codes: Vec<String> = (0..recovery::COUNT).map(|_| recovery::generate(&*self.rng)).collect();
        let digests: Vec<_> =
            codes.iter().filter_map(|code| recovery::digest(code, user, &self.config.pepper)).collect();
        if !self.ports.totp.enable_totp(user, &seed, step, &digests).await? {
            // Another browser confirmed meanwhile, or began anew.
            return Err(AccountsError::TotpDisabled);
        }
        tracing::info!(user.id = %user, session.id = %info.session.id, "one-time codes on");
        Ok(codes.iter().map(|code| Secret::new(code)).collect())
    }
}
