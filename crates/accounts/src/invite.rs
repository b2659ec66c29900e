//! Invitations to an organisation.

use tenfold_identity::{Digest, Member, OrganizationRole, ProjectRole, User};
use tenfold_kernel::{InviteId, OrganizationId, ProjectId, Timestamp, UserId};

use crate::{Account, Session};

/// An invitation as it is kept: everything but the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// Its id.
    pub id: InviteId,
    /// To which organisation.
    pub organization: OrganizationId,
    /// To whom, in small letters.
    pub email: String,
    /// What the person is to be in the organisation.
    pub role: OrganizationRole,
    /// In which projects the person is to work, and as what.
    pub projects: Vec<(ProjectId, ProjectRole)>,
    /// Who invites, if a person.
    pub invited_by: Option<UserId>,
    /// The keyed hash of the token.
    pub digest: Digest,
    /// Since when.
    pub invited_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// When it was accepted, if it was.
    pub accepted_at: Option<Timestamp>,
}

/// What has become of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InviteStatus {
    /// It may be accepted.
    Pending,
    /// It was.
    Accepted,
    /// It may no longer be.
    Expired,
}

impl InviteStatus {
    /// As it is written on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Expired => "expired",
        }
    }
}

impl Invite {
    /// What has become of it at `now`.
    pub fn status(&self, now: Timestamp) -> InviteStatus {
        if self.accepted_at.is_some() {
            InviteStatus::Accepted
        } else if self.expires_at <= now {
            InviteStatus::Expired
        } else {
            InviteStatus::Pending
        }
    }
}

/// Everything that comes to be when an invitation is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// Which one.
    pub invite: InviteId,
    /// When.
    pub at: Timestamp,
    /// The person.
    pub user: User,
    /// Whether the person is new to the organisation. Who was a user before keeps what it is.
    pub is_new: bool,
    /// In which projects the person works from now on; where it does already, nothing changes.
    pub members: Vec<Member>,
    /// What signs the person in.
    pub account: Account,
    /// The browser in which it was accepted.
    pub session: Session,
}

/// Under what the token of an invitation is kept.
pub(crate) fn token_digest(token: &str, pepper: &[u8; 32]) -> Digest {
    Digest::of(&format!("invitation\0{token}"), pepper)
}
