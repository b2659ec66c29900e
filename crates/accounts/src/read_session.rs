//! Who is signed in.

use std::time::Duration;

use tenfold_kernel::Timestamp;

use crate::session::{csrf_digest, token_digest};
use crate::{Accounts, AccountsError, Session, SessionInfo};

/// How often a use is written at most.
const TOUCH_EVERY: Duration = Duration::from_mins(1);

impl Accounts {
    /// Who shows this token: on the path of every request of the console. Notes the use, once a minute at most.
    ///
    /// # Errors
    /// [`AccountsError::NoSession`].
    pub async fn session(&self, token: &str) -> Result<SessionInfo, AccountsError> {
        let digest = token_digest(token, &self.config.pepper);
        let found = self.ports.sessions.find_session(&digest).await?;
        let now = self.clock.now();
        let mut info = found
            .filter(|info| is_on(&info.session, now) && info.session.digest == digest)
            .ok_or(AccountsError::NoSession)?;
        let session = &mut info.session;
        if session.last_seen_at.plus(TOUCH_EVERY) <= now {
            session.last_seen_at = now;
            session.expires_at = session.ends_at.min(now.plus(self.config.session_idle));
            self.ports.sessions.touch_session(&session.id, now, session.expires_at).await?;
        }
        Ok(info)
    }

    /// What the page of a browser with this token has to show to change something.
    pub fn csrf_token(&self, token: &str) -> String {
        csrf_digest(token, &self.config.pepper).to_hex()
    }

    /// Lets a page pass that shows what belongs to the browser's token; compares in constant time.
    ///
    /// # Errors
    /// [`AccountsError::CsrfMismatch`].
    pub fn check_csrf(&self, token: &str, shown: &str) -> Result<(), AccountsError> {
        let right = csrf_digest(token, &self.config.pepper);
        let same = tenfold_identity::Digest::from_hex(shown).is_some_and(|shown| shown == right);
        if same { Ok(()) } else { Err(AccountsError::CsrfMismatch) }
    }

    /// The browsers in which the user is signed in, newest first.
    ///
    /// # Errors
    /// As the store's.
    pub async fn list_sessions(&self, info: &SessionInfo) -> Result<Vec<Session>, AccountsError> {
        self.ports.sessions.list_sessions(&info.user.id, self.clock.now()).await
    }
}

fn is_on(session: &Session, now: Timestamp) -> bool {
    session.expires_at.min(session.ends_at) > now
}
