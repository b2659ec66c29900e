//! Spend alerts in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tenfold_kernel::{OrganizationId, Timestamp};

use crate::alert::{AlertStore, Delivery, DeliveryStatus, SpendAlert};
use crate::error::BillingError;

/// Spend alerts in memory. Counters begin at nothing: what was spent before an alert was made is not known here.
#[derive(Debug, Default)]
pub struct MemoryAlerts {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    alerts: BTreeMap<Arc<str>, SpendAlert>,
    deliveries: Vec<Delivery>,
}

#[async_trait]
impl AlertStore for MemoryAlerts {
    async fn alerts(&self, organization: &OrganizationId) -> Result<Vec<SpendAlert>, BillingError> {
        let state = self.state.lock();
        let mut found: Vec<_> =
            state.alerts.values().filter(|alert| alert.organization == *organization).cloned().collect();
        found.sort_by_key(|alert| (alert.created_at, Arc::clone(&alert.id)));
        Ok(found)
    }

    async fn all_alerts(&self, after: &str, limit: u32) -> Result<Vec<SpendAlert>, BillingError> {
        let state = self.state.lock();
        let later = state.alerts.values().filter(|alert| &*alert.id > after);
        Ok(later.take(limit as usize).cloned().collect())
    }

    async fn put_alert(
        &self,
        alert: &SpendAlert,
        _window: (Timestamp, Timestamp),
    ) -> Result<(), BillingError> {
        self.state.lock().alerts.insert(Arc::clone(&alert.id), alert.clone());
        Ok(())
    }

    async fn delete_alert(&self, organization: &OrganizationId, id: &str) -> Result<bool, BillingError> {
        let mut state = self.state.lock();
        let is_there = state.alerts.get(id).is_some_and(|alert| alert.organization == *organization);
        if is_there {
            state.alerts.remove(id);
            state.deliveries.retain(|delivery| &*delivery.alert != id);
        }
        Ok(is_there)
    }

    async fn put_delivery(&self, delivery: &Delivery) -> Result<bool, BillingError> {
        let mut state = self.state.lock();
        let key = |delivery: &Delivery| (Arc::clone(&delivery.alert), delivery.window_start);
        let is_new = !state.deliveries.iter().any(|kept| key(kept) == key(delivery));
        if is_new {
            state.deliveries.push(delivery.clone());
        }
        if let Some(alert) = state.alerts.get_mut(&delivery.alert) {
            alert.fired_for = Some(delivery.window_start);
        }
        Ok(is_new)
    }

    async fn due_deliveries(&self, now: Timestamp, limit: u32) -> Result<Vec<Delivery>, BillingError> {
        let state = self.state.lock();
        let is_due =
            |delivery: &&Delivery| delivery.status == DeliveryStatus::Pending && delivery.next_at <= now;
        Ok(state.deliveries.iter().filter(is_due).take(limit as usize).cloned().collect())
    }

    async fn claim_delivery(&self, delivery: &Delivery, until: Timestamp) -> Result<bool, BillingError> {
        let mut state = self.state.lock();
        let is_it = |kept: &&mut Delivery| {
            kept.id == delivery.id
                && kept.attempts == delivery.attempts
                && kept.status == DeliveryStatus::Pending
        };
        let Some(kept) = state.deliveries.iter_mut().find(is_it) else { return Ok(false) };
        kept.attempts += 1;
        kept.next_at = until;
        Ok(true)
    }

    async fn finish_delivery(
        &self,
        delivery: &Delivery,
        status: DeliveryStatus,
        next_at: Timestamp,
    ) -> Result<(), BillingError> {
        let mut state = self.state.lock();
        let is_it = |kept: &&mut Delivery| kept.id == delivery.id && kept.attempts == delivery.attempts;
        if let Some(kept) = state.deliveries.iter_mut().find(is_it) {
            kept.status = status;
            kept.next_at = next_at;
        }
        Ok(())
    }
}
