//! Making a Checkout session.
//!
//! # Source
//! <https://docs.stripe.com/api/checkout/sessions/create>, <https://docs.stripe.com/api/idempotent_requests>.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use tenfold_kernel::{Currency, Money};
use url::{Url, form_urlencoded};

use super::{NAME, StripeCheckout, amount, check_status, malformed};
use crate::client::below;
use crate::error::PaymentError;
use crate::order::{NewOrder, Order, Prompt, refused};

/// What we write into a session's metadata, and Stripe repeats. Payers can write into `client_reference_id` of a
/// payment link; nobody without the account's key can write into metadata.
pub(crate) const ORDER_ID: &str = "tenfold_order_id";
const AMOUNT: &str = "tenfold_amount";
const CURRENCY: &str = "tenfold_currency";
/// On a session whose payer's way to pay is kept.
const SAVE_METHOD: &str = "tenfold_save_method";

/// The times within which Stripe takes the end of a session.
const SHORTEST: Duration = Duration::from_mins(30);
const LONGEST: Duration = Duration::from_hours(24);

/// What a session's metadata say of the order that it was made for.
pub(crate) struct Mark {
    pub(crate) order_id: String,
    pub(crate) amount: Money,
}

#[derive(Deserialize)]
struct Session {
    id: String,
    url: Option<String>,
    client_reference_id: Option<String>,
}

pub(crate) async fn create(stripe: &StripeCheckout, order: &NewOrder) -> Result<Order, PaymentError> {
    let now = stripe.clock.now();
    order.check(now)?;
    if order.expires_at < now.plus(SHORTEST) || order.expires_at > now.plus(LONGEST) {
        return Err(refused("expires_at", "must be 30 minutes to 24 hours from now"));
    }
    let form = form(order, amount::of_order(order.amount)?);
    let url = below(&stripe.api_base, &["v1", "checkout", "sessions"]);
    let request = stripe.form(url, &order.order_id, form)?;
    let answer = stripe.client.send(request).await?;
    check_status(&answer)?;
    let odd = |field| PaymentError::Answer { provider: NAME, field };
    let session: Session = serde_json::from_slice(&answer.body).map_err(|_| odd("body"))?;
    if session.client_reference_id.as_deref() != Some(&order.order_id) {
        return Err(odd("client_reference_id"));
    }
    let url = session.url.filter(|url| Url::parse(url).is_ok_and(|url| url.scheme() == "https"));
    Ok(Order {
        provider_order_id: Some(session.id),
        prompt: Prompt::Redirect { url: url.ok_or(odd("url"))? },
    })
}

fn form(order: &NewOrder, minor: i64) -> String {
    let currency = order.amount.currency.code().to_ascii_lowercase();
    let minor = minor.to_string();
    let expires_at = order.expires_at.secs().to_string();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("mode", "payment")
        .append_pair("client_reference_id", &order.order_id)
        .append_pair("success_url", order.return_url.as_str())
        .append_pair("cancel_url", order.return_url.as_str())
        .append_pair("expires_at", &expires_at)
        .append_pair("line_items[0][quantity]", "1")
        .append_pair("line_items[0][price_data][currency]", &currency)
        .append_pair("line_items[0][price_data][unit_amount]", &minor)
        .append_pair("line_items[0][price_data][product_data][name]", &order.subject)
        // With it the payer could pay another amount in another currency than the order's.
        .append_pair("adaptive_pricing[enabled]", "false");
    if order.save_method {
        // A way to pay is kept with a customer alone.
        form.append_pair("customer_creation", "always")
            .append_pair("payment_intent_data[setup_future_usage]", "off_session")
            .append_pair(&format!("metadata[{SAVE_METHOD}]"), "1");
    }
    // The session's metadata are for its own events; the payment's are copied to the charge, for refunds.
    for owner in ["metadata", "payment_intent_data[metadata]"] {
        write_mark(&mut form, owner, &order.order_id, &minor, &currency);
    }
    form.finish()
}

/// Writes what [`mark`] reads.
pub(crate) fn write_mark(
    form: &mut form_urlencoded::Serializer<'_, String>,
    owner: &str,
    order_id: &str,
    minor: &str,
    currency: &str,
) {
    form.append_pair(&format!("{owner}[{ORDER_ID}]"), order_id)
        .append_pair(&format!("{owner}[{AMOUNT}]"), minor)
        .append_pair(&format!("{owner}[{CURRENCY}]"), currency);
}

/// Whether the payer's way to pay is to be kept.
pub(crate) fn is_saving(metadata: Option<&BTreeMap<String, String>>) -> bool {
    metadata.is_some_and(|metadata| metadata.contains_key(SAVE_METHOD))
}

/// Reads the metadata back: nothing if the object is not of our making.
pub(crate) fn mark(metadata: Option<&BTreeMap<String, String>>) -> Result<Option<Mark>, PaymentError> {
    let Some((order_id, metadata)) = metadata.and_then(|m| Some((m.get(ORDER_ID)?, m))) else {
        return Ok(None);
    };
    let currency = metadata.get(CURRENCY).and_then(|code| Currency::parse(code).ok());
    let minor = metadata.get(AMOUNT).and_then(|text| text.parse().ok());
    let amount = currency.zip(minor).and_then(|(currency, minor)| amount::of_event(minor, currency));
    Ok(Some(Mark { order_id: order_id.clone(), amount: amount.ok_or(malformed("metadata"))? }))
}
