//! Makes an order.

use tenfold_kernel::{Money, OrganizationId, base62};

use super::{Checkout, GatewayOrder, PaymentOrder, PaymentStatus, Prompt, Purpose};
use crate::error::BillingError;

/// What an administrator wants to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ordered {
    /// So much, for the balance.
    TopUp(Money),
    /// What is owed for the invoice of that id.
    Invoice(String),
}

/// An order as an administrator asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCheckout {
    /// Who takes the money.
    pub provider: String,
    /// What it is for.
    pub ordered: Ordered,
    /// Where the payer goes afterwards.
    pub return_url: String,
    /// Whether the way in which it is paid is kept, so that it can be charged again when the payer is not there.
    pub save_method: bool,
}

impl Checkout {
    /// Makes an order of `organization`, and says what to show the payer.
    ///
    /// # Errors
    /// [`BillingError::InvalidCheckout`] for a provider that is not configured, an invoice for which nothing is owed, or an
    /// order that the provider does not take; [`BillingError::Provider`] when it fails; or an error of the store.
    pub async fn create(
        &self,
        organization: &OrganizationId,
        new: NewCheckout,
    ) -> Result<(PaymentOrder, Prompt), BillingError> {
        let gateway = self.gateway(&new.provider).ok_or_else(|| self.unknown(&new.provider))?;
        let (purpose, money, subject) = self.priced(organization, new.ordered).await?;
        let ports = &self.billing.ports;
        let now = ports.clock.now();
        let mut order = PaymentOrder {
            id: format!("pay_{}", base62(&*ports.rng, 24)).into(),
            organization: organization.clone(),
            provider: gateway.name().into(),
            purpose,
            money,
            status: PaymentStatus::Pending,
            failure: None,
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
            subject,
            return_url: new.return_url,
            notify_url: format!("{}/v1/billing/notifications/{}", self.config.public_url, gateway.name()),
            expires_at: order.expires_at,
            save_method: new.save_method,
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

    /// What is ordered, what it costs, and what its payer reads that it is.
    async fn priced(
        &self,
        organization: &OrganizationId,
        ordered: Ordered,
    ) -> Result<(Purpose, Money, String), BillingError> {
        let invalid =
            |field, reason: &str| BillingError::InvalidCheckout { field, reason: reason.to_owned() };
        match ordered {
            Ordered::TopUp(money) if money.nanos <= 0 => Err(invalid("amount", "an amount is above zero")),
            Ordered::TopUp(money) => Ok((Purpose::TopUp, money, self.config.subject.clone())),
            Ordered::Invoice(id) => {
                let invoice = self.billing.invoice(organization, &id).await?;
                let invoice = invoice.ok_or_else(|| invalid("invoice", "there is no such invoice"))?;
                let due = self.billing.due(&invoice).await?;
                if due <= 0 {
                    return Err(invalid("invoice", "nothing is owed for this invoice"));
                }
                let money = Money::new(due, invoice.statement.currency);
                Ok((Purpose::Invoice(invoice.id), money, invoice.statement.number))
            }
        }
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
