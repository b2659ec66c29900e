//! Stores in memory, for tests.

use std::collections::HashMap;

use async_trait::async_trait;
use parking_lot::Mutex;
use tenfold_kernel::{BoxError, ProjectId, ResponseId, Timestamp};

use crate::{IdempotencyRecord, IdempotencyStore, ResponseStore, StoredResponse};

/// Both ports, in memory.
#[derive(Debug, Default)]
pub struct MemoryServingStore {
    responses: Mutex<HashMap<(ProjectId, ResponseId), StoredResponse>>,
    keys: Mutex<HashMap<(ProjectId, String), IdempotencyRecord>>,
}

#[async_trait]
impl ResponseStore for MemoryServingStore {
    async fn put_response(&self, response: &StoredResponse) -> Result<(), BoxError> {
        let key = (response.project.clone(), response.id.clone());
        self.responses.lock().insert(key, response.clone());
        Ok(())
    }

    async fn response(
        &self,
        project: &ProjectId,
        id: &ResponseId,
    ) -> Result<Option<StoredResponse>, BoxError> {
        Ok(self.responses.lock().get(&(project.clone(), id.clone())).cloned())
    }

    async fn delete_response(&self, project: &ProjectId, id: &ResponseId) -> Result<bool, BoxError> {
        Ok(self.responses.lock().remove(&(project.clone(), id.clone())).is_some())
    }
}

#[async_trait]
impl IdempotencyStore for MemoryServingStore {
    async fn begin(
        &self,
        record: &IdempotencyRecord,
        expired_before: Timestamp,
    ) -> Result<IdempotencyRecord, BoxError> {
        let mut keys = self.keys.lock();
        let slot = keys.entry((record.project.clone(), record.key.clone())).or_insert_with(|| record.clone());
        if slot.created_at < expired_before {
            *slot = record.clone();
        }
        Ok(slot.clone())
    }

    async fn take_over(
        &self,
        project: &ProjectId,
        key: &str,
        now: Timestamp,
        locked_until: Timestamp,
    ) -> Result<bool, BoxError> {
        let mut keys = self.keys.lock();
        let Some(record) = keys.get_mut(&(project.clone(), key.to_owned())) else { return Ok(false) };
        let free = record.answer.is_none() && record.locked_until < now;
        if free {
            record.locked_until = locked_until;
        }
        Ok(free)
    }

    async fn finish(
        &self,
        project: &ProjectId,
        key: &str,
        answer: (u16, String, String),
    ) -> Result<(), BoxError> {
        if let Some(record) = self.keys.lock().get_mut(&(project.clone(), key.to_owned())) {
            record.answer = Some(answer);
        }
        Ok(())
    }

    async fn abandon(&self, project: &ProjectId, key: &str) -> Result<(), BoxError> {
        self.keys.lock().remove(&(project.clone(), key.to_owned()));
        Ok(())
    }

    async fn release_locks(&self) -> Result<(), BoxError> {
        self.keys.lock().values_mut().filter(|record| record.answer.is_none()).for_each(|record| {
            record.locked_until = Timestamp(0);
        });
        Ok(())
    }

    async fn forget_before(&self, created_before: Timestamp) -> Result<u64, BoxError> {
        let mut keys = self.keys.lock();
        let before = keys.len();
        keys.retain(|_, record| record.created_at >= created_before);
        Ok((before - keys.len()) as u64)
    }
}
