//! `/v1/organization/billing/rentals`.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::house::house;

const RENTALS: &str = "/v1/organization/billing/rentals";

#[tokio::test]
async fn a_replica_is_rented_charged_and_given_back() {
    let house = house().await;
    let admin = Some(house.admin());
    let projects = house.get("/v1/organization/projects").await;
    let project = projects["data"][0]["id"].as_str().unwrap().to_owned();
    let body = json!({"model": "smol", "project_id": project, "name": "ours"});
    let (status, refused) = house.send(Method::POST, RENTALS, admin, &[], Some(&body)).await;
    assert_eq!(
        (status, &refused["error"]["param"]),
        (StatusCode::BAD_REQUEST, &json!("device_class")),
        "no price"
    );

    let prices = json!({"currency": "USD", "per_million": {"replica_seconds": "1000000"}});
    let (status, _) = house.send(Method::PUT, "/v1/prices/device:cpu", admin, &[], Some(&prices)).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = house.send(Method::PUT, "/v1/prices/device:h100", admin, &[], Some(&prices)).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "there are none");

    let (status, made) = house.send(Method::POST, RENTALS, admin, &[], Some(&body)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!((&made["status"], &made["name"]), (&json!("starting"), &json!("ours")));
    house.host.set_up(true);
    house.platform.rentals.look().await.unwrap();
    house.clock.advance(Duration::from_secs(10));
    house.platform.rentals.look().await.unwrap();
    assert_eq!(house.get(RENTALS).await["data"][0]["status"], "up");

    let id = format!("{RENTALS}/{}", made["id"].as_str().unwrap());
    let (status, ended) = house.send(Method::DELETE, &id, admin, &[], None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&ended["status"], &ended["charged_seconds"]), (&json!("ended"), &json!(60)), "its minimum");
    assert_eq!(house.get(&id).await, ended);
    let balance = house.get("/v1/organization/billing/balance").await;
    assert_eq!(balance["balances"][0]["owed"], "60.000000000", "{balance}");
}

#[tokio::test]
async fn a_rental_is_refused_by_the_field_that_is_wrong() {
    let house = house().await;
    let admin = Some(house.admin());
    let body = json!({"model": "smol", "project_id": "proj_nobodys"});
    let (status, _) = house.send(Method::POST, RENTALS, admin, &[], Some(&body)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let body = json!({"model": "smol", "project_id": "proj_nobodys", "minutes": 5});
    let (status, _) = house.send(Method::POST, RENTALS, admin, &[], Some(&body)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _) = house.send(Method::DELETE, &format!("{RENTALS}/rental_x"), admin, &[], None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
