//! Stripe: what is believed of a notification.

use ring::hmac;
use serde_json::{Value, json};
use tenfold_kernel::{Secret, Timestamp};
use tenfold_payments::{
    EventKind, Forgery, Notification, Provider, RefundExtent, STRIPE_API, StripeCheckout, StripeConfig,
};

use crate::keys::assert_names;
use crate::rig::{self, NOW, ORDER_ID, forgery, is_ignored, malformed, money, news, notification};

pub(crate) const WEBHOOK_SECRET: &str = "whsec_0123456789abcdef0123456789abcdef";

pub(crate) fn config() -> StripeConfig {
    StripeConfig {
        api_base: STRIPE_API.parse().unwrap(),
        secret_key: Secret::new("sk_test_51abcDEF"),
        webhook_secret: Secret::new(WEBHOOK_SECRET),
    }
}

pub(crate) fn stripe() -> StripeCheckout {
    StripeCheckout::new(&config(), rig::clock()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn signature(body: &str, secret: &str, at: Timestamp) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex(hmac::sign(&key, format!("{}.{body}", at.secs()).as_bytes()).as_ref())
}

/// A notification signed with `secret` at `at`.
fn signed_with(body: &Value, secret: &str, at: Timestamp) -> Notification {
    let body = body.to_string();
    let header = format!("t={},v1={},v0=6ffbb59b", at.secs(), signature(&body, secret, at));
    notification(&[("Content-Type", "application/json"), ("Stripe-Signature", &header)], body)
}

pub(crate) fn signed(body: &Value) -> Notification {
    signed_with(body, WEBHOOK_SECRET, NOW)
}

pub(crate) fn event(kind: &str, object: &Value) -> Value {
    json!({
        "id": "evt_1", "object": "event", "api_version": "2025-03-31.basil", "created": NOW.secs(),
        "livemode": false, "type": kind, "data": { "object": object },
    })
}

pub(crate) fn metadata() -> Value {
    json!({ "tenfold_order_id": ORDER_ID, "tenfold_amount": "1099", "tenfold_currency": "usd" })
}

fn session() -> Value {
    json!({
        "id": "cs_test_1", "object": "checkout.session", "client_reference_id": ORDER_ID, "metadata": metadata(),
        "amount_total": 1099, "currency": "usd", "payment_status": "paid", "payment_intent": "pi_1",
    })
}

fn charge() -> Value {
    json!({
        "id": "ch_1", "object": "charge", "amount": 1099, "amount_refunded": 500, "currency": "usd",
        "metadata": metadata(), "payment_intent": "pi_1",
    })
}

/// The session's event with `value` for `field`, or without the field.
fn changed(field: &str, value: Option<Value>) -> Notification {
    let mut session = session();
    match value {
        Some(value) => session[field] = value,
        None => drop(session.as_object_mut().unwrap().remove(field)),
    }
    signed(&event("checkout.session.completed", &session))
}

#[tokio::test]
async fn a_paid_session_is_a_payment_of_our_order() {
    let (event_id, event) =
        news(stripe().verify(&signed(&event("checkout.session.completed", &session()))).await);
    assert_eq!(event_id, "paid:cs_test_1");
    assert_eq!(event.order_id, ORDER_ID);
    assert_eq!(event.provider_order_id, "pi_1");
    assert_eq!(event.amount, money(10_990_000_000, "USD"));
    assert_eq!(event.kind, EventKind::Paid);
}

#[tokio::test]
async fn a_payment_that_took_days_is_the_same_news_as_one_that_did_not() {
    let mut unpaid = session();
    unpaid["payment_status"] = json!("unpaid");
    assert!(is_ignored(stripe().verify(&signed(&event("checkout.session.completed", &unpaid))).await));
    let late = signed(&event("checkout.session.async_payment_succeeded", &session()));
    let (event_id, event) = news(stripe().verify(&late).await);
    assert_eq!((event_id.as_str(), event.kind), ("paid:cs_test_1", EventKind::Paid));
}

#[tokio::test]
async fn a_session_that_failed_or_expired_says_so() {
    let mut session = session();
    session["payment_status"] = json!("unpaid");
    session["payment_intent"] = Value::Null;
    for (kind, meaning) in [
        ("checkout.session.async_payment_failed", EventKind::Failed),
        ("checkout.session.expired", EventKind::Expired),
    ] {
        let (_, event) = news(stripe().verify(&signed(&event(kind, &session))).await);
        assert_eq!((event.kind, event.provider_order_id.as_str()), (meaning, "cs_test_1"));
    }
}

#[tokio::test]
async fn a_refund_says_how_much_went_back_until_now() {
    let (event_id, event) = news(stripe().verify(&signed(&event("charge.refunded", &charge()))).await);
    assert_eq!(event_id, "refunded:ch_1:500");
    assert_eq!(event.amount, money(10_990_000_000, "USD"));
    let amount = money(5_000_000_000, "USD");
    assert_eq!(event.kind, EventKind::Refunded { amount, extent: RefundExtent::Total });
}

#[tokio::test]
async fn more_back_than_was_paid_is_refused() {
    let mut charge = charge();
    charge["amount_refunded"] = json!(1100);
    assert_eq!(
        malformed(stripe().verify(&signed(&event("charge.refunded", &charge))).await),
        "amount_refunded"
    );
}

#[tokio::test]
async fn what_is_not_of_our_making_is_ignored() {
    for kind in ["customer.created", "payout.paid", "checkout.session.unheard_of"] {
        assert!(is_ignored(stripe().verify(&signed(&event(kind, &session()))).await), "{kind}");
    }
    // A payment link of the same account: payers write its reference, and it has none of our metadata.
    assert!(is_ignored(stripe().verify(&changed("metadata", Some(json!({})))).await));
    assert!(is_ignored(stripe().verify(&changed("metadata", None)).await));
}

#[tokio::test]
async fn any_of_several_signatures_will_do() {
    let body = event("checkout.session.completed", &session()).to_string();
    let header = format!(
        "t={},v1={},v1={}",
        NOW.secs(),
        signature(&body, "whsec_the_one_before_it", NOW),
        signature(&body, WEBHOOK_SECRET, NOW)
    );
    assert!(stripe().verify(&notification(&[("stripe-signature", &header)], body)).await.is_ok());
}

#[tokio::test]
async fn a_signature_that_was_made_elsewhere_is_known() {
    // printf '1788000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_0123456789abcdef0123456789abcdef
    let header = "t=1788000000,v1=a7d8c0eadca61732261d814d5eb96916a3543970297fc82ece3b50e05813fa1f";
    let known = notification(&[("Stripe-Signature", header)], r#"{"id":"evt_1"}"#);
    // The signature is right, so it is the body that is refused.
    assert_eq!(malformed(stripe().verify(&known).await), "body");
}

#[tokio::test]
async fn another_secret_or_a_changed_byte_is_a_forgery() {
    let body = event("checkout.session.completed", &session());
    let other = signed_with(&body, "whsec_ffffffffffffffffffffffffffffffff", NOW);
    assert_eq!(forgery(stripe().verify(&other).await), Forgery::Signature);
    let right = signed(&body);
    for at in 0..right.body.len() {
        let mut wrong = right.clone();
        let mut bytes = right.body.to_vec();
        bytes[at] ^= 1;
        wrong.body = bytes.into();
        assert_eq!(forgery(stripe().verify(&wrong).await), Forgery::Signature, "byte {at}");
    }
}

#[tokio::test]
async fn a_time_that_was_not_signed_is_a_forgery() {
    let body = event("checkout.session.completed", &session()).to_string();
    let old = NOW.secs() - 3600;
    let made = signature(&body, WEBHOOK_SECRET, Timestamp::from_secs(old));
    let header = format!("t={},v1={made}", NOW.secs());
    let moved = notification(&[("Stripe-Signature", &header)], body);
    assert_eq!(forgery(stripe().verify(&moved).await), Forgery::Signature);
}

#[tokio::test]
async fn five_minutes_are_the_window_in_both_directions() {
    let body = event("checkout.session.completed", &session());
    for (offset, is_fresh) in [(-300, true), (-301, false), (300, true), (301, false), (-86_400, false)] {
        let at = Timestamp::from_secs(NOW.secs() + offset);
        let verified = stripe().verify(&signed_with(&body, WEBHOOK_SECRET, at)).await;
        if is_fresh {
            assert!(verified.is_ok(), "{offset}");
        } else {
            assert_eq!(forgery(verified), Forgery::Stale, "{offset}");
        }
    }
}

#[tokio::test]
async fn a_header_that_is_none_is_refused() {
    let body = event("checkout.session.completed", &session()).to_string();
    let right = signature(&body, WEBHOOK_SECRET, NOW);
    let now = NOW.secs();
    for header in [
        String::new(),
        format!("v1={right}"),
        format!("t=,v1={right}"),
        format!("t=-{now},v1={right}"),
        format!("t={now},t={now},v1={right}"),
        format!("t={now},v1={right}00"),
        format!("t={now},v1=zz"),
        format!("t={now},{right}"),
        format!("t={now}{}", format!(",v1={right}").repeat(17)),
    ] {
        let odd = notification(&[("Stripe-Signature", &header)], body.clone());
        assert_eq!(malformed(stripe().verify(&odd).await), "Stripe-Signature", "{header}");
    }
    let none = notification(&[("Stripe-Signature", &format!("t={now},v0={right}"))], body.clone());
    assert_eq!(forgery(stripe().verify(&none).await), Forgery::Signature);
    let header = format!("t={now},v1={right}");
    let two = notification(&[("Stripe-Signature", &header), ("stripe-signature", &header)], body.clone());
    assert_eq!(malformed(stripe().verify(&two).await), "Stripe-Signature");
    assert_eq!(malformed(stripe().verify(&notification(&[], body)).await), "Stripe-Signature");
}

#[tokio::test]
async fn an_event_of_another_mode_or_account_is_not_ours() {
    let mut live = event("checkout.session.completed", &session());
    live["livemode"] = json!(true);
    assert_eq!(forgery(stripe().verify(&signed(&live)).await), Forgery::NotOurs { field: "livemode" });
    let mut connected = event("checkout.session.completed", &session());
    connected["account"] = json!("acct_1");
    assert_eq!(forgery(stripe().verify(&signed(&connected)).await), Forgery::NotOurs { field: "account" });
}

#[tokio::test]
async fn what_contradicts_the_order_is_a_forgery() {
    for (field, value, named) in [
        ("currency", json!("jpy"), "currency"),
        ("amount_total", json!(1098), "amount"),
        ("amount_total", json!(-1099), "amount"),
        ("client_reference_id", json!("ord_another"), "client_reference_id"),
    ] {
        let verified = stripe().verify(&changed(field, Some(value))).await;
        assert_eq!(forgery(verified), Forgery::Mismatch { field: named });
    }
}

#[tokio::test]
async fn what_lacks_a_field_is_refused() {
    for field in ["client_reference_id", "amount_total", "currency", "payment_intent"] {
        assert_eq!(malformed(stripe().verify(&changed(field, None)).await), field);
    }
    assert_eq!(malformed(stripe().verify(&changed("id", None)).await), "data.object");
    for (field, value) in [("tenfold_amount", "10.99"), ("tenfold_amount", "0"), ("tenfold_currency", "")] {
        let mut metadata = metadata();
        metadata[field] = json!(value);
        assert_eq!(malformed(stripe().verify(&changed("metadata", Some(metadata))).await), "metadata");
    }
    for field in ["id", "type", "livemode", "data"] {
        let mut event = event("checkout.session.completed", &session());
        event.as_object_mut().unwrap().remove(field);
        assert_eq!(malformed(stripe().verify(&signed(&event)).await), "body", "{field}");
    }
}

#[test]
fn an_incomplete_configuration_names_its_field() {
    let refused = |config: StripeConfig| StripeCheckout::new(&config, rig::clock()).unwrap_err();
    assert_names(&refused(StripeConfig { secret_key: Secret::new(""), ..config() }), "secret_key", true);
    for key in ["pk_live_1", "sk_live_", "sk_1", "sk_test_1\n", "sk_test_ 1"] {
        let error = refused(StripeConfig { secret_key: Secret::new(key), ..config() });
        assert_names(&error, "secret_key", false);
        assert!(key.len() < 9 || !error.to_string().contains(key), "{error}");
    }
    assert_names(
        &refused(StripeConfig { webhook_secret: Secret::new(" "), ..config() }),
        "webhook_secret",
        true,
    );
    for secret in ["0123456789abcdef0123456789abcdef", "whsec_", "whsec_short"] {
        let error = refused(StripeConfig { webhook_secret: Secret::new(secret), ..config() });
        assert_names(&error, "webhook_secret", false);
    }
    for address in ["http://api.stripe.com", "https://api.stripe.com/?a=b", "file:///etc"] {
        let error = refused(StripeConfig { api_base: address.parse().unwrap(), ..config() });
        assert_names(&error, "api_base", false);
    }
}

#[test]
fn nothing_secret_is_shown() {
    let shown = format!("{:?} {:?}", stripe(), config());
    assert!(!shown.contains("51abcDEF") && !shown.contains("0123456789abcdef"), "{shown}");
    let shown = format!("{:?}", signed(&event("charge.refunded", &charge())));
    assert!(!shown.contains("ch_1") && !shown.contains("v1="), "{shown}");
}
