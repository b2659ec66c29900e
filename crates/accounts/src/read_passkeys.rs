//! Looking at one's passkeys, and removing them.

use tenfold_kernel::PasskeyId;

use crate::{Accounts, AccountsError, Passkey, SessionInfo};

impl Accounts {
    /// The passkeys of whoever is signed in, oldest first.
    ///
    /// # Errors
    /// As the store's.
    pub async fn list_passkeys(&self, info: &SessionInfo) -> Result<Vec<Passkey>, AccountsError> {
        self.ports.passkeys.list_passkeys(&info.user.id).await
    }

    /// Removes a passkey of whoever is signed in; it signs nobody in from now on.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`].
    #[tracing::instrument(name = "accounts.delete_passkey", skip_all, fields(passkey.id = %id))]
    pub async fn delete_passkey(&self, info: &SessionInfo, id: &PasskeyId) -> Result<(), AccountsError> {
        if !self.ports.passkeys.delete_passkey(&info.user.id, id).await? {
            return Err(AccountsError::NotFound { what: "passkey", id: id.to_string() });
        }
        tracing::info!(user.id = %info.user.id, session.id = %info.session.id, "passkey removed");
        Ok(())
    }
}
