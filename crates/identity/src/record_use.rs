//! Noting when keys were used, away from the path of calls.

use tenfold_kernel::{ApiKeyId, Timestamp};

use crate::{Identity, IdentityError};

/// More keys than this in use within one interval: the rest is noted in the next.
const MAX_PENDING: usize = 100_000;

impl Identity {
    /// Keeps a use in memory until [`Identity::flush_uses`].
    pub(crate) fn note_use(&self, key: &ApiKeyId, now: Timestamp) {
        let mut uses = self.uses.lock();
        if uses.len() < MAX_PENDING || uses.contains_key(key) {
            uses.insert(key.clone(), now);
        }
    }

    /// Writes when keys were last used, and returns of how many. To be called every few seconds, and once at the end.
    ///
    /// # Errors
    /// As the store's; the uses are then kept for the next time.
    pub async fn flush_uses(&self) -> Result<usize, IdentityError> {
        let taken = std::mem::take(&mut *self.uses.lock());
        if taken.is_empty() {
            return Ok(0);
        }
        let uses: Vec<(ApiKeyId, Timestamp)> = taken.into_iter().collect();
        if let Err(error) = self.ports.keys.touch_keys(&uses).await {
            let mut pending = self.uses.lock();
            for (key, at) in uses {
                pending.entry(key).or_insert(at);
            }
            return Err(error);
        }
        Ok(uses.len())
    }
}
