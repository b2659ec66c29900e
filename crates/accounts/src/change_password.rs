//! Changing one's password.

use tenfold_kernel::Secret;

use crate::password::check_password;
use crate::{Accounts, AccountsError, SessionInfo};

impl Accounts {
    /// Changes the password of whoever is signed in; every other browser is signed out.
    ///
    /// # Errors
    /// [`AccountsError::WrongPassword`], [`AccountsError::WeakPassword`], [`AccountsError::TooManyAttempts`].
    #[tracing::instrument(name = "accounts.change_password", skip_all)]
    pub async fn change_password(
        &self,
        info: &SessionInfo,
        password: &Secret,
        new: &Secret,
    ) -> Result<(), AccountsError> {
        let user = &info.user.id;
        let person = self.demand_password(user, password).await?;
        self.ports.attempts.clear_attempts(&self.user_key(user)).await?;
        check_password(new.expose(), &person.user.email, &person.user.name)?;
        let hash = self.hasher.hash(new, &*self.rng).await?;
        if !self.ports.accounts.set_password(user, &hash, Some(&info.session.id)).await? {
            return Err(AccountsError::NoSession);
        }
        tracing::info!(user.id = %user, session.id = %info.session.id, "password changed");
        Ok(())
    }
}
