//! Passkeys: what `WebAuthn` has to be asked and answered, without where it is kept.
//!
//! # Source
//! W3C Web Authentication Level 3, sections 7.1 (registration) and 7.2 (authentication), by `webauthn_rp`.

use data_encoding::BASE64URL_NOPAD;
use tenfold_identity::Digest;
use tenfold_kernel::{BoxError, ChallengeId, PasskeyId, Timestamp, UserId};
use url::{Host, Url};
use webauthn_rp::bin::{Decode, Encode as _};
use webauthn_rp::request::auth::{
    AuthenticationVerificationOptions, DiscoverableCredentialRequestOptions, SignatureCounterEnforcement,
};
use webauthn_rp::request::register::{
    CredProtect, Nickname, PublicKeyCredentialCreationOptions, PublicKeyCredentialUserEntity,
    RegistrationVerificationOptions, UserHandle, Username,
};
use webauthn_rp::request::{AsciiDomain, ExtensionInfo, PublicKeyCredentialDescriptor, RpId};
use webauthn_rp::response::auth::DiscoverableAuthentication;
use webauthn_rp::response::register::{CompressedPubKey, DynamicState, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId};
use webauthn_rp::{
    AuthenticatedCredential, DiscoverableAuthenticationServerState, Registration, RegistrationServerState,
};

use crate::Person;

/// The bytes of a user handle: a keyed hash of the user's id, so that it says nothing and needs no place.
const HANDLE: usize = 32;
type Handle = UserHandle<HANDLE>;
type PublicKey = CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>;

/// For whom passkeys are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// The domain name, to which passkeys are bound for ever.
    id: RpId,
    /// From where browsers answer: scheme, host and port.
    origin: String,
}

impl RelyingParty {
    /// The relying party of a public URL; `None` where browsers have no passkeys: at an address of numbers, and
    /// without TLS anywhere but on `localhost`.
    pub fn of_url(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let Some(Host::Domain(domain)) = url.host() else { return None };
        let local = domain == "localhost" || domain.ends_with(".localhost");
        if !(url.scheme() == "https" || (url.scheme() == "http" && local)) {
            return None;
        }
        let id = RpId::Domain(AsciiDomain::try_from(domain.to_owned()).ok()?);
        Some(Self { id, origin: url.origin().ascii_serialization() })
    }

    /// The domain name.
    pub fn id(&self) -> &str {
        self.id.as_ref()
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

/// A passkey as it is kept. The private key is in the person's authenticator and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// Its id.
    pub id: PasskeyId,
    /// Whose it is.
    pub user: UserId,
    /// What the person calls it.
    pub name: String,
    /// The credential's id, which the authenticator chose.
    pub credential: Vec<u8>,
    /// By what the authenticator is reached, as a set of bits.
    pub transports: u8,
    /// The public key, with what never changes.
    pub public_key: Vec<u8>,
    /// The counter of signatures, with what else changes by use.
    pub state: Vec<u8>,
    /// Since when.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub last_used_at: Option<Timestamp>,
}

/// A question to a browser as it is kept until it is answered, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Its id.
    pub id: ChallengeId,
    /// Who is to get a passkey; `None` for a sign-in, where nobody is known yet.
    pub user: Option<UserId>,
    /// What the answer is checked against.
    pub state: Vec<u8>,
    /// Until when.
    pub expires_at: Timestamp,
}

/// What a browser is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// By what the answer names it.
    pub challenge: ChallengeId,
    /// `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON`.
    pub public_key: serde_json::Value,
}

fn handle(user: &UserId, pepper: &[u8; 32]) -> Handle {
    let digest = Digest::of(&format!("passkey user\0{user}"), pepper);
    match Handle::decode(*digest.bytes()) {
        Ok(handle) => handle,
        Err(never) => match never {},
    }
}

fn boxed(error: impl std::error::Error + Send + Sync + 'static) -> BoxError {
    error.into()
}

/// Begins a registration: what is kept, and what the browser is asked.
pub(crate) fn begin_registration(
    party: &RelyingParty,
    person: &Person,
    existing: &[Passkey],
    pepper: &[u8; 32],
) -> Result<(Vec<u8>, serde_json::Value), BoxError> {
    let handle = handle(&person.user.id, pepper);
    let mut entity = PublicKeyCredentialUserEntity::from(&handle);
    // What the standard does not take as a name is left out: it is for the person's eyes alone.
    if let Ok(name) = Username::try_from(person.user.email.as_str()) {
        entity.name = name;
    }
    entity.display_name = Nickname::try_from(person.user.name.as_str()).ok();
    let exclude = existing
        .iter()
        .map(|passkey| {
            let id = CredentialId::<Vec<u8>>::decode(passkey.credential.clone()).map_err(boxed)?;
            let transports = AuthTransports::decode(passkey.transports).map_err(boxed)?;
            Ok(PublicKeyCredentialDescriptor { id, transports })
        })
        .collect::<Result<Vec<_>, BoxError>>()?;
    let mut options = PublicKeyCredentialCreationOptions::passkey(&party.id, entity, exclude);
    // Asked for and not insisted on: many authenticators have no such protection, and every use is verified all the same.
    options.extensions.cred_protect =
        CredProtect::UserVerificationRequired(ExtensionInfo::AllowDontEnforceValue);
    let (server, client) = options.start_ceremony().map_err(boxed)?;
    Ok((server.encode().map_err(boxed)?, serde_json::to_value(&client).map_err(boxed)?))
}

