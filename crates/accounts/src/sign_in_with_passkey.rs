//! Signing in by passkey.

use tenfold_kernel::{BoxError, ChallengeId};

use crate::passkey::{Answer, begin_authentication};
use crate::{Accounts, AccountsError, Question, SignedIn};

impl Accounts {
    /// Asks a browser for whatever passkey it has.
    ///
    /// # Errors
    /// [`AccountsError::PasskeysUnavailable`].
    pub async fn begin_passkey_sign_in(&self) -> Result<Question, AccountsError> {
        let begun = begin_authentication(self.relying_party()?);
        let (state, public_key) = begun.map_err(|source| AccountsError::PasskeyRejected { source })?;
        self.ask(None, state, public_key).await
    }

    /// Signs the browser in that proved a passkey. One that verified its user stands for password and code.
    ///
    /// # Parameters
    /// `response`: the browser's `AuthenticationResponseJSON`.
    /// # Errors
    /// [`AccountsError::ChallengeGone`], or [`AccountsError::InvalidSignIn`] whatever else is wrong.
    #[tracing::instrument(name = "accounts.sign_in_with_passkey", skip_all)]
    pub async fn sign_in_with_passkey(
        &self,
        challenge: &ChallengeId,
        response: &[u8],
        user_agent: &str,
    ) -> Result<SignedIn, AccountsError> {
        let party = self.relying_party()?;
        let kept = self.answered(challenge).await?;
        if kept.user.is_some() {
            return Err(AccountsError::ChallengeGone);
        }
        let answer = Answer::read(response).map_err(|source| refused(&source))?;
        let Some(passkey) = self.ports.passkeys.find_passkey(answer.credential()).await? else {
            tracing::debug!("unknown passkey");
            return Err(AccountsError::InvalidSignIn);
        };
        let state = answer
            .check(party, &kept.state, &passkey, &self.config.pepper)
            .map_err(|source| refused(&source))?;
        let now = self.clock.now();
        // Whoever used it meanwhile has signed with a later counter.
        if !self.ports.passkeys.use_passkey(&passkey.id, &passkey.state, &state, now).await? {
            return Err(AccountsError::InvalidSignIn);
        }
        let signed_in = self.begin_session(&passkey.user, user_agent).await?;
        let session = &signed_in.info.session;
        tracing::info!(
            user.id = %session.user, session.id = %session.id, passkey.id = %passkey.id, "signed in by passkey"
        );
        Ok(signed_in)
    }
}

fn refused(source: &BoxError) -> AccountsError {
    tracing::debug!(error = %source, "passkey refused");
    AccountsError::InvalidSignIn
}
