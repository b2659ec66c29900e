//! Makes an order.

use tenfold_kernel::{Money, OrganizationId, base62};

use super::{Checkout, GatewayOrder, PaymentOrder, PaymentStatus, Prompt};
use crate::error::BillingError;

/// An order as an administrator asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCheckout {
    /// Who takes the money.
    pub provider: String,
    /// How much.
    pub money: Money,
    /// Where the payer goes afterwards.
    pub return_url: String,
}

impl Checkout {
    /// Makes an order of `organization`, and says what to show the payer.
    ///
    /// # Errors
    /// [`BillingError::InvalidCheckout`] for a provider that is not configured or an order that it does not take,
    /// [`BillingError::Provider`] when it fails, or an error of the store.
    pub async fn create(
        &self,
        organization: &OrganizationId,
        new: NewCheckout,
    ) -> Result<(PaymentOrder, Prompt), BillingError> {
        let gateway = self.gateway(&new.provider).ok_or_else(|| self.unknown(&new.provider))?;
        if new.money.nanos <= 0 {
            let reason = "an amount is above zero".to_owned();
            return Err(BillingError::InvalidCheckout { field: "amount", reason });
        }
        let ports = &self.billing.ports;
        let now = ports.clock.now();
        let mut order = PaymentOrder {
            id: format!("pay_{}", base62(&*ports.rng, 24)).into(),
            organization: organization.clone(),
            provider: gateway.name().into(),
            money: new.money,
            status: PaymentStatus::Pending,
            provider_order_id: None,
            returns: Vec::new(),
            created_at: now,
            expires_at: now.plus(self.config.lifetime),
            revision: 0,
        };
        // Kept first: a notification may come before the provider's answer does.
        self.store.insert(&order).await?;
        let asked = GatewayOrder {
            id: order.id.clone(),
            money: order.money,
            subject: self.config.subject.clone(),
            return_url: new.return_url,
            notify_url: format!("{}/v1/billing/notifications/{}", self.config.public_url, gateway.name()),
            expires_at: order.expires_at,
        };
        let made = gateway.create_order(&asked).await;
        match &made {
            Ok((provider_order_id, _)) => {
                order.provider_order_id = provider_order_id.as_deref().map(Into::into);
            }
            Err(_) => order.status = PaymentStatus::Failed,
        }
        // Where a notification was quicker, it knew more than this does. Where the store fails, the order stays
        // pending, and can be paid all the same.
        if let Err(error) = self.store.update(&order).await {
            tracing::warn!(order = %order.id, %error, "the provider's answer could not be kept");
        }
        made.map(|(_, prompt)| (order, prompt))
    }

    fn unknown(&self, provider: &str) -> BillingError {
        let known: Vec<String> = self.providers().map(|name| format!("`{name}`")).collect();
        let known = if known.is_empty() {
            "none is configured".to_owned()
        } else {
            format!("there is {}", known.join(", "))
        };
        let reason = format!("there is no payment provider `{}`: {known}", provider.escape_debug());
        BillingError::InvalidCheckout { field: "provider", reason }
    }
}
