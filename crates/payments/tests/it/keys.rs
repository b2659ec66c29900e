//! RSA keys that are made when a test asks for them, and never written down. The signatures are another library's
//! than the crate's.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs1v15::{Signature, SigningKey, VerifyingKey};
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding, Signer, Verifier};
use rsa::{Generate, PrivateKey};
use tenfold_payments::{ConfigFault, PaymentError};

/// A pair of keys.
pub(crate) struct Pair(PrivateKey);

/// The merchant's.
pub(crate) static OURS: LazyLock<Pair> = LazyLock::new(|| Pair(PrivateKey::generate()));
/// The provider's.
pub(crate) static THEIRS: LazyLock<Pair> = LazyLock::new(|| Pair(PrivateKey::generate()));
/// Somebody else's.
pub(crate) static STRANGERS: LazyLock<Pair> = LazyLock::new(|| Pair(PrivateKey::generate()));

impl Pair {
    pub(crate) fn private_pem(&self) -> String {
        self.0.to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
    }

    pub(crate) fn public_pem(&self) -> String {
        self.0.to_public_key().to_public_key_pem(LineEnding::LF).unwrap()
    }

    /// As Alipay's key tool writes it: no PEM around the base64.
    pub(crate) fn public_base64(&self) -> String {
        STANDARD.encode(self.0.to_public_key().to_public_key_der().unwrap().as_bytes())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> String {
        let signature: Signature = SigningKey::<Sha256>::new(self.0.clone()).sign(message);
        STANDARD.encode(signature.to_bytes())
    }

    pub(crate) fn has_signed(&self, message: &[u8], signature: &str) -> bool {
        let signature = Signature::try_from(STANDARD.decode(signature).unwrap().as_slice()).unwrap();
        VerifyingKey::<Sha256>::new(self.0.to_public_key()).verify(message, &signature).is_ok()
    }
}

/// Panics unless the error names `field` of a configuration and says whether it is missing.
pub(crate) fn assert_names(error: &PaymentError, wanted: &str, is_missing: bool) {
    let PaymentError::Config { field, fault, .. } = error else { panic!("{error:?}") };
    assert_eq!(*field, wanted);
    assert_eq!(matches!(fault, ConfigFault::Missing), is_missing, "{error}");
}
