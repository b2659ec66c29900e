//! A small cache of what a store holds, for reads on the path of every call.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use parking_lot::RwLock;

/// Entries beyond this many are forgotten all at once and read again: the names come from what an
/// administrator made, so it is a bound and not a working size.
const MOST: usize = 10_000;

/// Values by key, each no older than `age` when it is given out; for ever when there is no `age`, which is
/// right when no other process writes to the store.
#[derive(Debug)]
pub(crate) struct Fresh<K, V> {
    age: Option<Duration>,
    state: RwLock<State<K, V>>,
}

#[derive(Debug)]
struct State<K, V> {
    values: HashMap<K, (Instant, V)>,
    /// Counts what was forgotten, so that a value read from the store before a write is not kept after it.
    generation: u64,
}

impl<K: Hash + Eq, V: Clone> Fresh<K, V> {
    pub(crate) fn new(age: Option<Duration>) -> Self {
        Self { age, state: RwLock::new(State { values: HashMap::new(), generation: 0 }) }
    }

    /// The value, or the generation to hand to [`Fresh::keep`] with what the store says.
    pub(crate) fn get<Q>(&self, key: &Q, now: Instant) -> Result<V, u64>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let state = self.state.read();
        match state.values.get(key) {
            Some((read_at, value))
                if self.age.is_none_or(|age| now.saturating_duration_since(*read_at) < age) =>
            {
                Ok(value.clone())
            }
            _ => Err(state.generation),
        }
    }

    /// Keeps a value, unless something was forgotten since `generation`.
    pub(crate) fn keep(&self, key: K, value: V, now: Instant, generation: u64) {
        let mut state = self.state.write();
        if state.generation == generation {
            if state.values.len() >= MOST {
                state.values.clear();
            }
            state.values.insert(key, (now, value));
        }
    }

    /// Forgets everything.
    pub(crate) fn forget(&self) {
        let mut state = self.state.write();
        state.generation = state.generation.wrapping_add(1);
        state.values.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_read_before_a_write_is_not_kept_after_it() {
        let fresh: Fresh<String, u8> = Fresh::new(None);
        let now = Instant::now();
        let generation = fresh.get("a", now).unwrap_err();
        fresh.forget();
        fresh.keep("a".to_owned(), 1, now, generation);
        let generation = fresh.get("a", now).unwrap_err();
        fresh.keep("a".to_owned(), 2, now, generation);
        assert_eq!(fresh.get("a", now), Ok(2));
    }

    #[test]
    fn a_value_ages() {
        let fresh: Fresh<String, u8> = Fresh::new(Some(Duration::from_secs(1)));
        let now = Instant::now();
        fresh.keep("a".to_owned(), 1, now, 0);
        assert_eq!(fresh.get("a", now + Duration::from_millis(999)), Ok(1));
        assert_eq!(fresh.get("a", now + Duration::from_secs(1)), Err(0));
    }
}
