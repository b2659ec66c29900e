//! What a signed event means.
//!
//! # Source
//! <https://docs.stripe.com/api/events/types>, <https://docs.stripe.com/api/charges/object>,
//! <https://docs.stripe.com/api/disputes/object>, <https://docs.stripe.com/checkout/fulfillment>.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tenfold_kernel::Currency;

use super::session::{Mark, mark};
use super::{NAME, StripeCheckout, amount, check_status, malformed};
use crate::client::below;
use crate::error::{Forgery, PaymentError};
use crate::notification::{Event, EventKind, Notification, OrderEvent, RefundExtent, Verified};

#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    livemode: bool,
    /// The connected account that it concerns, if any.
    account: Option<String>,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Box<RawValue>,
}

#[derive(Deserialize)]
struct Session {
    id: String,
    client_reference_id: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    amount_total: Option<i64>,
    currency: Option<String>,
    payment_status: Option<String>,
    payment_intent: Option<String>,
}

#[derive(Deserialize)]
struct Charge {
    id: String,
    amount: i64,
    amount_refunded: i64,
    currency: String,
    metadata: Option<BTreeMap<String, String>>,
    payment_intent: Option<String>,
}

#[derive(Deserialize)]
struct Dispute {
    id: String,
    amount: i64,
    currency: String,
    status: String,
    payment_intent: Option<String>,
}

#[derive(Deserialize)]
struct PaymentIntent {
    id: String,
    amount: i64,
    currency: String,
    metadata: Option<BTreeMap<String, String>>,
}

/// Reads an event whose signature is right.
pub(crate) async fn read(
    stripe: &StripeCheckout,
    notification: &Notification,
) -> Result<Verified, PaymentError> {
    let envelope: Envelope = serde_json::from_slice(&notification.body).map_err(|_| malformed("body"))?;
    // A live account with the secret of a test endpoint would take payments of no money for paid.
    if envelope.livemode != stripe.is_live {
        return Err(forged(Forgery::NotOurs { field: "livemode" }));
    }
    if envelope.account.is_some() {
        return Err(forged(Forgery::NotOurs { field: "account" }));
    }
    let object = &envelope.data.object;
    let news = match envelope.kind.as_str() {
        "checkout.session.completed" => {
            let session: Session = parse(object)?;
            // Payments that take days complete the session unpaid; another event follows.
            if session.payment_status.as_deref() == Some("paid") {
                of_session(session, "paid", EventKind::Paid)?
            } else {
                None
            }
        }
        "checkout.session.async_payment_succeeded" => of_session(parse(object)?, "paid", EventKind::Paid)?,
        "checkout.session.async_payment_failed" => of_session(parse(object)?, "failed", EventKind::Failed)?,
        "checkout.session.expired" => of_session(parse(object)?, "expired", EventKind::Expired)?,
        "charge.refunded" => of_charge(parse(object)?)?,
        // An inquiry takes no money when it is opened; if it becomes a dispute, only the second event says so.
        "charge.dispute.created" | "charge.dispute.funds_withdrawn" => {
            of_dispute(stripe, &envelope.kind, parse(object)?).await?
        }
        _ => None,
    };
    Ok(match news {
        Some((event_id, event)) => Verified { provider: NAME, event_id, event: Event::Order(event) },
        None => {
            Verified { provider: NAME, event_id: envelope.id, event: Event::Ignored { what: envelope.kind } }
        }
    })
}

/// An event about an order of ours, and its id: Stripe may tell one thing in two events, so the id is made from the
/// object.
type News = Option<(String, OrderEvent)>;

