//! `/v1/organization/billing/plans` and `/v1/organization/billing/subscriptions`.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::house::{House, NOW, house};

const PLANS: &str = "/v1/organization/billing/plans";
const SUBSCRIPTIONS: &str = "/v1/organization/billing/subscriptions";

async fn made(house: &House, path: &str, body: Value) -> Value {
    let (status, made) = house.send(Method::POST, path, Some(house.admin()), &[], Some(&body)).await;
    assert_eq!(status, StatusCode::CREATED, "{path}: {made}");
    made
}

fn plan(name: &str, amount: &str) -> Value {
    let windows = json!([
        {"metric": "tokens", "amount": "50000", "window": "rolling", "hours": 5},
        {"metric": "requests", "amount": "700", "window": "week"},
        {"metric": "spend", "amount": "12.5", "window": "month"},
    ]);
    json!({"name": name, "amount": amount, "currency": "USD", "overage": "stop",
        "allowances": [{"models": [], "windows": windows}]})
}

async fn balance(house: &House) -> String {
    let balance = house.get("/v1/organization/billing/balance").await;
    balance["balances"][0]["paid"].as_str().unwrap().trim_end_matches(".000000000").to_owned()
}

#[tokio::test]
async fn a_plan_is_offered_subscribed_to_changed_and_left() {
    let house = house().await;
    let small = made(&house, PLANS, plan("small", "20")).await;
    let large = made(&house, PLANS, plan("large", "50")).await;
    assert_eq!(house.get(PLANS).await["data"], json!([small, large]));
    assert_eq!((&small["period"], &small["status"]), (&json!("month"), &json!("open")));

    // Nothing was paid in.
    let subscribe = json!({"plan": small["id"]});
    let profile = json!({"mode": "prepaid"});
    house.post("/v1/organization/billing/profile", profile).await;
    assert_eq!(house.fails(Method::POST, SUBSCRIPTIONS, Some(subscribe.clone())).await.0, 429);
    made(&house, "/v1/organization/billing/top_ups", json!({"amount": "100", "currency": "USD"})).await;
    let first = made(&house, SUBSCRIPTIONS, subscribe).await;
    assert_eq!((&first["status"], &first["current_period_start"]), (&json!("active"), &json!(NOW)));
    assert_eq!(balance(&house).await, "80");
    let windows = &first["allowances"][0]["windows"];
    assert_eq!(
        windows[0],
        json!({"metric": "tokens", "amount": "50000", "window": "rolling", "hours": 5, "used": "0", "held": "0",
            "resets_at": null})
    );
    assert_eq!((&windows[2]["amount"], &windows[2]["used"]), (&json!("12.500000000"), &json!("0.000000000")));
    assert!(windows[1]["resets_at"].as_i64().unwrap() > NOW);

    let one = format!("{SUBSCRIPTIONS}/{}", first["id"].as_str().unwrap());
    let later = house.post(&one, json!({"plan": large["id"], "when": "period_end"})).await;
    assert_eq!((&later["plan"]["id"], &later["next_plan_id"]), (&small["id"], &large["id"]));
    assert_eq!(balance(&house).await, "80");
    let now = house.post(&one, json!({"plan": large["id"]})).await;
    assert_eq!((&now["plan"]["id"], &now["next_plan_id"]), (&large["id"], &json!(null)));
    assert_eq!(balance(&house).await, "50", "the whole period is left");
    assert_eq!(house.get(&one).await, now);

    assert_eq!(house.delete(&one).await["cancel_at_period_end"], true);
    assert_eq!(house.delete(&format!("{one}?when=now")).await["status"], "ended");
    assert_eq!(house.fails(Method::DELETE, &one, None).await.0, 404);
    assert_eq!(house.get(SUBSCRIPTIONS).await["data"][1]["status"], "ended", "the unpaid one is the first");
}

#[tokio::test]
async fn a_plan_that_cannot_be_is_refused_by_the_name_of_its_field() {
    let house = house().await;
    let with = |field: &str, value: Value| {
        let mut plan = plan("p", "1");
        plan[field] = value;
        plan
    };
    let window = |value: Value| json!([{"windows": [value]}]);
    for (body, field) in [
        (with("name", json!("")), "name"),
        (with("amount", json!("-1")), "amount"),
        (with("currency", json!("XYZ1")), "currency"),
        (with("period", json!("week")), "period"),
        (with("overage", json!("maybe")), "overage"),
        (with("allowances", json!([{"models": ["nobody"], "windows": []}])), "allowances"),
        (with("allowances", json!([{"windows": []}])), "allowances"),
        (
            with("allowances", window(json!({"metric": "images", "amount": "1", "window": "day"}))),
            "allowances",
        ),
        (
            with("allowances", window(json!({"metric": "tokens", "amount": "1.5", "window": "day"}))),
            "allowances",
        ),
        (
            with("allowances", window(json!({"metric": "tokens", "amount": "0", "window": "day"}))),
            "allowances",
        ),
        (
            with("allowances", window(json!({"metric": "tokens", "amount": "1", "window": "rolling"}))),
            "allowances",
        ),
    ] {
        let (status, _, param) = house.fails(Method::POST, PLANS, Some(body.clone())).await;
        assert_eq!((status, param.as_deref()), (400, Some(field)), "{body}");
    }
    let unknown = house.fails(Method::POST, SUBSCRIPTIONS, Some(json!({"plan": "plan_none"}))).await;
    assert_eq!((unknown.0, unknown.2.as_deref()), (400, Some("plan")));
    let plan = made(&house, PLANS, plan("p", "0")).await;
    house.delete(&format!("{PLANS}/{}", plan["id"].as_str().unwrap())).await;
    let archived = house.fails(Method::POST, SUBSCRIPTIONS, Some(json!({"plan": plan["id"]}))).await;
    assert_eq!((archived.0, archived.2.as_deref()), (400, Some("plan")));
    assert_eq!(house.fails(Method::DELETE, &format!("{PLANS}/plan_none"), None).await.0, 404);
}