/// A credential that was proven, as it is to be kept.
#[derive(Debug)]
pub(crate) struct Proven {
    pub(crate) credential: Vec<u8>,
    pub(crate) transports: u8,
    pub(crate) public_key: Vec<u8>,
    pub(crate) state: Vec<u8>,
}

/// Checks the `RegistrationResponseJSON` of a browser against what was kept.
pub(crate) fn finish_registration(
    party: &RelyingParty,
    kept: &[u8],
    response: &[u8],
) -> Result<Proven, BoxError> {
    let server = RegistrationServerState::<HANDLE>::decode(kept).map_err(boxed)?;
    let registration = Registration::from_json_relaxed(response).map_err(boxed)?;
    let options = RegistrationVerificationOptions::<&str, &str> {
        allowed_origins: &[party.origin()],
        // Password managers answer extensions that nobody asked for; none of them is used.
        error_on_unsolicited_extensions: false,
        ..RegistrationVerificationOptions::default()
    };
    let credential = server.verify(&party.id, &registration, &options).map_err(boxed)?;
    let encoded = (
        credential.transports().encode(),
        credential.static_state().encode(),
        credential.dynamic_state().encode(),
    );
    let (Ok(transports), Ok(public_key), Ok(state)) = encoded;
    Ok(Proven {
        credential: credential.id().into_inner().to_vec(),
        transports,
        public_key,
        state: state.to_vec(),
    })
}

/// Begins a sign-in with whatever passkey the browser has: what is kept, and what the browser is asked.
pub(crate) fn begin_authentication(party: &RelyingParty) -> Result<(Vec<u8>, serde_json::Value), BoxError> {
    let options = DiscoverableCredentialRequestOptions::passkey(&party.id);
    let (server, client) = options.start_ceremony().map_err(boxed)?;
    Ok((server.encode().map_err(boxed)?, serde_json::to_value(&client).map_err(boxed)?))
}

/// An answer to [`begin_authentication`] that was read and not yet checked.
#[derive(Debug)]
pub(crate) struct Answer(DiscoverableAuthentication<HANDLE>);

impl Answer {
    /// Reads an `AuthenticationResponseJSON`.
    pub(crate) fn read(response: &[u8]) -> Result<Self, BoxError> {
        DiscoverableAuthentication::from_json_relaxed(response).map(Self).map_err(boxed)
    }

    /// With which credential it was signed.
    pub(crate) fn credential(&self) -> &[u8] {
        self.0.raw_id().into_inner()
    }

    /// Checks it against what was kept and the passkey it names; gives the passkey's state after it.
    pub(crate) fn check(
        &self,
        party: &RelyingParty,
        kept: &[u8],
        passkey: &Passkey,
        pepper: &[u8; 32],
    ) -> Result<Vec<u8>, BoxError> {
        let server = DiscoverableAuthenticationServerState::decode(kept).map_err(boxed)?;
        let handle = handle(&passkey.user, pepper);
        let public_key = StaticState::<PublicKey>::decode(&passkey.public_key).map_err(boxed)?;
        let state: [u8; 7] = passkey.state.as_slice().try_into().map_err(boxed)?;
        let state = DynamicState::decode(state).map_err(boxed)?;
        let id = CredentialId::<&[u8]>::decode(&passkey.credential).map_err(boxed)?;
        let mut credential = AuthenticatedCredential::new(id, &handle, public_key, state).map_err(boxed)?;
        let options = AuthenticationVerificationOptions::<&str, &str> {
            allowed_origins: &[party.origin()],
            error_on_unsolicited_extensions: false,
            // A counter that does not go on is that of a copied key.
            sig_counter_enforcement: SignatureCounterEnforcement::Fail,
            ..AuthenticationVerificationOptions::default()
        };
        server.verify(&party.id, &self.0, &mut credential, &options).map_err(boxed)?;
        let Ok(state) = credential.dynamic_state().encode();
        Ok(state.to_vec())
    }
}

/// Bytes as the store keeps them in text.
pub fn to_text(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// Reads what [`to_text`] wrote.
pub fn from_text(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_where_browsers_have_them() {
        let party = RelyingParty::of_url("https://Console.Example.org:8443/some/path").unwrap();
        assert_eq!((party.id(), party.origin()), ("console.example.org", "https://console.example.org:8443"));
        let party = RelyingParty::of_url("http://localhost:8080").unwrap();
        assert_eq!((party.id(), party.origin()), ("localhost", "http://localhost:8080"));
        for without in
            ["http://example.org", "https://127.0.0.1", "https://[::1]:8080", "ftp://example.org", "", "x"]
        {
            assert_eq!(RelyingParty::of_url(without), None, "{without}");
        }
    }
}
