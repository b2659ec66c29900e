//! Passwords: what may be one, and how it is kept.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tenfold_kernel::{Rng, Secret};
use tokio::sync::{Semaphore, TryAcquireError};

use crate::AccountsError;

/// OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB of memory, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// How many wait for their turn behind those that are hashed.
const QUEUE: usize = 64;
/// The hash of no password with the same parameters: what an unknown address is compared with, so that it takes as
/// long as a known one.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The hash of a password with its salt and parameters, as a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Arc<str>);

impl PasswordHash {
    /// Reads what [`PasswordHash::as_str`] gave.
    pub fn parse(text: &str) -> Option<Self> {
        phc::PasswordHash::new(text).ok().map(|_| Self(text.into()))
    }

    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn nobody() -> Self {
        Self(NOBODY.into())
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// Checks a new password: 12 to 128 characters, and neither the address, its name part, nor the person's name.
///
/// # Errors
/// [`AccountsError::WeakPassword`].
pub(crate) fn check_password(password: &str, email: &str, name: &str) -> Result<(), AccountsError> {
    let refuse = |reason| Err(AccountsError::WeakPassword { reason });
    if !(12..=128).contains(&password.chars().count()) {
        return refuse("a password has 12 to 128 characters");
    }
    let plain = password.trim().to_lowercase();
    let local = email.split('@').next().unwrap_or_default();
    if plain == email.to_lowercase() || plain == local.to_lowercase() || plain == name.trim().to_lowercase() {
        return refuse("a password is neither the address nor the name");
    }
    let first = plain.chars().next();
    if plain.chars().all(|character| Some(character) == first) {
        return refuse("a password is more than one character repeated");
    }
    Ok(())
}

/// Hashes on blocking threads, a few at once; others wait in a bounded queue.
#[derive(Debug)]
pub(crate) struct Hasher {
    running: Semaphore,
    admitted: Semaphore,
}

impl Hasher {
    pub(crate) fn new(at_once: usize) -> Self {
        let at_once = at_once.clamp(1, 64);
        Self { running: Semaphore::new(at_once), admitted: Semaphore::new(at_once + QUEUE) }
    }

    /// Hashes `password` with a salt of `rng`.
    ///
    /// # Errors
    /// [`AccountsError::Busy`] when the queue is full.
    pub(crate) async fn hash(&self, password: &Secret, rng: &dyn Rng) -> Result<PasswordHash, AccountsError> {
        let mut salt = [0_u8; 16];
        rng.fill(&mut salt);
        let password = password.clone();
        self.run(move || {
            let hash = argon2()?.hash_password_with_salt(password.expose().as_bytes(), &salt);
            let hash: phc::PasswordHash = hash.map_err(|error| AccountsError::hashing(error.to_string()))?;
            Ok(PasswordHash(hash.to_string().into()))
        })
        .await
    }

    /// Whether `password` is the one that `hash` was made of.
    ///
    /// # Errors
    /// [`AccountsError::Busy`] when the queue is full.
    pub(crate) async fn verify(&self, password: &Secret, hash: PasswordHash) -> Result<bool, AccountsError> {
        let password = password.clone();
        self.run(move || {
            let hash = phc::PasswordHash::new(hash.as_str())
                .map_err(|error| AccountsError::hashing(error.to_string()))?;
            Ok(argon2()?.verify_password(password.expose().as_bytes(), &hash).is_ok())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AccountsError> + Send + 'static,
    ) -> Result<T, AccountsError> {
        let closed = || AccountsError::hashing("the queue is closed".to_owned());
        let _admitted = self.admitted.try_acquire().map_err(|error| match error {
            TryAcquireError::NoPermits => AccountsError::Busy,
            TryAcquireError::Closed => closed(),
        })?;
        let _running = self.running.acquire().await.map_err(|_| closed())?;
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| AccountsError::hashing(error.to_string()))?
    }
}

fn argon2() -> Result<Argon2<'static>, AccountsError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None);
    let params = params.map_err(|error| AccountsError::hashing(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use tenfold_kernel::SeededRng;

    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone_and_nothing_fits_nobodys() {
        let (hasher, rng) = (Hasher::new(2), SeededRng::new(1));
        let right = Secret::new("correct horse battery staple");
        let hash = hasher.hash(&right, &rng).await.unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert_ne!(hash, hasher.hash(&right, &rng).await.unwrap(), "salts differ");
        assert_eq!(PasswordHash::parse(hash.as_str()), Some(hash.clone()));
        assert!(hasher.verify(&right, hash.clone()).await.unwrap());
        assert!(!hasher.verify(&Secret::new("correct horse battery stapl"), hash.clone()).await.unwrap());
        assert!(!hasher.verify(&right, PasswordHash::nobody()).await.unwrap());
        let parts = |hash: &PasswordHash| {
            hash.as_str()
                .split('$')
                .map(|part| part.split('=').count() * 100 + part.len())
                .collect::<Vec<_>>()
        };
        assert_eq!(parts(&hash), parts(&PasswordHash::nobody()), "nobody's hash is as much work");
    }

    #[tokio::test]
    async fn a_full_queue_refuses() {
        let hasher = Hasher::new(1);
        let _all = hasher.admitted.try_acquire_many(65).unwrap();
        let refused = hasher.verify(&Secret::new("x"), PasswordHash::nobody()).await;
        assert!(matches!(refused, Err(AccountsError::Busy)));
    }

    #[test]
    fn weak_passwords_are_refused() {
        let check = |password: &str| check_password(password, "ada.lovelace@example.org", "Augusta Ada King");
        for weak in [
            "",
            "elevenchars",
            "ada.lovelace@example.org",
            "Ada.Lovelace",
            "augusta ADA king",
            "aaaaaaaaaaaa",
        ] {
            assert!(matches!(check(weak), Err(AccountsError::WeakPassword { .. })), "{weak}");
        }
        assert!(check(&"ab".repeat(65)).is_err(), "longer than 128");
        assert!(check("twelve chars").is_ok() && check(&"ab".repeat(64)).is_ok());
        assert!(check("пароль из двенадцати").is_ok(), "characters are counted, not bytes");
    }
}
