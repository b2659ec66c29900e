//! RSA keys: read from what operators have, and used for the one scheme that Alipay and WeChat Pay share.
//!
//! # Source
//! RFC 8017, RSASSA-PKCS1-v1_5 with SHA-256; RFC 5280, section 4.1 (`SubjectPublicKeyInfo`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};

use crate::error::PaymentError;

/// What a private key must be, for error messages.
pub(crate) const PRIVATE_KEY: &str = "an RSA private key of 2048 to 4096 bits, as PEM (PKCS#8) or its base64";
/// What a public key must be, for error messages.
pub(crate) const PUBLIC_KEY: &str =
    "an RSA public key of 2048 to 8192 bits, as PEM (PUBLIC KEY) or its base64";

/// `rsaEncryption` and its empty parameters, in DER.
const RSA_ENCRYPTION: &[u8] = &[
    0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, // 1.2.840.113549.1.1.1
    0x05, 0x00,
];

/// A private key of ours.
#[derive(Debug)]
pub(crate) struct SigningKey {
    pair: KeyPair,
    random: SystemRandom,
}

impl SigningKey {
    /// Reads a key, or nothing if it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let pair = KeyPair::from_pkcs8(&der_of_text(text, "PRIVATE KEY")?).ok()?;
        Some(Self { pair, random: SystemRandom::new() })
    }

    /// Signs and returns base64.
    pub(crate) fn sign(&self, provider: &'static str, message: &[u8]) -> Result<String, PaymentError> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &self.random, message, &mut signature)
            .map_err(|_| PaymentError::Client { provider, source: "the signature failed".into() })?;
        Ok(STANDARD.encode(signature))
    }
}

/// A public key of a provider's.
#[derive(Debug, Clone)]
pub(crate) struct VerifyingKey(UnparsedPublicKey<Vec<u8>>);

impl VerifyingKey {
    /// Reads a key, or nothing if it is none that can be used.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let info = der_of_text(text, "PUBLIC KEY")?;
        let (info, rest) = element(0x30, &info)?;
        let (algorithm, info) = element(0x30, info)?;
        let (bits, end) = element(0x03, info)?;
        // A bit string begins with how many of its last bits do not count.
        let (0, key) = (*bits.first()?, bits.get(1..)?) else { return None };
        if !rest.is_empty() || !end.is_empty() || algorithm != RSA_ENCRYPTION || !has_usable_size(key) {
            return None;
        }
        Some(Self(UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.to_vec())))
    }

    /// Whether `signature`, in base64, is this key's over `message`.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &str) -> bool {
        STANDARD.decode(signature).is_ok_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

/// Whether an `RSAPublicKey` is one that ring takes, so that a wrong key is found at the start and not when somebody
/// has paid.
fn has_usable_size(key: &[u8]) -> bool {
    let Some((numbers, rest)) = element(0x30, key) else { return false };
    let Some((modulus, exponent)) = element(0x02, numbers) else { return false };
    // A number whose first bit is set has a zero byte before it.
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    rest.is_empty()
        && (256..=1024).contains(&modulus.len())
        && element(0x02, exponent).is_some_and(|(exponent, end)| !exponent.is_empty() && end.is_empty())
}

/// Takes one element with `tag` off the front of `der`: its content, and what follows.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = der.split_at_checked(2)?;
    if head[0] != tag {
        return None;
    }
    let (length, rest) = match head[1] {
        short @ 0..=0x7F => (usize::from(short), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), rest.get(2..)?),
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// The bytes of a PEM text with `label`, or of a bare base64 text as Alipay's key tool writes it.
fn der_of_text(text: &str, label: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let base64 = match text.strip_prefix("-----BEGIN ") {
        Some(rest) => {
            let rest = rest.strip_prefix(label)?.strip_prefix("-----")?;
            rest.strip_suffix("-----")?.strip_suffix(label)?.strip_suffix("-----END ")?
        }
        None => text,
    };
    let compact: String = base64.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).ok().filter(|der| !der.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_text_makes_a_reader_of_keys_panic(text: String, der: Vec<u8>) {
            let _ = (SigningKey::parse(&text), VerifyingKey::parse(&text));
            let encoded = STANDARD.encode(&der);
            prop_assert!(VerifyingKey::parse(&encoded).is_none());
            prop_assert!(SigningKey::parse(&encoded).is_none());
            let _ = (element(0x30, &der), has_usable_size(&der));
        }
    }
}