fn of_session(session: Session, what: &str, kind: EventKind) -> Result<News, PaymentError> {
    let Some(mark) = mark(session.metadata.as_ref())? else { return Ok(None) };
    let reference = session.client_reference_id.ok_or(malformed("client_reference_id"))?;
    if reference != mark.order_id {
        return Err(forged(Forgery::Mismatch { field: "client_reference_id" }));
    }
    let total = session.amount_total.ok_or(malformed("amount_total"))?;
    check_amount(&mark, total, &session.currency.ok_or(malformed("currency"))?)?;
    let event_id = format!("{what}:{}", session.id);
    let provider_order_id = match (kind, session.payment_intent) {
        (EventKind::Paid, payment) => payment.ok_or(malformed("payment_intent"))?,
        (_, payment) => payment.unwrap_or(session.id),
    };
    Ok(Some((event_id, OrderEvent { order_id: mark.order_id, provider_order_id, amount: mark.amount, kind })))
}

fn of_charge(charge: Charge) -> Result<News, PaymentError> {
    let Some(mark) = mark(charge.metadata.as_ref())? else { return Ok(None) };
    check_amount(&mark, charge.amount, &charge.currency)?;
    let refunded = amount::of_event(charge.amount_refunded, mark.amount.currency)
        .filter(|part| part.nanos <= mark.amount.nanos)
        .ok_or(malformed("amount_refunded"))?;
    let event_id = format!("refunded:{}:{}", charge.id, charge.amount_refunded);
    let event = OrderEvent {
        order_id: mark.order_id,
        provider_order_id: charge.payment_intent.ok_or(malformed("payment_intent"))?,
        amount: mark.amount,
        kind: EventKind::Refunded { amount: refunded, extent: RefundExtent::Total },
    };
    Ok(Some((event_id, event)))
}

/// A dispute does not repeat the metadata of what it disputes, so Stripe is asked for them.
async fn of_dispute(stripe: &StripeCheckout, kind: &str, dispute: Dispute) -> Result<News, PaymentError> {
    if kind == "charge.dispute.created" && dispute.status.starts_with("warning_") {
        return Ok(None);
    }
    // Charges without a payment intent are not Checkout's.
    let Some(id) = dispute.payment_intent else { return Ok(None) };
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(malformed("payment_intent"));
    }
    let request = stripe.request(Method::GET, below(&stripe.api_base, &["v1", "payment_intents", &id]));
    let answer = stripe.client.send(request).await?;
    check_status(&answer)?;
    let odd = |field| PaymentError::Answer { provider: NAME, field };
    let payment: PaymentIntent = serde_json::from_slice(&answer.body).map_err(|_| odd("body"))?;
    if payment.id != id {
        return Err(odd("id"));
    }
    let Some(mark) = mark(payment.metadata.as_ref())? else { return Ok(None) };
    check_amount(&mark, payment.amount, &payment.currency)?;
    check_currency(&mark, &dispute.currency)?;
    // It may be less than the charge, or a little more.
    let amount = amount::of_event(dispute.amount, mark.amount.currency).ok_or(malformed("amount"))?;
    let event = OrderEvent {
        order_id: mark.order_id,
        provider_order_id: payment.id,
        amount: mark.amount,
        kind: EventKind::ChargedBack { amount },
    };
    Ok(Some((format!("charged_back:{}", dispute.id), event)))
}

/// Refuses an object whose amount or currency is not what we asked for when we made it.
fn check_amount(mark: &Mark, minor: i64, currency: &str) -> Result<(), PaymentError> {
    check_currency(mark, currency)?;
    if amount::of_event(minor, mark.amount.currency) != Some(mark.amount) {
        return Err(forged(Forgery::Mismatch { field: "amount" }));
    }
    Ok(())
}

fn check_currency(mark: &Mark, currency: &str) -> Result<(), PaymentError> {
    let currency = Currency::parse(currency).map_err(|_| malformed("currency"))?;
    if currency == mark.amount.currency {
        Ok(())
    } else {
        Err(forged(Forgery::Mismatch { field: "currency" }))
    }
}

fn parse<T: DeserializeOwned>(object: &RawValue) -> Result<T, PaymentError> {
    serde_json::from_str(object.get()).map_err(|_| malformed("data.object"))
}

fn forged(forgery: Forgery) -> PaymentError {
    PaymentError::Forged { provider: NAME, forgery }
}
