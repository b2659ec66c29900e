//! `/v1/organization/billing/limits`.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::house::house;

const LIMITS: &str = "/v1/organization/billing/limits";

#[tokio::test]
async fn a_limit_is_set_shown_and_taken_away() {
    let house = house().await;
    let admin = Some(house.admin());
    let body = json!({"scope": "organization", "metric": "requests", "window": "day", "limit": 5});
    let (status, made) = house.send(Method::POST, LIMITS, admin, &[], Some(&body)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!((&made["used"], &made["remaining"], &made["hard"]), (&json!(0), &json!(5), &json!(true)));
    let body = json!({"scope": "organization", "metric": "concurrency", "limit": 2, "hard": false});
    let (status, running) = house.send(Method::POST, LIMITS, admin, &[], Some(&body)).await;
    assert_eq!((status, &running["window"]), (StatusCode::CREATED, &json!(null)), "{running}");
    assert_eq!(house.get(LIMITS).await["data"], json!([made, running]));
    let one = format!("{LIMITS}/{}", made["id"].as_str().unwrap());
    assert_eq!(house.send(Method::DELETE, &one, admin, &[], None).await.0, StatusCode::OK);
    assert_eq!(house.send(Method::DELETE, &one, admin, &[], None).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_limit_that_cannot_be_is_refused_by_its_field() {
    let house = house().await;
    let good = json!({"scope": "organization", "metric": "tokens", "window": "minute", "limit": 5});
    for (field, value) in [
        ("scope", json!("galaxy")),
        ("subject", json!("somebody")),
        ("metric", json!("spend")),
        ("metric", json!("concurrency")),
        ("window", json!("month")),
        ("limit", json!(2_000_000_000_000_u64)),
        ("limit", json!(-1)),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let refused = house.fails(Method::POST, LIMITS, Some(body)).await;
        let named = if value == "concurrency" { "window" } else { field };
        assert_eq!((refused.0, refused.2.as_deref()), (400, Some(named)), "{field}: {value}");
    }
}
