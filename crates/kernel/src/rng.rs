//! Randomness as a parameter, so that tests can repeat it.

use std::fmt::Debug;

/// A source of random bytes.
pub trait Rng: Send + Sync + Debug {
    /// Fills `buffer` with random bytes.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's generator: what ids and secrets are made from.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    #[expect(clippy::expect_used, reason = "a machine without randomness must not make keys")]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system gives random bytes");
    }
}

/// The digits of ids, in the order of their bytes.
pub(crate) const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Returns `length` characters of `0-9A-Za-z`, each equally likely (5.95 bits a character).
pub fn base62(rng: &dyn Rng, length: usize) -> String {
    let mut text = String::with_capacity(length);
    let mut buffer = [0_u8; 32];
    while text.len() < length {
        rng.fill(&mut buffer);
        // 248 = 4 * 62: rejecting the rest keeps the letters equally likely.
        for byte in buffer.iter().filter(|b| **b < 248) {
            if text.len() == length {
                break;
            }
            text.push(char::from(BASE62[usize::from(byte % 62)]));
        }
    }
    text
}

/// A generator that repeats itself: `SplitMix64` from a seed. For tests only.
#[cfg(feature = "testkit")]
#[derive(Debug)]
pub struct SeededRng(std::sync::Mutex<u64>);

#[cfg(feature = "testkit")]
impl SeededRng {
    /// Starts the sequence of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(std::sync::Mutex::new(seed))
    }
}

#[cfg(feature = "testkit")]
impl Rng for SeededRng {
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for chunk in buffer.chunks_mut(8) {
            *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}
