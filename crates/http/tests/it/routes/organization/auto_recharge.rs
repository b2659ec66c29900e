//! `/v1/organization/billing/auto_recharge` and `payment_methods`.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::house::{House, house};
use crate::till::SIGNATURE;

const METHODS: &str = "/v1/organization/billing/payment_methods";
const RECHARGE: &str = "/v1/organization/billing/auto_recharge";
const CHECKOUTS: &str = "/v1/organization/billing/checkouts";

/// Pays an order of a dollar, and lets the way to pay be kept; gives its id.
async fn saved(house: &House) -> String {
    let order = json!({"provider": "stripe", "amount": "1", "currency": "USD", "return_url": "https://us.example",
        "save_payment_method": true});
    let order = house.send(Method::POST, CHECKOUTS, Some(house.admin()), &[], Some(&order)).await.1;
    let paid = json!({"what": "paid", "order": order["id"], "event": "e1", "amount": 1, "currency": "USD",
        "saved_method": "cus_1:pm_1"});
    let signed = [("x-signature", SIGNATURE)];
    for _ in 0..2 {
        let told =
            house.send(Method::POST, "/v1/billing/notifications/stripe", None, &signed, Some(&paid)).await;
        assert_eq!(told.0, StatusCode::OK);
    }
    let methods = house.get(METHODS).await;
    assert_eq!(methods["data"].as_array().unwrap().len(), 1, "kept once: {methods}");
    assert!(
        !methods.to_string().contains("cus_1"),
        "what the provider calls it is nobody's business: {methods}"
    );
    methods["data"][0]["id"].as_str().unwrap().to_owned()
}

fn wanted(method: &str) -> Value {
    json!({"payment_method": method, "threshold": "5", "amount": "20", "currency": "USD", "monthly_limit": "100"})
}

#[tokio::test]
async fn a_balance_is_recharged_by_a_way_to_pay_that_was_kept_until_it_is_forgotten() {
    let house = house().await;
    assert_eq!(house.get(RECHARGE).await["status"], "off");
    let method = saved(&house).await;
    let set = house.post(RECHARGE, wanted(&method)).await;
    let mut expected = json!({
        "object": "billing.auto_recharge", "status": "on", "payment_method": method, "threshold": "5.000000000",
        "amount": "20.000000000", "currency": "USD", "monthly_limit": "100.000000000",
        "charged_this_month": "0.000000000", "checkout_id": null, "failure": null,
    });
    assert_eq!(set, expected);
    assert_eq!(house.get(RECHARGE).await, expected);

    house.clock.advance(Duration::from_secs(5));
    house.platform.checkout.recharge_due().await.unwrap();
    expected["charged_this_month"] = json!("20.000000000");
    assert_eq!(house.get(RECHARGE).await, expected);
    let balance = house.get("/v1/organization/billing/balance").await;
    assert_eq!(balance["balances"][0]["available"], "21.000000000");
    let order = &house.get(CHECKOUTS).await["data"][0];
    assert_eq!((&order["purpose"], &order["status"]), (&json!("auto_recharge"), &json!("paid")));

    let gone =
        house.send(Method::DELETE, &format!("{METHODS}/{method}"), Some(house.admin()), &[], None).await;
    assert_eq!((gone.0, &gone.1["deleted"]), (StatusCode::OK, &json!(true)));
    assert_eq!(house.get(RECHARGE).await["status"], "off");
    assert_eq!(house.fails(Method::DELETE, &format!("{METHODS}/{method}"), None).await.0, 404);
    let off = house.send(Method::DELETE, RECHARGE, Some(house.admin()), &[], None).await;
    assert_eq!((off.0, &off.1["deleted"]), (StatusCode::OK, &json!(true)));
}

#[tokio::test]
async fn what_cannot_be_recharged_or_ordered_is_refused_by_name() {
    let house = house().await;
    let method = saved(&house).await;
    for (field, value) in [
        ("payment_method", json!("pay_method_of_nobody")),
        ("threshold", json!("-1")),
        ("amount", json!("0")),
        ("amount", json!("1e2")),
        ("currency", json!("dollars")),
        ("monthly_limit", json!("19.99")),
        ("until", json!(1)),
    ] {
        let mut body = wanted(&method);
        body[field] = value;
        let refused = house.fails(Method::POST, RECHARGE, Some(body)).await;
        assert_eq!((refused.0, refused.2.as_deref()), (400, Some(field)));
    }
    let order = json!({"provider": "wechat_pay", "amount": "1", "currency": "USD", "return_url": "https://us.example"});
    for (field, more) in [
        ("save_payment_method", json!({"save_payment_method": true})),
        ("amount", json!({"invoice": "inv_1"})),
        ("currency", json!({"invoice": "inv_1", "amount": null})),
        ("invoice", json!({"invoice": "inv_1", "amount": null, "currency": null})),
        ("amount", json!({"amount": null})),
        ("currency", json!({"currency": null})),
    ] {
        let mut body = order.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = house.fails(Method::POST, CHECKOUTS, Some(body)).await;
        assert_eq!((refused.0, refused.2.as_deref()), (400, Some(field)), "{more}");
    }
    let key = Some(house.made.project_key.expose());
    for (method, path) in [(Method::GET, METHODS), (Method::GET, RECHARGE), (Method::DELETE, RECHARGE)] {
        assert_eq!(house.send(method.clone(), path, key, &[], None).await.0, StatusCode::FORBIDDEN);
        assert_eq!(house.send(method, path, None, &[], None).await.0, StatusCode::UNAUTHORIZED);
    }
}
