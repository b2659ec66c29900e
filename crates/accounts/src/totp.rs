//! One-time codes by time.
//!
//! # Source
//! RFC 6238 with what authenticator apps know: SHA-1, 6 digits, steps of 30 seconds.

use std::fmt;
use std::fmt::Write as _;

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use tenfold_identity::Digest;
use tenfold_kernel::{Rng, Timestamp, UserId};
use url::Url;

const STEP_SECS: i64 = 30;
/// How many steps a clock may go before or behind ours.
const SKEW: i64 = 1;
const ISSUER: &str = "Tenfold";

/// The codes of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totp {
    /// What the secret is made from.
    pub seed: TotpSeed,
    /// The step of the last code that was taken: it and earlier ones do not count again.
    pub last_step: i64,
}

/// 160 random bits, from which and the pepper the secret is made: whoever reads the database alone makes no codes.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSeed([u8; 20]);

impl TotpSeed {
    /// Makes a new one.
    pub(crate) fn generate(rng: &dyn Rng) -> Self {
        let mut bytes = [0_u8; 20];
        rng.fill(&mut bytes);
        Self(bytes)
    }

    /// In base 32, as the store keeps it.
    pub fn to_base32(&self) -> String {
        BASE32_NOPAD.encode(&self.0)
    }

    /// Reads what [`TotpSeed::to_base32`] wrote.
    pub fn from_base32(text: &str) -> Option<Self> {
        BASE32_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    /// The secret of `user`.
    pub(crate) fn secret(&self, user: &UserId, pepper: &[u8; 32]) -> TotpSecret {
        let digest = Digest::of(&format!("one-time codes\0{user}\0{}", self.to_base32()), pepper);
        let mut secret = [0; 20];
        secret.copy_from_slice(&digest.bytes()[..20]);
        TotpSecret(secret)
    }
}

impl fmt::Debug for TotpSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSeed(..)")
    }
}

/// 160 bits that the platform and an authenticator app share.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret([u8; 20]);

impl TotpSecret {
    /// In base 32, as apps take it.
    pub fn to_base32(&self) -> String {
        BASE32_NOPAD.encode(&self.0)
    }

    /// The code of `step`, or nothing for a step before 1970.
    fn code(&self, step: i64) -> Option<String> {
        let step = u64::try_from(step).ok()?;
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.0).ok()?;
        mac.update(&step.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        // RFC 4226, 5.3: four bytes at the place that the last half byte says, without their sign.
        let offset = usize::from(digest.last()? & 0x0f);
        let bytes: [u8; 4] = digest.get(offset..offset + 4)?.try_into().ok()?;
        Some(format!("{:06}", (u32::from_be_bytes(bytes) & 0x7fff_ffff) % 1_000_000))
    }

    /// The step at about `now` behind `after` whose code this is. Takes as long for any code of six digits.
    pub(crate) fn step_of(&self, code: &str, now: Timestamp, after: i64) -> Option<i64> {
        let code: String = code.chars().filter(|character| !character.is_whitespace()).collect();
        let current = now.secs().div_euclid(STEP_SECS);
        let mut found = None;
        for step in current - SKEW..=current + SKEW {
            if step > after && self.code(step).is_some_and(|right| same(&right, &code)) {
                found = Some(step);
            }
        }
        found
    }

    /// Reads what [`TotpSecret::to_base32`] wrote, for whoever plays the app.
    #[cfg(feature = "testkit")]
    pub fn from_base32(text: &str) -> Option<Self> {
        BASE32_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    /// The code at `now`, for whoever plays the app.
    #[cfg(feature = "testkit")]
    pub fn code_at(&self, now: Timestamp) -> String {
        self.code(now.secs().div_euclid(STEP_SECS)).unwrap_or_default()
    }

    /// The address that an app reads from a QR code.
    pub(crate) fn url(&self, email: &str) -> String {
        let mut url = String::from("otpauth://totp/");
        // As a path's segment, so that nothing in the address ends it.
        if let Ok(mut place) = Url::parse("otpauth://totp/") {
            if let Ok(mut segments) = place.path_segments_mut() {
                segments.clear().push(&format!("{ISSUER}:{email}"));
            }
            place.as_str().clone_into(&mut url);
        }
        // Writing to a string does not fail.
        let _ = write!(url, "?secret={}&issuer={ISSUER}", self.to_base32());
        url
    }
}

/// Whether two texts are the same, in a time that depends on their lengths alone.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use tenfold_kernel::SystemRng;

    use super::*;

    /// RFC 6238, appendix B, SHA-1; the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = TotpSecret(*b"12345678901234567890");
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.code(seconds / 30).as_deref(), Some(code));
            let now = Timestamp::from_secs(seconds);
            assert_eq!(secret.step_of(code, now, 0), Some(seconds / 30));
            assert_eq!(secret.step_of(code, now, seconds / 30), None, "a step counts once");
        }
    }

    #[test]
    fn a_clock_may_be_one_step_off_and_no_more() {
        let secret = TotpSecret(*b"12345678901234567890");
        let code = "050471";
        let step = 1_111_111_111 / 30;
        let at = |steps: i64| Timestamp::from_secs((step + steps) * 30);
        assert_eq!(secret.step_of(code, at(1), 0), Some(step));
        assert_eq!(secret.step_of(code, at(-1), 0), Some(step));
        assert_eq!(secret.step_of(code, at(2), 0), None);
        assert_eq!(secret.step_of(code, at(-2), 0), None);
        assert_eq!(secret.step_of(" 050 471 ", at(0), 0), Some(step), "spaces are for reading");
        for wrong in ["", "05047", "0504711", "050472", "five"] {
            assert_eq!(secret.step_of(wrong, at(0), 0), None, "{wrong}");
        }
    }

    #[test]
    fn the_address_for_the_app_holds_the_secret_and_nothing_unescaped() {
        let secret = TotpSecret(*b"12345678901234567890");
        assert_eq!(
            secret.url("a/b?c#d e@example.org"),
            "otpauth://totp/Tenfold:a%2Fb%3Fc%23d%20e@example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Tenfold"
        );
        assert!(!format!("{secret:?}").contains("GEZ"));
    }

    #[test]
    fn a_seed_is_nothing_without_the_pepper_and_its_user() {
        let seed = TotpSeed::generate(&SystemRng);
        assert_eq!(TotpSeed::from_base32(&seed.to_base32()), Some(seed.clone()));
        let (ada, bob) = (UserId::generate(&SystemRng), UserId::generate(&SystemRng));
        let secret = seed.secret(&ada, &[1; 32]);
        assert_eq!(secret, seed.secret(&ada, &[1; 32]));
        assert_ne!(secret, seed.secret(&bob, &[1; 32]));
        assert_ne!(secret, seed.secret(&ada, &[2; 32]));
        assert_ne!(secret, TotpSeed::generate(&SystemRng).secret(&ada, &[1; 32]));
        assert_ne!(secret.to_base32(), seed.to_base32());
    }
}
