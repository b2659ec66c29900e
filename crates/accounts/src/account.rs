//! What signs a person in.

use tenfold_identity::User;
use tenfold_kernel::{ApiKeyId, OrganizationId, Timestamp, UserId};

use crate::{PasswordHash, Totp, TotpSeed};

/// What signs a user of the organisation in to the console. Name, address and role are identity's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Whose it is: one account a user, gone with the user.
    pub user: UserId,
    /// The organisation.
    pub organization: OrganizationId,
    /// The hash of the password, if there is one.
    pub password: Option<PasswordHash>,
    /// The one-time codes that are asked for beside the password, if they are on.
    pub totp: Option<Totp>,
    /// Of a secret that was shown and not yet confirmed by a code of it.
    pub pending_totp: Option<TotpSeed>,
    /// Under which key the person's calls from the console are booked. No secret belongs to it.
    pub console_key: ApiKeyId,
    /// Since when.
    pub created_at: Timestamp,
}

/// An account with whose it is, read in one look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The account.
    pub account: Account,
    /// The user.
    pub user: User,
}
