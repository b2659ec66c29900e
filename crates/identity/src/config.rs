//! What identity is set up with.

use std::fmt;

/// How identity is set up.
#[derive(Clone)]
pub struct Config {
    /// The key of the hash under which secrets are kept. Lose it and every API key is void; leak it together with
    /// the database and guesses at secrets can be checked (238 random bits each: it would not help).
    pub pepper: [u8; 32],
    /// Whether this process alone writes the database, so that it may remember keys between calls.
    pub exclusive: bool,
    /// How many keys are remembered at most.
    pub cache_size: usize,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("exclusive", &self.exclusive)
            .field("cache_size", &self.cache_size)
            .finish_non_exhaustive()
    }
}
