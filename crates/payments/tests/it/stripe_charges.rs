//! Stripe: ways to pay that are kept, and charged while their payer is not there.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenfold_payments::{
    Charged, EventKind, Forgery, NewOrder, PaymentError, Provider, SavedCharge, StripeCheckout, StripeConfig,
};
use url::Url;

use crate::rig::{self, ORDER_ID, Received, Reply, forgery, is_ignored, money, news, order, reply, server};
use crate::stripe::{config, event, metadata, signed, stripe};

fn at(address: Url) -> StripeCheckout {
    StripeCheckout::new(&StripeConfig { api_base: address, ..config() }, rig::clock()).unwrap()
}

fn charge() -> SavedCharge {
    SavedCharge {
        order_id: ORDER_ID.to_owned(),
        amount: money(10_990_000_000, "USD"),
        subject: "Balance".to_owned(),
        method: "cus_1:pm_1".to_owned(),
    }
}

fn form(received: &Received) -> BTreeMap<String, String> {
    received.form().into_iter().collect()
}

/// A payment as Stripe tells of it, with the metadata of ours.
fn payment(status: &str) -> Value {
    let mut marked = metadata();
    marked["tenfold_recharge"] = json!("1");
    json!({ "id": "pi_9", "status": status, "amount": 1099, "currency": "usd", "metadata": marked })
}

#[tokio::test]
async fn an_order_asks_to_keep_the_way_to_pay_only_where_that_is_wanted() {
    let session = |received: &Received| {
        let id = form(received)["client_reference_id"].clone();
        reply(
            200,
            json!({ "id": "cs_1", "url": "https://stripe.example", "client_reference_id": id }).to_string(),
        )
    };
    let (address, mut requests) = server(session).await;
    let stripe = at(address);
    for save_method in [true, false] {
        let order = NewOrder { save_method, ..order(money(10_990_000_000, "USD")) };
        stripe.create_order(&order).await.unwrap();
        let form = form(&requests.recv().await.unwrap());
        for (key, value) in [
            ("customer_creation", "always"),
            ("payment_intent_data[setup_future_usage]", "off_session"),
            ("metadata[tenfold_save_method]", "1"),
        ] {
            assert_eq!(form.get(key).map(String::as_str), save_method.then_some(value), "{key}");
        }
    }
}

#[tokio::test]
async fn a_paid_session_tells_the_way_to_pay_that_was_kept() {
    let kept = |customer: Value| {
        let mut payment = payment("succeeded");
        payment["id"] = json!("pi_1");
        payment["payment_method"] = json!("pm_1");
        payment["customer"] = customer;
        move |_: &Received| reply(200, payment.to_string())
    };
    let mut marked = metadata();
    marked["tenfold_save_method"] = json!("1");
    let session = json!({
        "id": "cs_test_1", "client_reference_id": ORDER_ID, "metadata": marked, "amount_total": 1099,
        "currency": "usd", "payment_status": "paid", "payment_intent": "pi_1",
    });
    let paid = signed(&event("checkout.session.completed", &session));
    // Without a customer nothing can be charged again; the payment counts all the same.
    for (customer, method) in
        [(json!("cus_1"), Some("cus_1:pm_1")), (Value::Null, None), (json!("a:b"), None)]
    {
        let (address, mut requests) = server(kept(customer)).await;
        let (_, told) = news(at(address).verify(&paid).await);
        assert_eq!((told.kind, told.saved_method.as_deref()), (EventKind::Paid, method));
        assert_eq!(requests.recv().await.unwrap().target, "/v1/payment_intents/pi_1");
    }
    let (address, _requests) = server(|_| reply(503, "")).await;
    assert!(matches!(at(address).verify(&paid).await, Err(PaymentError::Refused { status: 503, .. })));
}

#[tokio::test]
async fn a_charge_names_the_order_the_customer_and_the_way_to_pay() {
    let (address, mut requests) = server(|_| reply(200, payment("succeeded").to_string())).await;
    let done = at(address).charge(&charge()).await.unwrap();
    assert_eq!(done, Charged::Paid { provider_order_id: "pi_9".to_owned() });
    let request = requests.recv().await.unwrap();
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/v1/payment_intents"));
    assert_eq!(request.header("idempotency-key"), ORDER_ID);
    let expected = [
        ("amount", "1099"),
        ("confirm", "true"),
        ("currency", "usd"),
        ("customer", "cus_1"),
        ("description", "Balance"),
        ("metadata[tenfold_amount]", "1099"),
        ("metadata[tenfold_currency]", "usd"),
        ("metadata[tenfold_order_id]", ORDER_ID),
        ("metadata[tenfold_recharge]", "1"),
        ("off_session", "true"),
        ("payment_method", "pm_1"),
    ];
    let expected: BTreeMap<String, String> =
        expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    assert_eq!(form(&request), expected);
}

