//! Charging a way to pay that was kept.
//!
//! # Source
//! <https://docs.stripe.com/payments/save-and-reuse>, <https://docs.stripe.com/api/payment_intents/create>,
//! <https://docs.stripe.com/api/idempotent_requests>, <https://docs.stripe.com/error-low-level>.

use url::form_urlencoded;

use super::event::check_amount;
use super::payment::{self, PaymentIntent, RECHARGE};
use super::session::{mark, write_mark};
use super::{NAME, StripeCheckout, amount, check_status, failure_code};
use crate::client::below;
use crate::error::{self, PaymentError};
use crate::order::{Charged, SavedCharge, refused};

/// The same order was asked for before, in other words: what became of it then is not said.
const OTHER_FORM: &str = "idempotency_error";

pub(crate) async fn charge(stripe: &StripeCheckout, charge: &SavedCharge) -> Result<Charged, PaymentError> {
    charge.check()?;
    let form = form(charge)?;
    let request = stripe.form(below(&stripe.api_base, &["v1", "payment_intents"]), &charge.order_id, form)?;
    let answer = stripe.client.send(request).await?;
    // The payer's bank says no, or there is no such way to pay any more: nothing was charged. All else that is no success
    // leaves open whether something was.
    let code = failure_code(&answer);
    if matches!(answer.status, 400 | 402 | 404) && code.as_deref() != Some(OTHER_FORM) {
        return Ok(Charged::Refused { code });
    }
    check_status(&answer)?;
    let odd = |field| PaymentError::Answer { provider: NAME, field };
    let payment: PaymentIntent = serde_json::from_slice(&answer.body).map_err(|_| odd("body"))?;
    let mark = mark(payment.metadata.as_ref())?.filter(|mark| mark.order_id == charge.order_id);
    check_amount(&mark.ok_or(odd("metadata"))?, payment.amount, &payment.currency)?;
    let provider_order_id = payment.id;
    Ok(match payment.status.as_deref() {
        Some("succeeded") => Charged::Paid { provider_order_id },
        Some("processing") => Charged::Processing { provider_order_id },
        // The payer would have to be there.
        other => Charged::Refused { code: error::code(other) },
    })
}

fn form(charge: &SavedCharge) -> Result<String, PaymentError> {
    let minor = amount::of_order(charge.amount)?.to_string();
    let currency = charge.amount.currency.code().to_ascii_lowercase();
    let (customer, method) =
        payment::parts(&charge.method).ok_or(refused("payment_method", "is none of Stripe's"))?;
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("amount", &minor)
        .append_pair("currency", &currency)
        .append_pair("customer", customer)
        .append_pair("payment_method", method)
        .append_pair("off_session", "true")
        .append_pair("confirm", "true")
        .append_pair("description", &charge.subject)
        .append_pair(&format!("metadata[{RECHARGE}]"), "1");
    write_mark(&mut form, "metadata", &charge.order_id, &minor, &currency);
    Ok(form.finish())
}
