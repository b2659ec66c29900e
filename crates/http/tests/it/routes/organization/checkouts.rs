//! `/v1/organization/billing/checkouts`, and what providers say of them.

use std::sync::atomic::Ordering;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::house::{House, NOW, house};
use crate::till::SIGNATURE;

const CHECKOUTS: &str = "/v1/organization/billing/checkouts";

/// An order of 20 dollars at a provider.
async fn order_at(house: &House, provider: &str) -> Value {
    let body =
        json!({"provider": provider, "amount": "20", "currency": "USD", "return_url": "https://us.example"});
    let (status, made) = house.send(Method::POST, CHECKOUTS, Some(house.admin()), &[], Some(&body)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made
}

async fn order(house: &House) -> String {
    order_at(house, "stripe").await["id"].as_str().unwrap().to_owned()
}

/// What a provider says of an order of 20 dollars, with `other` over it.
fn says(what: &str, order: &str, event: &str, other: &Value) -> Value {
    let mut said = json!({"what": what, "order": order, "event": event, "amount": 20, "currency": "USD"});
    for (key, value) in other.as_object().into_iter().flatten() {
        said[key] = value.clone();
    }
    said
}

/// Tells the platform, signed; says whether it was dealt with.
async fn told(house: &House, said: &Value) -> bool {
    let path = "/v1/billing/notifications/stripe";
    let (status, answer) =
        house.send(Method::POST, path, None, &[("x-signature", SIGNATURE)], Some(said)).await;
    let ok = answer["ok"].as_bool().unwrap();
    assert_eq!(status.as_u16(), if ok { 200 } else { 500 }, "the provider's own answer");
    ok
}

async fn status(house: &House, id: &str) -> String {
    house.get(&format!("{CHECKOUTS}/{id}")).await["status"].as_str().unwrap().to_owned()
}

/// What was paid in and what is owed, where the ledger adds up.
async fn funds(house: &House) -> (String, String) {
    let verified = house.get("/v1/organization/billing/verification").await;
    assert_eq!(verified["clean"], true, "{verified}");
    let balance = house.get("/v1/organization/billing/balance").await;
    let text = |field: &str| whole(&balance["balances"][0][field]);
    (text("paid"), text("owed"))
}

/// An amount without its nine places, which are all zeros here; nothing where there is none.
fn whole(amount: &Value) -> String {
    amount.as_str().unwrap_or("0").trim_end_matches(".000000000").to_owned()
}

fn have(paid: &str, owed: &str) -> (String, String) {
    (paid.to_owned(), owed.to_owned())
}

#[tokio::test]
async fn an_order_is_made_paid_and_listed() {
    let house = house().await;
    let made = order_at(&house, "stripe").await;
    let id = made["id"].as_str().unwrap();
    let mut expected = json!({
        "id": id, "object": "billing.checkout", "provider": "stripe", "amount": "20.000000000", "currency": "USD",
        "purpose": "top_up", "status": "pending", "refunded": "0.000000000", "redirect_url": format!("https://psp.example/{id}"),
        "created_at": NOW, "expires_at": NOW + 3600,
    });
    assert_eq!(made, expected);
    expected.as_object_mut().unwrap().remove("redirect_url");
    assert_eq!(house.get(&format!("{CHECKOUTS}/{id}")).await, expected, "what was shown is shown once");
    let other = order_at(&house, "wechat_pay").await;
    assert_eq!(other["qr_code"], format!("weixin://{}", other["id"].as_str().unwrap()));

    assert!(told(&house, &says("paid", id, "e1", &json!({}))).await);
    assert_eq!(funds(&house).await, have("20", "0"));
    assert_eq!(status(&house, id).await, "paid");
    let entries = house.get("/v1/organization/billing/entries").await;
    assert_eq!(entries["data"][0]["transaction"], format!("payment:{id}"));
    assert_eq!(entries["data"].as_array().unwrap().len(), 1);

    let mut listed = Vec::new();
    let mut page = house.get(&format!("{CHECKOUTS}?limit=1")).await;
    loop {
        listed.push(page["data"][0]["id"].clone());
        if page["has_more"] == false {
            break;
        }
        page = house.get(&format!("{CHECKOUTS}?limit=1&after={}", page["last_id"].as_str().unwrap())).await;
    }
    let mut all = vec![made["id"].clone(), other["id"].clone()];
    all.sort_by_key(|id| std::cmp::Reverse(id.to_string()));
    assert_eq!(listed, all);
}

#[tokio::test]
async fn orders_that_cannot_be_are_refused_by_name() {
    let house = house().await;
    let good =
        json!({"provider": "stripe", "amount": "20", "currency": "USD", "return_url": "https://us.example"});
    let with = |field: &str, value: &str| {
        let mut body = good.clone();
        body[field] = value.into();
        body
    };
    for (field, value) in [
        ("provider", "alipay"),
        ("amount", "0"),
        ("amount", "-1"),
        ("amount", "1e3"),
        ("currency", "dollars"),
        ("return_url", "nowhere"),
    ] {
        let refused = house.fails(Method::POST, CHECKOUTS, Some(with(field, value))).await;
        assert_eq!((refused.0, refused.2.as_deref()), (400, Some(field)), "{field} = {value}");
    }
    let body = with("provider", "alipay");
    let (_, refused) = house.send(Method::POST, CHECKOUTS, Some(house.admin()), &[], Some(&body)).await;
    assert!(refused["error"]["message"].as_str().unwrap().contains("`stripe`, `wechat_pay`"), "{refused}");
    let body = with("return_url", "https://down.example");
    let (status, _) = house.send(Method::POST, CHECKOUTS, Some(house.admin()), &[], Some(&body)).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert_eq!(house.get(CHECKOUTS).await["data"][0]["status"], "failed");

    for path in [CHECKOUTS.to_owned(), format!("{CHECKOUTS}/pay_000000")] {
        let (status, _) =
            house.send(Method::GET, &path, Some(house.made.project_key.expose()), &[], None).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
        let (status, _) = house.send(Method::GET, &path, None, &[], None).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(house.fails(Method::GET, &format!("{CHECKOUTS}/pay_000000"), None).await.0, 404);
    assert_eq!(house.fails(Method::GET, &format!("{CHECKOUTS}?after=pay_000000"), None).await.0, 400);
}

#[tokio::test]
async fn a_provider_that_is_not_configured_has_no_route() {
    let house = house().await;
    for method in [Method::POST, Method::GET, Method::DELETE] {
        for name in ["alipay", "of-nobody", "Stripe", "stripe/x", ""] {
            let path = format!("/v1/billing/notifications/{name}");
            let refused = house.fails(method.clone(), &path, None).await;
            assert_eq!((refused.0, refused.1.as_deref()), (404, Some("unknown_url")), "{method} {path}");
            let (_, of_it) = house.send(method.clone(), &path, None, &[], None).await;
            let (_, of_nothing) = house.send(method.clone(), "/v1/nothing", None, &[], None).await;
            assert_eq!(of_it.to_string().replace(&path, "/v1/nothing"), of_nothing.to_string());
        }
    }
    let refused = house.fails(Method::GET, "/v1/billing/notifications/stripe", None).await;
    assert_eq!(refused.0, 405);
}

#[tokio::test]
async fn what_is_forged_or_too_large_credits_nothing() {
    let house = house().await;
    let id = order(&house).await;
    let said = says("paid", &id, "e1", &json!({}));
    let path = "/v1/billing/notifications/stripe";
    let forged: [&[(&str, &str)]; 3] = [&[], &[("x-signature", "wrong")], &[("idempotency-key", "a")]];
    for headers in forged {
        let (status, answer) = house.send(Method::POST, path, None, headers, Some(&said)).await;
        assert_eq!((status.as_u16(), answer), (500, json!({"ok": false})));
    }
    // An admin's key is no signature.
    let (_, answer) = house.send(Method::POST, path, Some(house.admin()), &[], Some(&said)).await;
    assert_eq!(answer, json!({"ok": false}));
    let large = says("paid", &id, "e1", &json!({"more": "x".repeat(64 << 10)}));
    let signed = [("x-signature", SIGNATURE)];
    let (status, _) = house.send(Method::POST, path, None, &signed, Some(&large)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(funds(&house).await, have("0", "0"));
    assert_eq!(status_and_entries(&house, &id).await, ("pending".to_owned(), 0));
}

async fn status_and_entries(house: &House, id: &str) -> (String, usize) {
    let entries = house.get("/v1/organization/billing/entries?limit=100").await;
    (status(house, id).await, entries["data"].as_array().unwrap().len())
}

#[tokio::test]
async fn what_is_odd_credits_nothing_and_is_not_sent_again() {
    let house = house().await;
    let id = order(&house).await;
    let of_other = order_at(&house, "wechat_pay").await["id"].as_str().unwrap().to_owned();
    for what in ["paid", "refunded", "refunded_in_all", "charged_back", "failed", "expired"] {
        for odd in [
            json!({"amount": 19}),
            json!({"amount": 21}),
            json!({"amount": 2000}),
            json!({"currency": "EUR"}),
            json!({"currency": "JPY"}),
            json!({"order": "pay_of_nobody"}),
            json!({"order": ""}),
            json!({"order": "\u{0}; DROP TABLE"}),
            json!({"order": of_other}),
        ] {
            let mut said = says(what, &id, "e1", &odd);
            said["part"] = 5.into();
            assert!(told(&house, &said).await, "{said}");
            assert_eq!(funds(&house).await, have("0", "0"), "{said}");
        }
    }
    for part in [0, -5] {
        assert!(told(&house, &says("refunded", &id, "e2", &json!({"part": part}))).await);
    }
    assert!(told(&house, &json!({"what": "something new"})).await);
    assert_eq!(status_and_entries(&house, &id).await, ("pending".to_owned(), 0));
    assert_eq!(status(&house, &of_other).await, "pending");
    assert!(told(&house, &says("paid", &id, "e1", &json!({}))).await, "it can be paid all the same");
    assert_eq!(funds(&house).await, have("20", "0"));
}

#[tokio::test]
async fn a_payment_that_is_told_often_is_credited_once() {
    let house = house().await;
    let id = order(&house).await;
    for event in ["e1", "e1", "e2", "e1"] {
        assert!(told(&house, &says("paid", &id, event, &json!({}))).await);
    }
    let said = says("paid", &id, "e3", &json!({}));
    let at_once = (0..16).map(|_| told(&house, &said));
    assert!(futures::future::join_all(at_once).await.iter().all(|ok| *ok));
    assert_eq!(funds(&house).await, have("20", "0"));
    for what in ["failed", "expired"] {
        assert!(told(&house, &says(what, &id, what, &json!({}))).await);
    }
    assert_eq!(status_and_entries(&house, &id).await, ("paid".to_owned(), 1), "a paid order stays paid");
}

#[tokio::test]
async fn money_that_comes_too_late_comes_all_the_same() {
    let house = house().await;
    let id = order(&house).await;
    for (what, then) in
        [("failed", "failed"), ("expired", "expired"), ("failed", "expired"), ("paid", "paid")]
    {
        assert!(told(&house, &says(what, &id, what, &json!({}))).await);
        assert_eq!(status(&house, &id).await, then);
    }
    assert_eq!(funds(&house).await, have("20", "0"));
}

#[tokio::test]
async fn a_refund_that_is_told_before_the_payment_leaves_what_is_right() {
    for (what, part, paid, then) in [
        ("refunded", 5, "15", "paid"),
        ("refunded_in_all", 20, "0", "refunded"),
        ("charged_back", 20, "0", "charged_back"),
    ] {
        let house = house().await;
        let id = order(&house).await;
        assert!(told(&house, &says(what, &id, "r1", &json!({"part": part}))).await);
        assert_eq!(funds(&house).await, have(paid, "0"), "{what}");
        for event in ["e1", "e2"] {
            assert!(told(&house, &says("paid", &id, event, &json!({}))).await);
        }
        assert_eq!(funds(&house).await, have(paid, "0"), "{what}");
        assert_eq!(status_and_entries(&house, &id).await, (then.to_owned(), 2));
    }
}

#[tokio::test]
async fn totals_count_their_largest_and_single_refunds_add_up_and_neither_exceeds_the_payment() {
    for (events, paid, refunded, then) in [
        // Totals, in disorder and repeated.
        (
            vec![("refunded_in_all", "a", 12), ("refunded_in_all", "b", 5), ("refunded_in_all", "a", 12)],
            "8",
            "12",
            "paid",
        ),
        (
            vec![("refunded_in_all", "a", 5), ("refunded_in_all", "b", 12), ("refunded_in_all", "c", 20)],
            "0",
            "20",
            "refunded",
        ),
        (vec![("refunded_in_all", "a", 50)], "0", "20", "refunded"),
        // Single ones.
        (vec![("refunded", "a", 5), ("refunded", "b", 5), ("refunded", "a", 5)], "10", "10", "paid"),
        (vec![("refunded", "a", 15), ("refunded", "b", 15), ("refunded", "c", 1)], "0", "20", "refunded"),
        // A chargeback takes what refunds have left; a total of refunds does not count it.
        (vec![("refunded", "a", 15), ("charged_back", "b", 20)], "0", "20", "charged_back"),
        (vec![("charged_back", "a", 8), ("refunded_in_all", "b", 5)], "7", "13", "charged_back"),
        // A dispute that was won gives back what it took, once, and no more.
        (vec![("charged_back", "a", 8), ("reinstated", "b", 8), ("reinstated", "b", 8)], "20", "0", "paid"),
        (vec![("charged_back", "a", 8), ("reinstated", "b", 50)], "20", "0", "paid"),
    ] {
        let house = house().await;
        let id = order(&house).await;
        assert!(told(&house, &says("paid", &id, "e1", &json!({}))).await);
        for (what, event, part) in &events {
            assert!(told(&house, &says(what, &id, event, &json!({"part": part}))).await);
            funds(&house).await;
        }
        assert_eq!(funds(&house).await, have(paid, "0"), "{events:?}");
        let order = house.get(&format!("{CHECKOUTS}/{id}")).await;
        assert_eq!((whole(&order["refunded"]), order["status"].as_str()), (refunded.to_owned(), Some(then)));
    }
}

#[tokio::test]
async fn a_dispute_that_is_told_to_be_won_before_it_began_is_told_again() {
    let house = house().await;
    let id = order(&house).await;
    assert!(told(&house, &says("paid", &id, "e1", &json!({}))).await);
    let won = says("reinstated", &id, "w1", &json!({"part": 8}));
    assert!(!told(&house, &won).await);
    assert_eq!(funds(&house).await, have("20", "0"));
    assert!(told(&house, &says("charged_back", &id, "c1", &json!({"part": 8}))).await);
    assert_eq!(funds(&house).await, have("12", "0"));
    assert!(told(&house, &won).await);
    assert_eq!(funds(&house).await, have("20", "0"));
}

#[tokio::test]
async fn what_was_spent_before_it_went_back_is_owed_and_what_was_reversed_goes_back_once() {
    let house = house().await;
    let (first, second) = (order(&house).await, order(&house).await);
    for id in [&first, &second] {
        assert!(told(&house, &says("paid", id, &format!("e:{id}"), &json!({}))).await);
    }
    // Undone by hand: the provider's refund of the same money takes nothing more.
    let undo = json!({"transaction": format!("payment:{first}"), "kind": "refund"});
    let path = "/v1/organization/billing/reversals";
    let (status, _) = house.send(Method::POST, path, Some(house.admin()), &[], Some(&undo)).await;
    assert_eq!(status, StatusCode::CREATED);
    assert!(told(&house, &says("refunded", &first, "r1", &json!({"part": 20}))).await);
    assert_eq!(funds(&house).await, have("20", "0"));
    // Gone from the balance by another way, which a chargeback does not wait for.
    house.spend(15).await;
    assert!(told(&house, &says("charged_back", &second, "c1", &json!({"part": 20}))).await);
    assert_eq!(funds(&house).await, have("0", "15"));
}

#[tokio::test]
async fn what_a_store_that_is_down_did_not_take_is_asked_for_again_and_entered_once() {
    let house = house().await;
    let id = order(&house).await;
    let said = [
        (says("paid", &id, "e1", &json!({})), "20"),
        (says("refunded", &id, "r1", &json!({"part": 5})), "15"),
        (says("refunded_in_all", &id, "r2", &json!({"part": 9})), "11"),
    ];
    for (said, paid) in said {
        house.payments.is_down.store(true, Ordering::Relaxed);
        assert!(!told(&house, &said).await);
        assert!(!told(&house, &says("paid", "pay_of_nobody", "e9", &json!({}))).await);
        house.payments.is_down.store(false, Ordering::Relaxed);
        // Down between the ledger and the order.
        house.payments.failing_updates.store(2, Ordering::Relaxed);
        for dealt_with in [false, false, true, true] {
            assert_eq!(told(&house, &said).await, dealt_with);
        }
        assert_eq!(funds(&house).await, have(paid, "0"));
    }
}
