//! Payments as Stripe has them.
//!
//! # Source
//! <https://docs.stripe.com/api/payment_intents/object>.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;

use super::{NAME, StripeCheckout, check_status, is_plain, malformed};
use crate::client::below;
use crate::error::PaymentError;

/// What we write into the metadata of a payment that we ask for while its payer is not there.
pub(crate) const RECHARGE: &str = "tenfold_recharge";

/// A payment intent.
#[derive(Deserialize)]
pub(crate) struct PaymentIntent {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) status: Option<String>,
    pub(crate) metadata: Option<BTreeMap<String, String>>,
    customer: Option<String>,
    payment_method: Option<String>,
}

impl PaymentIntent {
    /// Whether it was asked for while its payer was not there.
    pub(crate) fn is_recharge(&self) -> bool {
        self.metadata.as_ref().is_some_and(|metadata| metadata.contains_key(RECHARGE))
    }

    /// How it was paid, where that can be charged again: the customer and the way to pay, since neither works alone.
    pub(crate) fn method(&self) -> Option<String> {
        let (customer, method) = (self.customer.as_deref()?, self.payment_method.as_deref()?);
        let method = format!("{customer}:{method}");
        parts(&method).is_some().then_some(method)
    }
}

/// The customer and the way to pay that [`PaymentIntent::method`] joined.
pub(crate) fn parts(method: &str) -> Option<(&str, &str)> {
    let is_id = |text: &&str| !text.is_empty() && is_plain(text);
    method.split_once(':').filter(|(customer, method)| is_id(customer) && is_id(method))
}

/// Asks for a payment.
pub(crate) async fn get(stripe: &StripeCheckout, id: &str) -> Result<PaymentIntent, PaymentError> {
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(malformed("payment_intent"));
    }
    let request = stripe.request(Method::GET, below(&stripe.api_base, &["v1", "payment_intents", id]));
    let answer = stripe.client.send(request).await?;
    check_status(&answer)?;
    let odd = |field| PaymentError::Answer { provider: NAME, field };
    let payment: PaymentIntent = serde_json::from_slice(&answer.body).map_err(|_| odd("body"))?;
    if payment.id != id {
        return Err(odd("id"));
    }
    Ok(payment)
}
