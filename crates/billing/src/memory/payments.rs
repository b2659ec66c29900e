//! Orders in memory, and how balances are recharged.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tenfold_kernel::{OrganizationId, Timestamp};

use crate::checkout::{AutoRecharge, PaymentMethod, PaymentOrder, PaymentStore, RechargeStore};
use crate::error::BillingError;

/// Orders, ways to pay and recharges in memory.
#[derive(Debug, Default)]
pub struct MemoryPayments {
    orders: Mutex<BTreeMap<Arc<str>, PaymentOrder>>,
    methods: Mutex<Vec<PaymentMethod>>,
    recharges: Mutex<BTreeMap<OrganizationId, AutoRecharge>>,
}

#[async_trait]
impl RechargeStore for MemoryPayments {
    async fn put_method(&self, method: &PaymentMethod) -> Result<(), BillingError> {
        let mut methods = self.methods.lock();
        let is_same = |kept: &PaymentMethod| {
            (&kept.organization, &kept.provider, &kept.reference)
                == (&method.organization, &method.provider, &method.reference)
        };
        if !methods.iter().any(is_same) {
            methods.push(method.clone());
        }
        Ok(())
    }

    async fn methods(&self, organization: &OrganizationId) -> Result<Vec<PaymentMethod>, BillingError> {
        let methods = self.methods.lock();
        let mut found: Vec<PaymentMethod> =
            methods.iter().filter(|kept| kept.organization == *organization).cloned().collect();
        found.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(found)
    }

    async fn delete_method(&self, organization: &OrganizationId, id: &str) -> Result<bool, BillingError> {
        let mut methods = self.methods.lock();
        let before = methods.len();
        methods.retain(|kept| kept.organization != *organization || *kept.id != *id);
        Ok(methods.len() < before)
    }

    async fn recharge(&self, organization: &OrganizationId) -> Result<Option<AutoRecharge>, BillingError> {
        Ok(self.recharges.lock().get(organization).cloned())
    }

    async fn insert_recharge(&self, recharge: &AutoRecharge) -> Result<bool, BillingError> {
        let mut recharges = self.recharges.lock();
        if recharges.contains_key(&recharge.organization) {
            return Ok(false);
        }
        recharges.insert(recharge.organization.clone(), recharge.clone());
        Ok(true)
    }

    async fn update_recharge(&self, recharge: &AutoRecharge) -> Result<bool, BillingError> {
        let mut recharges = self.recharges.lock();
        let kept = recharges.get_mut(&recharge.organization);
        let Some(kept) = kept.filter(|kept| kept.revision == recharge.revision) else { return Ok(false) };
        *kept = AutoRecharge { revision: recharge.revision + 1, ..recharge.clone() };
        Ok(true)
    }

    async fn recharges(
        &self,
        after: Option<&OrganizationId>,
        limit: u32,
    ) -> Result<Vec<AutoRecharge>, BillingError> {
        let recharges = self.recharges.lock();
        let live = recharges.values().filter(|one| one.is_live());
        let rest = live.filter(|one| after.is_none_or(|after| one.organization > *after));
        Ok(rest.take(limit as usize).cloned().collect())
    }
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
        kept.failure.clone_from(&order.failure);
        kept.provider_order_id.clone_from(&order.provider_order_id);
        kept.returns.clone_from(&order.returns);
        kept.revision += 1;
        Ok(true)
    }
}
