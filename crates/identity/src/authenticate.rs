//! Letting a call in.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use tenfold_kernel::{Access, Caller, Role, Timestamp};

use crate::cache::Entry;
use crate::key::{expired, prefix_of, redact};
use crate::{Digest, Identity, IdentityError, KeyOwner, Rejection, Standing};

impl Identity {
    /// Who calls with this secret.
    ///
    /// Needs no database for a key that was let in within seconds, when this process alone writes it.
    ///
    /// # Errors
    /// [`IdentityError::KeyMissing`] without one, [`IdentityError::KeyRejected`] for one that is not let in.
    pub async fn authenticate(&self, secret: &str) -> Result<Caller, IdentityError> {
        if secret.is_empty() {
            return Err(IdentityError::KeyMissing);
        }
        let Some(prefix) = prefix_of(secret) else {
            return Err(reject(secret, Rejection::Malformed));
        };
        let digest = Digest::of(secret, &self.config.pepper);
        let remembered = self.cache.as_ref().and_then(|cache| cache.get(&digest, self.clock.monotonic()));
        let entry =
            if let Some(entry) = remembered { entry } else { self.load(secret, prefix, &digest).await? };
        let now = self.clock.now();
        if expired(entry.expires_at, now) {
            return Err(reject(secret, Rejection::Expired));
        }
        if entry.note(now) {
            self.note_use(&entry.caller.api_key, now);
        }
        Ok(entry.caller.clone())
    }

    async fn load(&self, secret: &str, prefix: &str, digest: &Digest) -> Result<Arc<Entry>, IdentityError> {
        let epoch = self.cache.as_ref().map(crate::cache::KeyCache::epoch);
        let Some(standing) = self.ports.keys.find_key(prefix).await? else {
            return Err(reject(secret, Rejection::Unknown));
        };
        if standing.key.digest != *digest {
            return Err(reject(secret, Rejection::WrongSecret));
        }
        if let Some(reason) = standing.rejection(self.clock.now()) {
            return Err(reject(secret, reason));
        }
        let entry = Arc::new(Entry {
            expires_at: standing.key.expires_at,
            noted_at: AtomicI64::new(standing.key.last_used_at.map_or(i64::MIN, |Timestamp(at)| at)),
            caller: caller(standing),
            loaded: self.clock.monotonic(),
        });
        if let (Some(cache), Some(epoch)) = (&self.cache, epoch) {
            cache.insert(epoch, digest, Arc::clone(&entry));
        }
        Ok(entry)
    }
}

fn caller(standing: Standing) -> Caller {
    let key = standing.key;
    let (user, service_account) = match key.owner {
        KeyOwner::User(id) => (Some(id), None),
        KeyOwner::ServiceAccount(id) => (None, Some(id)),
    };
    Caller {
        organization: key.organization,
        project: key.project,
        api_key: key.id,
        user,
        service_account,
        access: match key.role {
            Role::Admin => Access::ALL,
            Role::Project => Access::NONE,
        },
        role: key.role,
        scopes: key.scopes,
    }
}

fn reject(secret: &str, reason: Rejection) -> IdentityError {
    tracing::debug!(?reason, "api key rejected");
    IdentityError::KeyRejected { shown: redact(secret), reason }
}
