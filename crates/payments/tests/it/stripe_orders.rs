//! Stripe: orders, and what it is asked about a chargeback.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tenfold_payments::{
    EventKind, Forgery, NewOrder, Order, PaymentError, Prompt, Provider, StripeCheckout, StripeConfig,
};
use url::Url;

use crate::rig::{
    self, NOW, ORDER_ID, Received, Reply, forgery, is_ignored, malformed, money, news, order, reply, server,
};
use crate::stripe::{config, event, metadata, signed};

const PAGE: &str = "https://checkout.stripe.com/c/pay/cs_test_1#fid";

fn at(address: Url) -> StripeCheckout {
    StripeCheckout::new(&StripeConfig { api_base: address, ..config() }, rig::clock()).unwrap()
}

fn session_made(received: &Received) -> Reply {
    let form: BTreeMap<String, String> = received.form().into_iter().collect();
    reply(
        200,
        json!({
            "id": "cs_test_1", "object": "checkout.session", "url": PAGE,
            "client_reference_id": form["client_reference_id"],
        })
        .to_string(),
    )
}

#[tokio::test]
async fn an_order_is_a_session_with_our_order_written_all_over_it() {
    let (address, mut requests) = server(session_made).await;
    let made = at(address).create_order(&order(money(10_990_000_000, "USD"))).await.unwrap();
    let prompt = Prompt::Redirect { url: PAGE.to_owned() };
    assert_eq!(made, Order { provider_order_id: Some("cs_test_1".to_owned()), prompt });

    let request = requests.recv().await.unwrap();
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/v1/checkout/sessions"));
    assert_eq!(request.header("authorization"), "Bearer sk_test_51abcDEF");
    assert_eq!(request.header("idempotency-key"), ORDER_ID);
    assert_eq!(request.header("content-type"), "application/x-www-form-urlencoded");
    let form: BTreeMap<String, String> = request.form().into_iter().collect();
    for (key, value) in [
        ("mode", "payment"),
        ("client_reference_id", ORDER_ID),
        ("success_url", "https://tenfold.example/billing?done=1"),
        ("cancel_url", "https://tenfold.example/billing?done=1"),
        ("expires_at", "1788003600"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", "1099"),
        ("line_items[0][price_data][product_data][name]", "充值 50% credit"),
        ("adaptive_pricing[enabled]", "false"),
        ("metadata[tenfold_order_id]", ORDER_ID),
        ("metadata[tenfold_amount]", "1099"),
        ("metadata[tenfold_currency]", "usd"),
        ("payment_intent_data[metadata][tenfold_order_id]", ORDER_ID),
        ("payment_intent_data[metadata][tenfold_amount]", "1099"),
        ("payment_intent_data[metadata][tenfold_currency]", "usd"),
    ] {
        assert_eq!(form.get(key).map(String::as_str), Some(value), "{key}");
    }
}

#[tokio::test]
async fn yen_are_sent_without_decimals() {
    let (address, mut requests) = server(session_made).await;
    at(address).create_order(&order(money(500_000_000_000, "JPY"))).await.unwrap();
    let form = requests.recv().await.unwrap().form();
    assert!(form.contains(&("line_items[0][price_data][unit_amount]".to_owned(), "500".to_owned())));
}

#[tokio::test]
async fn an_order_that_nobody_takes_is_refused_before_it_is_sent() {
    let (address, mut requests) = server(session_made).await;
    let stripe = at(address);
    let usual = || order(money(10_990_000_000, "USD"));
    for (wanted, wrong) in [
        ("order_id", NewOrder { order_id: "short".to_owned(), ..usual() }),
        ("order_id", NewOrder { order_id: "x".repeat(33), ..usual() }),
        ("order_id", NewOrder { order_id: "with\nbreak".to_owned(), ..usual() }),
        ("amount", order(money(10_995_000_000, "USD"))),
        ("amount", order(money(500_500_000_000, "JPY"))),
        ("amount", order(money(0, "USD"))),
        ("amount", order(money(-10_000_000, "USD"))),
        ("subject", NewOrder { subject: " ".to_owned(), ..usual() }),
        ("subject", NewOrder { subject: "字".repeat(128), ..usual() }),
        ("expires_at", NewOrder { expires_at: NOW, ..usual() }),
        ("expires_at", NewOrder { expires_at: NOW.plus(Duration::from_mins(29)), ..usual() }),
        ("expires_at", NewOrder { expires_at: NOW.plus(Duration::from_hours(25)), ..usual() }),
        ("return_url", NewOrder { return_url: "javascript:alert(1)".parse().unwrap(), ..usual() }),
    ] {
        let error = stripe.create_order(&wrong).await.unwrap_err();
        assert!(
            matches!(error, PaymentError::Order { field, .. } if field == wanted),
            "{wrong:?}: {error:?}"
        );
    }
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn an_error_of_stripes_gives_its_code_and_not_its_text() {
    let body =
        r#"{"error":{"type":"invalid_request_error","code":"amount_too_small","message":"You, Ms Doe"}}"#;
    let (address, _requests) = server(move |_| reply(400, body)).await;
    let error = at(address).create_order(&order(money(10_000_000, "USD"))).await.unwrap_err();
    assert!(
        matches!(&error, PaymentError::Refused { status: 400, code: Some(code), .. } if code == "amount_too_small")
    );
    assert!(!format!("{error} {error:?}").contains("Doe"));
}

#[tokio::test]
async fn an_answer_that_is_no_session_of_ours_is_refused() {
    for (body, named) in [
        (String::from("{"), "body"),
        (
            json!({ "id": "cs_1", "url": PAGE, "client_reference_id": "ord_another" }).to_string(),
            "client_reference_id",
        ),
        (json!({ "id": "cs_1", "url": null, "client_reference_id": ORDER_ID }).to_string(), "url"),
        (
            json!({ "id": "cs_1", "url": "javascript:alert(1)", "client_reference_id": ORDER_ID })
                .to_string(),
            "url",
        ),
        ("x".repeat(2 << 20), "body"),
    ] {
        let (address, _requests) = server(move |_| reply(200, body.clone())).await;
        let error = at(address).create_order(&order(money(10_990_000_000, "USD"))).await.unwrap_err();
        assert!(matches!(error, PaymentError::Answer { field, .. } if field == named), "{error:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_key() {
    let (elsewhere, mut stolen) = server(session_made).await;
    let (address, _requests) = server(move |_| Reply {
        status: 307,
        headers: vec![("location", elsewhere.to_string())],
        body: String::new(),
    })
    .await;
    let error = at(address).create_order(&order(money(10_990_000_000, "USD"))).await.unwrap_err();
    assert!(matches!(error, PaymentError::Refused { status: 307, .. }), "{error:?}");
    assert!(stolen.try_recv().is_err());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_failed_connection() {
    let error = at("http://127.0.0.1:1".parse().unwrap())
        .create_order(&order(money(10_990_000_000, "USD")))
        .await
        .unwrap_err();
    assert!(matches!(error, PaymentError::Connection { .. }), "{error:?}");
}

fn dispute(status: &str) -> serde_json::Value {
    json!({
        "id": "dp_1", "object": "dispute", "amount": 600, "currency": "usd", "status": status,
        "charge": "ch_1", "payment_intent": "pi_1",
    })
}

#[tokio::test]
async fn a_dispute_is_joined_to_our_order_through_its_payment() {
    let (address, mut requests) = server(|_| {
        reply(
            200,
            json!({ "id": "pi_1", "amount": 1099, "currency": "usd", "metadata": metadata() }).to_string(),
        )
    })
    .await;
    let stripe = at(address);
    let created = signed(&event("charge.dispute.created", &dispute("needs_response")));
    let (event_id, told) = news(stripe.verify(&created).await);
    assert_eq!((told.order_id.as_str(), told.provider_order_id.as_str()), (ORDER_ID, "pi_1"));
    assert_eq!(told.amount, money(10_990_000_000, "USD"));
    assert_eq!(told.kind, EventKind::ChargedBack { amount: money(6_000_000_000, "USD") });
    let request = requests.recv().await.unwrap();
    assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", "/v1/payment_intents/pi_1"));
    assert_eq!(request.header("authorization"), "Bearer sk_test_51abcDEF");
    // The second event of the same dispute is the same news.
    let withdrawn = signed(&event("charge.dispute.funds_withdrawn", &dispute("needs_response")));
    assert_eq!(news(stripe.verify(&withdrawn).await).0, event_id);
}

#[tokio::test]
async fn an_inquiry_takes_no_money_and_asks_nothing() {
    let (address, mut requests) = server(|_| reply(500, "")).await;
    let inquiry = signed(&event("charge.dispute.created", &dispute("warning_needs_response")));
    assert!(is_ignored(at(address).verify(&inquiry).await));
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn a_dispute_that_cannot_be_joined_is_not_taken_for_dealt_with() {
    let dispute_of = |status| signed(&event("charge.dispute.created", &dispute(status)));
    let (address, _requests) = server(|_| reply(503, "")).await;
    let error = at(address).verify(&dispute_of("needs_response")).await.unwrap_err();
    assert!(matches!(error, PaymentError::Refused { status: 503, .. }), "{error:?}");

    let (address, _requests) = server(|_| {
        reply(
            200,
            json!({ "id": "pi_1", "amount": 1, "currency": "usd", "metadata": metadata() }).to_string(),
        )
    })
    .await;
    let verified = at(address).verify(&dispute_of("needs_response")).await;
    assert_eq!(forgery(verified), Forgery::Mismatch { field: "amount" });

    let mut odd = dispute("needs_response");
    odd["payment_intent"] = json!("pi_1/../../balance");
    let odd = signed(&event("charge.dispute.created", &odd));
    assert_eq!(malformed(at(config().api_base).verify(&odd).await), "payment_intent");
}

#[test]
fn each_answer_to_a_notification_is_what_stripe_wants() {
    let stripe = at(config().api_base);
    assert_eq!((stripe.name(), stripe.acknowledge(true).status), ("stripe", 200));
    assert_eq!(stripe.acknowledge(false).status, 400);
}
