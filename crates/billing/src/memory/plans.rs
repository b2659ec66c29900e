//! Plans and subscriptions in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::Mutex;
use tenfold_kernel::{OrganizationId, Timestamp};

use crate::error::BillingError;
use crate::plan::{Plan, Status, Subscription};
use crate::ports::PlanStore;

/// Plans and subscriptions in memory.
#[derive(Debug, Default)]
pub struct MemoryPlans {
    plans: Mutex<BTreeMap<String, Plan>>,
    subscriptions: Mutex<Vec<Subscription>>,
}

#[async_trait]
impl PlanStore for MemoryPlans {
    async fn put_plan(&self, plan: &Plan) -> Result<(), BillingError> {
        self.plans.lock().insert(plan.id.to_string(), plan.clone());
        Ok(())
    }

    async fn plan(&self, issuer: &OrganizationId, id: &str) -> Result<Option<Plan>, BillingError> {
        Ok(self.plans.lock().get(id).filter(|plan| plan.issuer == *issuer).cloned())
    }

    async fn plans(&self, issuer: &OrganizationId) -> Result<Vec<Plan>, BillingError> {
        let mut plans: Vec<Plan> =
            self.plans.lock().values().filter(|plan| plan.issuer == *issuer).cloned().collect();
        plans.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(plans)
    }

    async fn insert(&self, subscription: &Subscription) -> Result<(), BillingError> {
        self.subscriptions.lock().push(subscription.clone());
        Ok(())
    }

    async fn update(&self, subscription: &Subscription) -> Result<bool, BillingError> {
        let mut all = self.subscriptions.lock();
        let kept =
            all.iter_mut().find(|kept| kept.id == subscription.id && kept.revision == subscription.revision);
        let Some(kept) = kept else { return Ok(false) };
        *kept = Subscription { revision: subscription.revision + 1, ..subscription.clone() };
        Ok(true)
    }

    async fn subscriptions(&self, organization: &OrganizationId) -> Result<Vec<Subscription>, BillingError> {
        let all = self.subscriptions.lock();
        Ok(all.iter().filter(|one| one.organization == *organization).cloned().collect())
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<Subscription>, BillingError> {
        let all = self.subscriptions.lock();
        let is_due = |one: &&Subscription| one.status != Status::Ended && one.period_end <= now;
        let mut due: Vec<Subscription> = all.iter().filter(is_due).cloned().collect();
        due.sort_by_key(|one| one.period_end);
        due.truncate(limit as usize);
        Ok(due)
    }
}
