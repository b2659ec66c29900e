//! Looking at invitations, and taking them back.

use tenfold_identity::{demand_read, demand_write};
use tenfold_kernel::{Area, Caller, InviteId};

use crate::{Accounts, AccountsError, Invite};

const MOST_INVITES: u32 = 1000;

impl Accounts {
    /// The organisation's invitations, newest first: the last thousand. [`Invite::status`] says what became of each.
    ///
    /// # Errors
    /// [`AccountsError::Identity`] for the caller.
    pub async fn list_invites(&self, caller: &Caller) -> Result<Vec<Invite>, AccountsError> {
        demand_read(caller, Area::People)?;
        self.ports.invites.list_invites(&caller.organization, MOST_INVITES).await
    }

    /// Takes an invitation back, or removes one that is over from the list.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`], or [`AccountsError::Identity`] for the caller.
    #[tracing::instrument(name = "accounts.delete_invite", skip_all, fields(invite.id = %id))]
    pub async fn delete_invite(&self, caller: &Caller, id: &InviteId) -> Result<(), AccountsError> {
        demand_write(caller, Area::People)?;
        if !self.ports.invites.delete_invite(&caller.organization, id).await? {
            return Err(AccountsError::NotFound { what: "invitation", id: id.to_string() });
        }
        tracing::info!(by = %caller.api_key, "invitation removed");
        Ok(())
    }
}
