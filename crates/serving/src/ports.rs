//! What serving asks of a store.

use std::fmt::Debug;

use async_trait::async_trait;
use tenfold_kernel::{BoxError, ProjectId, ResponseId, Timestamp};

/// A response that `/v1/responses` keeps for its project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// Its id.
    pub id: ResponseId,
    /// Who owns it.
    pub project: ProjectId,
    /// When it was made.
    pub created_at: Timestamp,
    /// The response that it goes on from.
    pub previous: Option<ResponseId>,
    /// What came in, as JSON: the items of the request's `input`.
    pub input: String,
    /// What went out, as JSON: the response object. While it is being made, with its status at that time.
    pub body: String,
}

/// Keeps responses.
#[async_trait]
pub trait ResponseStore: Send + Sync + Debug {
    /// Keeps a response, in place of an earlier state of the same id and project.
    ///
    /// # Errors
    /// When the store cannot be reached. Durable when it returns.
    async fn put_response(&self, response: &StoredResponse) -> Result<(), BoxError>;

    /// A project's response.
    ///
    /// # Errors
    /// When the store cannot be reached.
    async fn response(
        &self,
        project: &ProjectId,
        id: &ResponseId,
    ) -> Result<Option<StoredResponse>, BoxError>;

    /// Forgets a project's response; says whether there was one.
    ///
    /// # Errors
    /// When the store cannot be reached. Durable when it returns.
    async fn delete_response(&self, project: &ProjectId, id: &ResponseId) -> Result<bool, BoxError>;
}

/// A request that came with an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Who sent it.
    pub project: ProjectId,
    /// The key.
    pub key: String,
    /// What was sent: method, path and body, hashed.
    pub fingerprint: String,
    /// When the key was first seen.
    pub created_at: Timestamp,
    /// Until when whoever works on it may take; later, another may take over.
    pub locked_until: Timestamp,
    /// The answer, once there is one: status, content type, body.
    pub answer: Option<(u16, String, String)>,
}

/// Keeps answers for requests that are sent again.
#[async_trait]
pub trait IdempotencyStore: Send + Sync + Debug {
    /// Inserts `record`, unless its project's key is there already and was made after `expired_before`.
    /// Returns the record that is there afterwards; of racers exactly one finds its own.
    ///
    /// # Errors
    /// When the store cannot be reached. Durable when it returns.
    async fn begin(
        &self,
        record: &IdempotencyRecord,
        expired_before: Timestamp,
    ) -> Result<IdempotencyRecord, BoxError>;

    /// Takes over the work on a key whose lock ended before `now`. Of racers exactly one is told `true`.
    ///
    /// # Errors
    /// When the store cannot be reached.
    async fn take_over(
        &self,
        project: &ProjectId,
        key: &str,
        now: Timestamp,
        locked_until: Timestamp,
    ) -> Result<bool, BoxError>;

    /// Keeps the answer.
    ///
    /// # Errors
    /// When the store cannot be reached. Durable when it returns.
    async fn finish(
        &self,
        project: &ProjectId,
        key: &str,
        answer: (u16, String, String),
    ) -> Result<(), BoxError>;

    /// Forgets a key whose request was not served, so that it can be sent again.
    ///
    /// # Errors
    /// When the store cannot be reached.
    async fn abandon(&self, project: &ProjectId, key: &str) -> Result<(), BoxError>;

    /// Ends the lock of every key that has no answer: nobody works on them any more. For a platform that has
    /// the store for itself, when it starts.
    ///
    /// # Errors
    /// When the store cannot be reached.
    async fn release_locks(&self) -> Result<(), BoxError>;

    /// Forgets every key that was first seen before `created_before`; says how many.
    ///
    /// # Errors
    /// When the store cannot be reached.
    async fn forget_before(&self, created_before: Timestamp) -> Result<u64, BoxError>;
}
