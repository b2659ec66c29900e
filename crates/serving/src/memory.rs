//! Stores in memory, for tests.

use std::collections::HashMap;

use async_trait::async_trait;
use parking_lot::Mutex;
use tenfold_kernel::{BoxError, OrganizationId, ProjectId, ResponseId, Timestamp};

use crate::{
    IdempotencyRecord, IdempotencyStore, Rental, RentalHost, RentalStatus, RentalStore, ResponseStore,
    ServingError, StoredResponse,
};

/// Every port, in memory.
#[derive(Debug, Default)]
pub struct MemoryServingStore {
    responses: Mutex<HashMap<(ProjectId, ResponseId), StoredResponse>>,
    keys: Mutex<HashMap<(ProjectId, String), IdempotencyRecord>>,
    /// In the order in which they were made.
    rentals: Mutex<Vec<Rental>>,
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

#[async_trait]
impl RentalStore for MemoryServingStore {
    async fn insert_rental(&self, rental: &Rental) -> Result<(), BoxError> {
        self.rentals.lock().push(rental.clone());
        Ok(())
    }

    async fn update_rental(&self, rental: &Rental) -> Result<bool, BoxError> {
        let mut rentals = self.rentals.lock();
        let kept = rentals.iter_mut().find(|kept| kept.id == rental.id && kept.revision == rental.revision);
        let is_there = kept.is_some();
        if let Some(kept) = kept {
            *kept = Rental { revision: rental.revision + 1, ..rental.clone() };
        }
        Ok(is_there)
    }

    async fn rental(&self, organization: &OrganizationId, id: &str) -> Result<Option<Rental>, BoxError> {
        let rentals = self.rentals.lock();
        Ok(rentals.iter().find(|one| one.organization == *organization && *one.id == *id).cloned())
    }

    async fn rentals(
        &self,
        organization: &OrganizationId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Rental>, BoxError> {
        let rentals = self.rentals.lock();
        let mine = rentals.iter().rev().filter(|one| one.organization == *organization);
        let rest = mine.skip_while(|one| after.is_some_and(|after| *one.id != *after));
        Ok(rest.skip(usize::from(after.is_some())).take(limit as usize).cloned().collect())
    }

    async fn live_rentals(&self, limit: u32) -> Result<Vec<Rental>, BoxError> {
        let rentals = self.rentals.lock();
        let live = rentals.iter().filter(|one| one.status != RentalStatus::Ended);
        Ok(live.take(limit as usize).cloned().collect())
    }
}

/// Replicas that are up when a test says so. Several processes may share it.
#[derive(Debug, Default)]
pub struct MemoryHost {
    replicas: Mutex<HashMap<String, bool>>,
}

impl MemoryHost {
    /// Says whether every replica is up, those that are started later apart.
    pub fn set_up(&self, is_up: bool) {
        self.replicas.lock().values_mut().for_each(|replica| *replica = is_up);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.replicas.lock().len()
    }
}

#[async_trait]
impl RentalHost for MemoryHost {
    async fn start(&self, model: &str, name: &str, _: &ProjectId) -> Result<(), ServingError> {
        if model == "missing" {
            return Err(ServingError::ModelNotFound { model: model.to_owned() });
        }
        self.replicas.lock().insert(name.to_owned(), false);
        Ok(())
    }

    async fn stop(&self, name: &str) -> Result<(), ServingError> {
        self.replicas.lock().remove(name);
        Ok(())
    }

    fn is_up(&self, name: &str) -> Option<bool> {
        self.replicas.lock().get(name).copied()
    }
}
