//! `plans`.

use serde_json::json;

use crate::platform::Platform;
use crate::session::Session;

#[tokio::test]
async fn a_plan_is_made_from_words() {
    let platform =
        Platform::start().json("POST /v1/organization/billing/plans", 201, &json!({"id": "plan_1"}));
    let line = [
        "plans",
        "create",
        "team",
        "--amount",
        "20",
        "--allow",
        "tokens=50000/5h",
        "--allow",
        "spend=12.5/month",
        "--model",
        "m",
        "--stop",
    ];
    let done = Session::at(&platform).run(&line).await;
    assert_eq!((done.code, done.err.as_str(), done.out.as_str()), (0, "", "plan_1\n"));
    let expected = json!({
        "name": "team", "amount": "20", "currency": "USD", "period": "month", "overage": "stop",
        "allowances": [{"models": ["m"], "windows": [
            {"metric": "tokens", "amount": "50000", "window": "rolling", "hours": 5},
            {"metric": "spend", "amount": "12.5", "window": "month"},
        ]}],
    });
    assert_eq!(platform.seen()[0].body, expected);
    let done =
        Session::at(&platform).run(&["plans", "create", "team", "--amount", "1", "--allow", "5"]).await;
    assert_eq!(done.code, 2);
    assert!(done.err.contains("tokens=50000/5h"), "{}", done.err);
}

#[tokio::test]
async fn what_is_left_is_a_line_for_each_window() {
    let window = |metric: &str, amount: &str, used: &str| json!({"metric": metric, "amount": amount, "window": "month", "used": used, "held": "0", "resets_at": 1});
    let windows = json!([window("tokens", "50000", "120"), window("spend", "12.5", "0.25")]);
    let plan = json!({"id": "plan_1", "object": "billing.plan", "name": "team", "amount": "20", "currency": "USD",
        "period": "month", "allowances": [], "overage": "pay", "status": "open", "created_at": 1});
    let one = json!({"id": "sub_1", "object": "billing.subscription", "status": "active", "plan": plan,
        "current_period_start": 0, "current_period_end": 951_782_400, "next_plan_id": null,
        "cancel_at_period_end": false, "allowances": [{"models": [], "windows": windows}], "created_at": 1});
    let list =
        json!({"object": "list", "data": [one], "first_id": "sub_1", "last_id": "sub_1", "has_more": false});
    let platform = Platform::start().json("GET /v1/organization/billing/subscriptions?limit=100", 200, &list);
    let done = Session::at(&platform).run(&["plans", "subscriptions"]).await;
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    insta::assert_snapshot!("plans_subscriptions", done.out);
}
