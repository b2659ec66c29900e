//! What is asked of a provider, and what the payer is shown.

use tenfold_kernel::{Money, Timestamp};
use url::Url;

use crate::error::PaymentError;

/// An order to be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// Our id of it: 6 to 32 letters, digits and underscores, which is what every provider takes. Asking again with
    /// the same id does not charge twice.
    pub order_id: String,
    /// What it costs: more than nothing, and a whole number of the currency's smallest units.
    pub amount: Money,
    /// What it is for, in the payer's words.
    pub subject: String,
    /// Where the payer goes afterwards. That the payer arrives there proves nothing.
    pub return_url: Url,
    /// Where the provider sends notifications. Stripe does not take it here: its endpoints are set up there.
    pub notify_url: Url,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
    /// Whether the payer's way to pay is kept, to be charged again when the payer is not there.
    pub save_method: bool,
}

/// What is charged to a way to pay that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedCharge {
    /// Our id of the order, as in [`NewOrder`]. Asking again with the same id does not charge twice.
    pub order_id: String,
    /// How much.
    pub amount: Money,
    /// What it is for, in the payer's words.
    pub subject: String,
    /// What [`OrderEvent::saved_method`](crate::OrderEvent) said.
    pub method: String,
}

/// What became of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charged {
    /// It is paid.
    Paid {
        /// The provider's id of the payment.
        provider_order_id: String,
    },
    /// Nobody knows yet; a notification will tell.
    Processing {
        /// The provider's id of the payment.
        provider_order_id: String,
    },
    /// It was refused, and nothing was charged.
    Refused {
        /// The provider's code of the reason.
        code: Option<String>,
    },
}

/// An order that a provider has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The provider's id of it, where there is one before it is paid.
    pub provider_order_id: Option<String>,
    /// What to show the payer.
    pub prompt: Prompt,
}

/// What to show the payer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// A page of the provider's to go to.
    Redirect {
        /// Its address.
        url: String,
    },
    /// A code to be scanned with the provider's app.
    QrCode {
        /// What the code says.
        content: String,
    },
}

/// Refuses an id, an amount or a subject that no provider takes.
fn check(order_id: &str, amount: Money, subject: &str) -> Result<(), PaymentError> {
    let plain = order_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !plain || !(6..=32).contains(&order_id.len()) {
        return Err(refused("order_id", "must be 6 to 32 letters, digits and underscores"));
    }
    if amount.nanos <= 0 {
        return Err(refused("amount", "must be more than nothing"));
    }
    // The shortest of the providers' limits: WeChat Pay's.
    if subject.trim().is_empty() || subject.chars().count() > 127 || subject.chars().any(char::is_control) {
        return Err(refused("subject", "must be 1 to 127 printable characters"));
    }
    Ok(())
}

impl SavedCharge {
    /// Refuses what no provider takes.
    pub(crate) fn check(&self) -> Result<(), PaymentError> {
        check(&self.order_id, self.amount, &self.subject)
    }
}

impl NewOrder {
    /// Refuses what no provider takes.
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), PaymentError> {
        check(&self.order_id, self.amount, &self.subject)?;
        if self.expires_at <= now {
            return Err(refused("expires_at", "must be in the future"));
        }
        if !matches!(self.return_url.scheme(), "https" | "http") {
            return Err(refused("return_url", "must be an address of the web"));
        }
        if !matches!(self.notify_url.scheme(), "https" | "http") {
            return Err(refused("notify_url", "must be an address of the web"));
        }
        Ok(())
    }
}

/// Refuses to keep the payer's way to pay, where the provider has no such thing.
pub(crate) fn refuse_to_save(order: &NewOrder) -> Result<(), PaymentError> {
    if order.save_method {
        return Err(refused(
            "save_payment_method",
            "is for providers that can charge a payer who is not there",
        ));
    }
    Ok(())
}

pub(crate) fn refused(field: &'static str, reason: &'static str) -> PaymentError {
    PaymentError::Order { field, reason }
}
