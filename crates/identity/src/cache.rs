//! Keys that were let in lately, so that the next call with them needs no database.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use tenfold_kernel::{Caller, Timestamp};

use crate::Digest;

/// A write whose client left while it ran may commit after the cache was emptied for it; no entry outlives this.
const MAX_AGE: Duration = Duration::from_secs(5);

/// A key that was let in.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) caller: Caller,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) loaded: Instant,
    /// When its use was last noted, in milliseconds.
    pub(crate) noted_at: AtomicI64,
}

impl Entry {
    /// Whether a use at `now` is to be noted: the first of its minute. Says so to one caller.
    pub(crate) fn note(&self, now: Timestamp) -> bool {
        let noted = self.noted_at.load(Ordering::Relaxed);
        now.0.saturating_sub(noted) >= 60_000
            && self.noted_at.compare_exchange(noted, now.0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// Entries by the keyed hash of the secret, in two generations of half the size: when the young one is full it
/// becomes the old one, and what was old is forgotten.
#[derive(Debug)]
pub(crate) struct KeyCache {
    half: usize,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    epoch: u64,
    young: HashMap<[u8; 32], Arc<Entry>>,
    old: HashMap<[u8; 32], Arc<Entry>>,
}

impl KeyCache {
    pub(crate) fn new(size: usize) -> Self {
        Self { half: (size / 2).max(1), state: RwLock::default() }
    }

    pub(crate) fn get(&self, digest: &Digest, now: Instant) -> Option<Arc<Entry>> {
        let state = self.state.read();
        let entry = state.young.get(digest.bytes()).or_else(|| state.old.get(digest.bytes()))?;
        (now.saturating_duration_since(entry.loaded) < MAX_AGE).then(|| Arc::clone(entry))
    }

    /// To be read before the database is, and handed to [`KeyCache::insert`].
    pub(crate) fn epoch(&self) -> u64 {
        self.state.read().epoch
    }

    /// Remembers an entry, unless something was written since `epoch`: then it may be of before.
    pub(crate) fn insert(&self, epoch: u64, digest: &Digest, entry: Arc<Entry>) {
        let mut state = self.state.write();
        if state.epoch != epoch {
            return;
        }
        if state.young.len() >= self.half && !state.young.contains_key(digest.bytes()) {
            state.old = std::mem::take(&mut state.young);
        }
        state.young.insert(*digest.bytes(), entry);
    }

    fn clear(&self) {
        let mut state = self.state.write();
        state.epoch += 1;
        state.young.clear();
        state.old.clear();
    }
}

/// Held by a verb while it writes; empties the cache when it goes, also when the verb fails or is given up.
#[derive(Debug)]
pub(crate) struct Changing<'a>(pub(crate) Option<&'a KeyCache>);

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        if let Some(cache) = self.0 {
            cache.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use tenfold_kernel::{Access, ApiKeyId, OrganizationId, ProjectId, Role, SystemRng};

    use super::*;

    fn entry(loaded: Instant) -> Arc<Entry> {
        let caller = Caller {
            organization: OrganizationId::generate(&SystemRng),
            project: ProjectId::generate(&SystemRng),
            api_key: ApiKeyId::generate(&SystemRng),
            user: None,
            service_account: None,
            role: Role::Project,
            scopes: Vec::new(),
            access: Access::NONE,
        };
        Arc::new(Entry { caller, expires_at: None, loaded, noted_at: AtomicI64::new(0) })
    }

    #[test]
    fn the_cache_is_bounded_and_forgets_the_oldest() {
        let (cache, now) = (KeyCache::new(10), Instant::now());
        let digests: Vec<Digest> = (0..1000).map(|n| Digest::of(&n.to_string(), &[0; 32])).collect();
        for digest in &digests {
            cache.insert(0, digest, entry(now));
            let state = cache.state.read();
            assert!(state.young.len() + state.old.len() <= 10);
        }
        assert!(cache.get(&digests[999], now).is_some());
        assert!(cache.get(&digests[0], now).is_none());
    }

    #[test]
    fn what_was_read_before_a_write_is_not_remembered_after_it() {
        let (cache, now) = (KeyCache::new(10), Instant::now());
        let digest = Digest::of("a", &[0; 32]);
        let epoch = cache.epoch();
        drop(Changing(Some(&cache)));
        cache.insert(epoch, &digest, entry(now));
        assert!(cache.get(&digest, now).is_none());
    }

    #[test]
    fn entries_age() {
        let (cache, now) = (KeyCache::new(10), Instant::now());
        let digest = Digest::of("a", &[0; 32]);
        cache.insert(cache.epoch(), &digest, entry(now));
        assert!(cache.get(&digest, now + MAX_AGE.mul_f32(0.99)).is_some());
        assert!(cache.get(&digest, now + MAX_AGE).is_none());
    }
}
