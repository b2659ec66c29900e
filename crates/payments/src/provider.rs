//! The port.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::PaymentError;
use crate::notification::{Notification, Verified};
use crate::order::{Charged, NewOrder, Order, SavedCharge, refused};

/// One payment provider.
#[async_trait]
pub trait Provider: Send + Sync + Debug {
    /// Its name, as it stands in configurations and addresses.
    fn name(&self) -> &'static str;

    /// Makes an order that can be paid. Idempotent for one `order_id`.
    ///
    /// # Errors
    /// [`PaymentError::Order`] if the provider does not take such orders; else whatever kept it from answering.
    async fn create_order(&self, order: &NewOrder) -> Result<Order, PaymentError>;

    /// Charges a way to pay that was kept, while its payer is not there. Idempotent for one `order_id`.
    ///
    /// # Errors
    /// [`PaymentError::Order`] if the provider has no such thing or does not take such charges; else whatever kept it
    /// from answering, and then nobody knows whether it charged: asking again tells.
    async fn charge(&self, _: &SavedCharge) -> Result<Charged, PaymentError> {
        Err(refused("provider", "cannot charge a payer who is not there"))
    }

    /// Reads a notification and says what it means. It changes nothing here or there.
    ///
    /// The amount is what the provider says that the order costs: the caller compares it with the order's own.
    ///
    /// # Errors
    /// [`PaymentError::Forged`] and [`PaymentError::Malformed`] if it is not to be believed or not to be read. Stripe
    /// is asked about the payment of a chargeback, and its errors are then possible too.
    async fn verify(&self, notification: &Notification) -> Result<Verified, PaymentError>;

    /// What the provider wants to read when its notification was dealt with, or was not and should come again.
    fn acknowledge(&self, dealt_with: bool) -> Acknowledgement;
}

/// The answer to a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: &'static str,
}