#[tokio::test]
async fn what_became_of_a_charge_is_told_apart() {
    let declined = json!({ "error": { "type": "card_error", "code": "card_declined", "message": "Ms Doe" } });
    let gone = json!({ "error": { "type": "invalid_request_error", "code": "resource_missing" } });
    let refused = |code: &str| Charged::Refused { code: Some(code.to_owned()) };
    for (status, body, expected) in [
        (200, payment("processing"), Charged::Processing { provider_order_id: "pi_9".to_owned() }),
        (200, payment("requires_action"), refused("requires_action")),
        (402, declined, refused("card_declined")),
        (400, gone, refused("resource_missing")),
    ] {
        let (address, _requests) = server(move |_| reply(status, body.to_string())).await;
        assert_eq!(at(address).charge(&charge()).await.unwrap(), expected);
    }
    // Nobody knows whether these charged something.
    for status in [401, 409, 429, 500] {
        let (address, _requests) = server(move |_| reply(status, "{}")).await;
        let error = at(address).charge(&charge()).await.unwrap_err();
        assert!(matches!(error, PaymentError::Refused { status: told, .. } if told == status), "{error:?}");
    }
    let other_form = json!({ "error": { "type": "idempotency_error" } });
    let (address, _requests) = server(move |_| reply(400, other_form.to_string())).await;
    assert!(at(address).charge(&charge()).await.is_err());
    let mut another = payment("succeeded");
    another["amount"] = json!(1);
    let (address, _requests) = server(move |_| reply(200, another.to_string())).await;
    assert_eq!(
        at(address).charge(&charge()).await.map_err(|error| matches!(error, PaymentError::Forged { .. })),
        Err(true),
        "an answer about another amount is not believed"
    );
}

#[tokio::test]
async fn a_charge_that_stripe_cannot_take_is_refused_before_it_is_sent() {
    let (address, mut requests) = server(|_: &Received| -> Reply { reply(200, "") }).await;
    let stripe = at(address);
    for (wanted, wrong) in [
        ("order_id", SavedCharge { order_id: "short".to_owned(), ..charge() }),
        ("amount", SavedCharge { amount: money(5, "USD"), ..charge() }),
        ("subject", SavedCharge { subject: String::new(), ..charge() }),
        ("payment_method", SavedCharge { method: "pm_1".to_owned(), ..charge() }),
        ("payment_method", SavedCharge { method: "cus_1:pm_1&amount=1".to_owned(), ..charge() }),
    ] {
        let error = stripe.charge(&wrong).await.unwrap_err();
        assert!(matches!(error, PaymentError::Order { field, .. } if field == wanted), "{error:?}");
    }
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn a_charge_that_took_days_is_told_by_its_payment() {
    for (kind, told) in
        [("payment_intent.succeeded", EventKind::Paid), ("payment_intent.payment_failed", EventKind::Failed)]
    {
        let (_, heard) = news(stripe().verify(&signed(&event(kind, &payment("succeeded")))).await);
        assert_eq!((heard.order_id.as_str(), heard.provider_order_id.as_str()), (ORDER_ID, "pi_9"));
        assert_eq!((heard.amount, heard.kind), (money(10_990_000_000, "USD"), told));
        // The payment of a session is told by the session.
        let mut of_session = payment("succeeded");
        of_session["metadata"] = metadata();
        assert!(is_ignored(stripe().verify(&signed(&event(kind, &of_session))).await));
        let mut another = payment("succeeded");
        another["currency"] = json!("eur");
        let told = stripe().verify(&signed(&event(kind, &another))).await;
        assert_eq!(forgery(told), Forgery::Mismatch { field: "currency" });
    }
}

#[tokio::test]
async fn a_dispute_that_is_won_gives_the_money_back() {
    let (address, _requests) = server(|_| {
        let mut payment = payment("succeeded");
        payment["id"] = json!("pi_1");
        reply(200, payment.to_string())
    })
    .await;
    let dispute = json!({
        "id": "dp_1", "amount": 600, "currency": "usd", "status": "won", "payment_intent": "pi_1",
    });
    let (event_id, told) =
        news(at(address).verify(&signed(&event("charge.dispute.funds_reinstated", &dispute))).await);
    assert_eq!(event_id, "reinstated:dp_1");
    assert_eq!(told.kind, EventKind::Reinstated { amount: money(6_000_000_000, "USD") });
}
