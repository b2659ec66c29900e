//! `Idempotency-Key`: the same request sent again gets the same answer, and is counted once.

use std::time::Duration;

use tenfold_kernel::{ProjectId, Timestamp};

use crate::{IdempotencyRecord, Serving, ServingError};

/// How long the first sender of a key may work before another may take over, in case the platform died.
const LOCK: Duration = Duration::from_mins(15);

/// What was sent, hashed: method, path and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(pub String);

/// What to do with a request that came with a key.
#[derive(Debug)]
pub enum Begun {
    /// Serve it, and give the answer to the recording.
    First(Recording),
    /// Send this again.
    Repeat(IdempotentReply),
}

/// An answer that was given before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentReply {
    /// The HTTP status.
    pub status: u16,
    /// The content type.
    pub content_type: String,
    /// The body; of a stream, all its events.
    pub body: String,
}

/// The right and duty to answer for a key.
#[derive(Debug, Clone)]
pub struct Recording {
    project: ProjectId,
    key: String,
    first_seen: Timestamp,
}

impl Recording {
    /// Under which name the event of this request is unique: a platform that died between the event and the
    /// answer serves the request again, and the event is there already.
    pub fn event_key(&self) -> String {
        format!("{}:{}:{}", self.project, self.key, self.first_seen.0)
    }
}

impl Serving {
    /// Takes up a request that came with `key`.
    ///
    /// # Errors
    /// [`ServingError::IdempotencyConflict`] when the key came with another request, or is being served now;
    /// [`ServingError::Invalid`] for a key that is empty or longer than 255 characters.
    pub async fn begin_idempotent(
        &self,
        project: &ProjectId,
        key: &str,
        fingerprint: Fingerprint,
    ) -> Result<Begun, ServingError> {
        if key.is_empty() || key.len() > 255 {
            return Err(ServingError::Invalid {
                message: "Idempotency-Key must have 1 to 255 characters.".to_owned(),
                param: Some("Idempotency-Key".to_owned()),
            });
        }
        let now = self.clock.now();
        let ttl = i64::try_from(self.config.idempotency_ttl.as_millis()).unwrap_or(i64::MAX);
        let expired_before = Timestamp(now.0.saturating_sub(ttl));
        let mine = IdempotencyRecord {
            project: project.clone(),
            key: key.to_owned(),
            fingerprint: fingerprint.0,
            created_at: now,
            locked_until: now.plus(LOCK),
            answer: None,
        };
        let mut mine = mine;
        // A moment is not an identity: two senders in one millisecond must not both find "their own" record.
        mine.locked_until.0 += i64::from(self.nonce());
        let there = self.idempotency.begin(&mine, expired_before).await.map_err(ServingError::Store)?;
        if there.fingerprint != mine.fingerprint {
            return Err(ServingError::IdempotencyConflict {
                message: "This Idempotency-Key was used with a different request; use a new key for a new request.",
                retry_after: None,
            });
        }
        if let Some((status, content_type, body)) = there.answer {
            return Ok(Begun::Repeat(IdempotentReply { status, content_type, body }));
        }
        let is_mine = there == mine;
        if !is_mine {
            let stale = there.locked_until < now;
            let taken = stale
                && self
                    .idempotency
                    .take_over(project, key, now, now.plus(LOCK))
                    .await
                    .map_err(ServingError::Store)?;
            if !taken {
                return Err(ServingError::IdempotencyConflict {
                    message: "A request with this Idempotency-Key is being served; wait for it, then send it again.",
                    retry_after: Some(Duration::from_secs(1)),
                });
            }
        }
        Ok(Begun::First(Recording {
            project: project.clone(),
            key: key.to_owned(),
            first_seen: there.created_at,
        }))
    }

    /// Keeps the answer for repeats. An answer that is not final (a 5xx, a 429, a 409) or too large is not kept.
    ///
    /// # Errors
    /// [`ServingError::Store`].
    pub async fn finish_idempotent(
        &self,
        recording: Recording,
        reply: IdempotentReply,
    ) -> Result<(), ServingError> {
        let Recording { project, key, .. } = recording;
        let is_final = reply.status < 500 && !matches!(reply.status, 401 | 403 | 408 | 409 | 429);
        let stored = if is_final && reply.body.len() <= self.config.idempotency_limit_bytes {
            self.idempotency.finish(&project, &key, (reply.status, reply.content_type, reply.body)).await
        } else {
            self.idempotency.abandon(&project, &key).await
        };
        stored.map_err(ServingError::Store)
    }

    /// Gives the key back when nothing was answered.
    ///
    /// # Errors
    /// [`ServingError::Store`].
    pub async fn abandon_idempotent(&self, recording: Recording) -> Result<(), ServingError> {
        self.idempotency.abandon(&recording.project, &recording.key).await.map_err(ServingError::Store)
    }

    /// Lets keys be taken over whose request died with an earlier run of this platform, so that its client need
    /// not wait for the lock to end. Only for a platform that has the store for itself.
    ///
    /// # Errors
    /// [`ServingError::Store`].
    pub async fn release_locks_of_earlier_run(&self) -> Result<(), ServingError> {
        self.idempotency.release_locks().await.map_err(ServingError::Store)
    }

    /// Forgets keys that have expired, so that what is kept stays bounded by the traffic of their lifetime.
    ///
    /// # Errors
    /// [`ServingError::Store`].
    pub async fn forget_expired_keys(&self) -> Result<u64, ServingError> {
        let ttl = i64::try_from(self.config.idempotency_ttl.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp(self.clock.now().0.saturating_sub(ttl));
        self.idempotency.forget_before(before).await.map_err(ServingError::Store)
    }

    /// The largest answer that is kept for repeats, in bytes.
    pub fn idempotency_limit_bytes(&self) -> usize {
        self.config.idempotency_limit_bytes
    }

    fn nonce(&self) -> u16 {
        let mut bytes = [0; 2];
        self.rng.fill(&mut bytes);
        u16::from_le_bytes(bytes)
    }
}
