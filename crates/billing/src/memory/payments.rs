//! Orders in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tenfold_kernel::{OrganizationId, Timestamp};

use crate::checkout::{PaymentOrder, PaymentStore};
use crate::error::BillingError;

/// Orders in memory.
#[derive(Debug, Default)]
pub struct MemoryPayments {
    orders: Mutex<BTreeMap<Arc<str>, PaymentOrder>>,
}

#[async_trait]
impl PaymentStore for MemoryPayments {
    async fn insert(&self, order: &PaymentOrder) -> Result<(), BillingError> {
        let mut orders = self.orders.lock();
        if orders.contains_key(&order.id) {
            let source = "there is an order of that id".into();
            return Err(BillingError::Store { action: "write an order", source });
        }
        orders.insert(order.id.clone(), order.clone());
        Ok(())
    }

    async fn get(&self, id: &str) -> Result<Option<PaymentOrder>, BillingError> {
        Ok(self.orders.lock().get(id).cloned())
    }

    async fn list(
        &self,
        organization: &OrganizationId,
        before: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<PaymentOrder>, BillingError> {
        let orders = self.orders.lock();
        let is_before = |order: &&PaymentOrder| before.is_none_or(|b| (order.created_at, &*order.id) < b);
        let mut found: Vec<PaymentOrder> =
            orders.values().filter(|o| o.organization == *organization).filter(is_before).cloned().collect();
        found.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn update(&self, order: &PaymentOrder) -> Result<bool, BillingError> {
        let mut orders = self.orders.lock();
        let Some(kept) = orders.get_mut(&order.id).filter(|kept| kept.revision == order.revision) else {
            return Ok(false);
        };
        kept.status = order.status;
        kept.provider_order_id.clone_from(&order.provider_order_id);
        kept.returns.clone_from(&order.returns);
        kept.revision += 1;
        Ok(true)
    }
}
