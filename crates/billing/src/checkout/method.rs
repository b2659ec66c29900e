//! Ways to pay that were kept.

use std::sync::Arc;

use tenfold_kernel::{OrganizationId, Timestamp, base62};

use super::{Checkout, PaymentOrder};
use crate::error::BillingError;

/// A way to pay that a payer let us keep. What it is, a card or an account, the provider alone knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentMethod {
    /// Its id.
    pub id: Arc<str>,
    /// Whose.
    pub organization: OrganizationId,
    /// Whose provider knows it.
    pub provider: Arc<str>,
    /// The provider's name of it. It charges nobody without the provider's key.
    pub reference: Arc<str>,
    /// When it was kept.
    pub created_at: Timestamp,
}

impl Checkout {
    /// Ways to pay of `organization`, oldest first.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn payment_methods(
        &self,
        organization: &OrganizationId,
    ) -> Result<Vec<PaymentMethod>, BillingError> {
        self.recharges.methods(organization).await
    }

    /// Forgets a way to pay, and whatever recharges by it stops; says whether there was one.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn forget_method(&self, organization: &OrganizationId, id: &str) -> Result<bool, BillingError> {
        let is_used = |recharge: super::AutoRecharge| *recharge.method == *id;
        if self.recharges.recharge(organization).await?.is_some_and(is_used) {
            self.stop_recharging(organization).await?;
        }
        self.recharges.delete_method(organization, id).await
    }

    /// Keeps the way in which `order` was paid, once.
    pub(super) async fn keep_method(
        &self,
        order: &PaymentOrder,
        reference: &str,
    ) -> Result<(), BillingError> {
        let ports = &self.billing.ports;
        let method = PaymentMethod {
            id: format!("pay_method_{}", base62(&*ports.rng, 24)).into(),
            organization: order.organization.clone(),
            provider: Arc::clone(&order.provider),
            reference: reference.into(),
            created_at: ports.clock.now(),
        };
        self.recharges.put_method(&method).await
    }
}
