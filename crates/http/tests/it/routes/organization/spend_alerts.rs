//! `/v1/organization/spend_alerts`.

use axum::http::Method;
use serde_json::{Value, json};

use crate::house::house;

const ALERTS: &str = "/v1/organization/spend_alerts";

fn webhook(threshold: i64) -> Value {
    json!({"currency": "USD", "interval": "month", "threshold_amount": threshold,
        "notification_channel": {"type": "webhook", "url": "https://hook.example/"}})
}

#[tokio::test]
async fn an_alert_shows_its_secret_once_and_keeps_it() {
    let house = house().await;
    let made = house.post(ALERTS, webhook(10_000)).await;
    let id = made["id"].as_str().unwrap();
    let secret = made["notification_channel"]["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"), "{made}");
    let mut expected = json!({
        "id": id, "object": "organization.spend_alert", "currency": "USD", "interval": "month",
        "threshold_amount": 10_000, "notification_channel": {"type": "webhook", "url": "https://hook.example/"},
    });
    assert_eq!(house.get(ALERTS).await["data"], json!([expected]));
    expected["threshold_amount"] = json!(500);
    assert_eq!(house.post(&format!("{ALERTS}/{id}"), webhook(500)).await, expected);
    assert_eq!(house.get(ALERTS).await["data"], json!([expected]));

    assert_eq!(house.get(&format!("{ALERTS}/{id}")).await, expected);
    house.clock.advance(std::time::Duration::from_secs(1));
    let second = house.post(ALERTS, webhook(7)).await;
    let newest = house.get(&format!("{ALERTS}?order=desc&limit=1")).await;
    assert_eq!((&newest["data"][0]["id"], &newest["has_more"]), (&second["id"], &json!(true)));

    let deleted = house.delete(&format!("{ALERTS}/{id}")).await;
    assert_eq!(deleted, json!({"id": id, "object": "organization.spend_alert.deleted", "deleted": true}));
    assert_eq!(house.fails(Method::DELETE, &format!("{ALERTS}/{id}"), None).await.0, 404);
}

#[tokio::test]
async fn an_alert_of_a_project_is_found_there_alone() {
    let house = house().await;
    let path = house.project("/spend_alerts");
    let made = house.post(&path, webhook(1)).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["object"], "project.spend_alert");
    assert_eq!(house.get(ALERTS).await["data"], json!([]));
    assert_eq!(house.get(&path).await["data"][0]["id"], id);
    for (method, body) in [(Method::POST, Some(webhook(2))), (Method::DELETE, None)] {
        assert_eq!(house.fails(method, &format!("{ALERTS}/{id}"), body).await.0, 404);
    }
    assert_eq!(house.delete(&format!("{path}/{id}")).await["deleted"], true);
}

#[tokio::test]
async fn an_alert_that_nobody_would_hear_is_refused() {
    let house = house().await;
    let with = |field: &str, value: Value| {
        let mut alert = webhook(1);
        alert[field] = value;
        alert
    };
    let email = json!({"type": "email", "recipients": ["a@example.com"]});
    let own = json!({"type": "webhook", "url": "https://hook.example/", "secret": "whsec_AAAA"});
    for (body, field) in [
        (with("threshold_amount", json!(0)), "threshold_amount"),
        (with("threshold_amount", json!(i64::MAX)), "threshold_amount"),
        (with("interval", json!("day")), "interval"),
        (with("currency", json!("?")), "currency"),
        (with("notification_channel", email), "notification_channel.type"),
        (with("notification_channel", own), "notification_channel.secret"),
    ] {
        let (status, _, param) = house.fails(Method::POST, ALERTS, Some(body.clone())).await;
        assert_eq!((status, param.as_deref()), (400, Some(field)), "{body}");
    }
}
