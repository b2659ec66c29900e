//! Signing browsers out.

use tenfold_kernel::SessionId;

use crate::{Accounts, AccountsError, SessionInfo};

impl Accounts {
    /// Signs this or another browser of the user out; its token stops at once.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`].
    #[tracing::instrument(name = "accounts.end_session", skip_all, fields(session.id = %id))]
    pub async fn end_session(&self, info: &SessionInfo, id: &SessionId) -> Result<(), AccountsError> {
        if !self.ports.sessions.delete_session(&info.user.id, id).await? {
            return Err(AccountsError::NotFound { what: "session", id: id.to_string() });
        }
        tracing::info!(user.id = %info.user.id, by = %info.session.id, "signed out");
        Ok(())
    }
}
