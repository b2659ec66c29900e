//! Removing what is over.

use tenfold_kernel::Timestamp;

use crate::{Accounts, AccountsError};

/// For how long an invitation is listed after its end: 30 days.
const LISTED_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// How many of each kind go at once, so that nobody waits long for the database.
const BATCH: u32 = 500;

impl Accounts {
    /// Removes a batch of sessions, questions, failures and invitations that are over, and says how many. To be
    /// called now and then, and again while it removes something.
    ///
    /// # Errors
    /// As the store's.
    #[tracing::instrument(name = "accounts.sweep", skip_all)]
    pub async fn sweep(&self) -> Result<u64, AccountsError> {
        let now = self.clock.now();
        self.ports.sweep.sweep(now, Timestamp(now.0.saturating_sub(LISTED_MS)), BATCH).await
    }
}
