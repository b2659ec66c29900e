//! A software authenticator with its browser: one discoverable ES256 credential, attestation `none`.

use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use tenfold_accounts::{from_text, to_text};

const USER_PRESENT: u8 = 0b0000_0001;
const USER_VERIFIED: u8 = 0b0000_0100;
const HAS_CREDENTIAL: u8 = 0b0100_0000;

/// What may be made wrong of it is public.
#[derive(Debug)]
pub(crate) struct Authenticator {
    /// From where the browser answers.
    pub(crate) origin: String,
    /// What the browser takes for the relying party.
    pub(crate) rp_id: String,
    /// Whether it verifies its user.
    pub(crate) verifies: bool,
    /// How many signatures it made.
    pub(crate) counter: u32,
    pub(crate) credential: Vec<u8>,
    /// Of the last registration.
    pub(crate) user_handle: String,
    key: EcdsaKeyPair,
}

impl Authenticator {
    pub(crate) fn new() -> Self {
        let rng = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rng).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &rng).unwrap();
        let credential = digest(&SHA256, key.public_key().as_ref()).as_ref()[..20].to_vec();
        Self {
            origin: "https://console.example.org".to_owned(),
            rp_id: "console.example.org".to_owned(),
            verifies: true,
            counter: 0,
            credential,
            user_handle: String::new(),
            key,
        }
    }

    fn client_data(&self, kind: &str, challenge: &Value) -> Vec<u8> {
        let data = json!({
            "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false,
        });
        serde_json::to_vec(&data).unwrap()
    }

    fn authenticator_data(&self, flags: u8) -> Vec<u8> {
        let mut data = digest(&SHA256, self.rp_id.as_bytes()).as_ref().to_vec();
        let verified = if self.verifies { USER_VERIFIED } else { 0 };
        data.push(flags | USER_PRESENT | verified);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// Answers `PublicKeyCredentialCreationOptionsJSON` with a `RegistrationResponseJSON`.
    pub(crate) fn register(&mut self, options: &Value) -> Value {
        let wants_es256 =
            options["pubKeyCredParams"].as_array().unwrap().iter().any(|kind| kind["alg"] == -7);
        assert!(wants_es256, "{options}");
        options["user"]["id"].as_str().unwrap().clone_into(&mut self.user_handle);
        let client_data = self.client_data("webauthn.create", &options["challenge"]);
        let mut data = self.authenticator_data(HAS_CREDENTIAL);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.credential.len()).unwrap().to_be_bytes());
        data.extend(&self.credential);
        // COSE: an EC2 key for ES256 on P-256.
        let point = self.key.public_key().as_ref();
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..]);
        // CBOR: {"fmt": "none", "attStmt": {}, "authData": data}.
        let mut attestation = vec![0xa3];
        for text in ["fmt", "none", "attStmt"] {
            attestation.push(0x60 + u8::try_from(text.len()).unwrap());
            attestation.extend(text.as_bytes());
        }
        attestation.extend([0xa0, 0x68]);
        attestation.extend(b"authData");
        attestation.extend([0x58, u8::try_from(data.len()).unwrap()]);
        attestation.extend(&data);
        json!({
            "id": to_text(&self.credential), "rawId": to_text(&self.credential), "type": "public-key",
            "response": {
                "clientDataJSON": to_text(&client_data),
                "attestationObject": to_text(&attestation),
                "transports": ["internal", "hybrid"],
            },
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {"credProps": {"rk": true}},
        })
    }

    /// Answers `PublicKeyCredentialRequestOptionsJSON` with an `AuthenticationResponseJSON`.
    pub(crate) fn sign(&mut self, options: &Value) -> Value {
        self.counter += 1;
        let client_data = self.client_data("webauthn.get", &options["challenge"]);
        let data = self.authenticator_data(0);
        let mut signed = data.clone();
        signed.extend(digest(&SHA256, &client_data).as_ref());
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": to_text(&self.credential), "rawId": to_text(&self.credential), "type": "public-key",
            "response": {
                "clientDataJSON": to_text(&client_data),
                "authenticatorData": to_text(&data),
                "signature": to_text(signature.as_ref()),
                "userHandle": self.user_handle,
            },
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
        })
    }
}

/// Turns one bit of a field of an answer over.
pub(crate) fn spoil(answer: &mut Value, field: &str, at: usize) {
    let mut bytes = from_text(answer["response"][field].as_str().unwrap()).unwrap();
    bytes[at] ^= 1;
    answer["response"][field] = to_text(&bytes).into();
}
