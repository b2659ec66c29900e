//! Adding a passkey.

use std::time::Duration;

use tenfold_identity::check_name;
use tenfold_kernel::{ChallengeId, PasskeyId};

use crate::passkey::{begin_registration, finish_registration};
use crate::{Accounts, AccountsError, Challenge, Passkey, Person, Question, RelyingParty, SessionInfo};

/// How long a browser may take to answer.
pub(crate) const CHALLENGE_LIFE: Duration = Duration::from_mins(5);
const MOST_PASSKEYS: usize = 20;

impl Accounts {
    /// Asks the browser of whoever is signed in to make a passkey.
    ///
    /// # Errors
    /// [`AccountsError::PasskeysUnavailable`], [`AccountsError::TooManyPasskeys`].
    pub async fn begin_passkey(&self, info: &SessionInfo) -> Result<Question, AccountsError> {
        let party = self.relying_party()?;
        let existing = self.ports.passkeys.list_passkeys(&info.user.id).await?;
        if existing.len() >= MOST_PASSKEYS {
            return Err(AccountsError::TooManyPasskeys { limit: MOST_PASSKEYS });
        }
        let person = Person { account: info.account.clone(), user: info.user.clone() };
        let begun = begin_registration(party, &person, &existing, &self.config.pepper);
        let (state, public_key) = begun.map_err(|source| AccountsError::PasskeyRejected { source })?;
        self.ask(Some(info), state, public_key).await
    }

    /// Keeps the passkey with which the browser answered.
    ///
    /// # Parameters
    /// `response`: the browser's `RegistrationResponseJSON`.
    /// # Errors
    /// [`AccountsError::ChallengeGone`], [`AccountsError::PasskeyRejected`], [`AccountsError::AlreadyExists`] for the
    /// credential, [`AccountsError::TooManyPasskeys`], or [`AccountsError::Identity`] for the name.
    #[tracing::instrument(name = "accounts.register_passkey", skip_all)]
    pub async fn register_passkey(
        &self,
        info: &SessionInfo,
        challenge: &ChallengeId,
        name: &str,
        response: &[u8],
    ) -> Result<Passkey, AccountsError> {
        let party = self.relying_party()?;
        let name = check_name(name)?;
        let kept = self.answered(challenge).await?;
        if kept.user.as_ref() != Some(&info.user.id) {
            return Err(AccountsError::ChallengeGone);
        }
        let proven = finish_registration(party, &kept.state, response)
            .map_err(|source| AccountsError::PasskeyRejected { source })?;
        if self.ports.passkeys.list_passkeys(&info.user.id).await?.len() >= MOST_PASSKEYS {
            return Err(AccountsError::TooManyPasskeys { limit: MOST_PASSKEYS });
        }
        let passkey = Passkey {
            id: PasskeyId::generate(&*self.rng),
            user: info.user.id.clone(),
            name,
            credential: proven.credential,
            transports: proven.transports,
            public_key: proven.public_key,
            state: proven.state,
            created_at: self.clock.now(),
            last_used_at: None,
        };
        match self.ports.passkeys.insert_passkey(&passkey).await {
            Err(AccountsError::Conflict { .. }) => Err(AccountsError::AlreadyExists { what: "passkey" }),
            Err(error) => Err(error),
            Ok(()) => {
                tracing::info!(user.id = %passkey.user, passkey.id = %passkey.id, "passkey added");
                Ok(passkey)
            }
        }
    }

    pub(crate) fn relying_party(&self) -> Result<&RelyingParty, AccountsError> {
        self.config.relying_party.as_ref().ok_or(AccountsError::PasskeysUnavailable)
    }

    /// Keeps a question until it is answered.
    pub(crate) async fn ask(
        &self,
        info: Option<&SessionInfo>,
        state: Vec<u8>,
        public_key: serde_json::Value,
    ) -> Result<Question, AccountsError> {
        let challenge = Challenge {
            id: ChallengeId::generate(&*self.rng),
            user: info.map(|info| info.user.id.clone()),
            state,
            expires_at: self.clock.now().plus(CHALLENGE_LIFE),
        };
        self.ports.passkeys.insert_challenge(&challenge).await?;
        Ok(Question { challenge: challenge.id, public_key })
    }

    /// The question that is answered now, and never again.
    pub(crate) async fn answered(&self, id: &ChallengeId) -> Result<Challenge, AccountsError> {
        let taken = self.ports.passkeys.take_challenge(id).await?;
        taken.filter(|challenge| challenge.expires_at > self.clock.now()).ok_or(AccountsError::ChallengeGone)
    }
}
