//! What a signed event means.
//!
//! # Source
//! <https://docs.stripe.com/api/events/types>, <https://docs.stripe.com/api/charges/object>,
//! <https://docs.stripe.com/api/disputes/object>, <https://docs.stripe.com/checkout/fulfillment>.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tenfold_kernel::Currency;

use super::payment::{self, PaymentIntent};
use super::session::{Mark, is_saving, mark};
use super::{NAME, StripeCheckout, amount, malformed};
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
                of_paid_session(stripe, session).await?
            } else {
                None
            }
        }
        "checkout.session.async_payment_succeeded" => of_paid_session(stripe, parse(object)?).await?,
        "checkout.session.async_payment_failed" => of_session(parse(object)?, "failed", EventKind::Failed)?,
        "checkout.session.expired" => of_session(parse(object)?, "expired", EventKind::Expired)?,
        // Payments of sessions are told by their sessions.
        "payment_intent.succeeded" => of_recharge(parse(object)?, "paid", EventKind::Paid)?,
        "payment_intent.payment_failed" => of_recharge(parse(object)?, "failed", EventKind::Failed)?,
        "charge.refunded" => of_charge(parse(object)?)?,
        // An inquiry takes no money when it is opened; if it becomes a dispute, only the second event says so.
        "charge.dispute.created" | "charge.dispute.funds_withdrawn" | "charge.dispute.funds_reinstated" => {
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
    let (order_id, amount) = (mark.order_id, mark.amount);
    Ok(Some((event_id, OrderEvent { order_id, provider_order_id, amount, kind, saved_method: None })))
}

/// A session does not say how it was paid, so Stripe is asked where that is to be kept.
async fn of_paid_session(stripe: &StripeCheckout, session: Session) -> Result<News, PaymentError> {
    let is_saving = is_saving(session.metadata.as_ref());
    let mut news = of_session(session, "paid", EventKind::Paid)?;
    if let Some((_, event)) = news.as_mut().filter(|_| is_saving) {
        let payment = payment::get(stripe, &event.provider_order_id).await?;
        event.saved_method = payment.method();
    }
    Ok(news)
}

/// A payment that we asked for while its payer was not there.
fn of_recharge(payment: PaymentIntent, what: &str, kind: EventKind) -> Result<News, PaymentError> {
    if !payment.is_recharge() {
        return Ok(None);
    }
    let Some(mark) = mark(payment.metadata.as_ref())? else { return Ok(None) };
    check_amount(&mark, payment.amount, &payment.currency)?;
    let event_id = format!("{what}:{}", payment.id);
    let event = OrderEvent {
        order_id: mark.order_id,
        provider_order_id: payment.id,
        amount: mark.amount,
        kind,
        saved_method: None,
    };
    Ok(Some((event_id, event)))
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
        saved_method: None,
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
    let payment = payment::get(stripe, &id).await?;
    let Some(mark) = mark(payment.metadata.as_ref())? else { return Ok(None) };
    check_amount(&mark, payment.amount, &payment.currency)?;
    check_currency(&mark, &dispute.currency)?;
    // It may be less than the charge, or a little more.
    let amount = amount::of_event(dispute.amount, mark.amount.currency).ok_or(malformed("amount"))?;
    let (what, kind) = if kind == "charge.dispute.funds_reinstated" {
        ("reinstated", EventKind::Reinstated { amount })
    } else {
        ("charged_back", EventKind::ChargedBack { amount })
    };
    let event = OrderEvent {
        order_id: mark.order_id,
        provider_order_id: payment.id,
        amount: mark.amount,
        kind,
        saved_method: None,
    };
    Ok(Some((format!("{what}:{}", dispute.id), event)))
}

/// Refuses an object whose amount or currency is not what we asked for when we made it.
pub(crate) fn check_amount(mark: &Mark, minor: i64, currency: &str) -> Result<(), PaymentError> {
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
