//! `/v1/organization/users`.

use axum::http::Method;
use serde_json::json;

use crate::house::{NOW, house};

const USERS: &str = "/v1/organization/users";

#[tokio::test]
async fn a_user_is_added_changed_and_removed() {
    let house = house().await;
    let body = json!({"name": "Ada", "email": "Ada@Example.org"});
    let made = house.post(USERS, body.clone()).await;
    let id = made["id"].as_str().unwrap();
    let mut expected = json!({
        "object": "organization.user", "id": id, "name": "Ada", "email": "ada@example.org", "role": "reader",
        "added_at": NOW,
    });
    assert_eq!(made, expected);
    let (status, code, _) = house.fails(Method::POST, USERS, Some(body)).await;
    assert_eq!((status, code.as_deref()), (409, Some("already_exists")));
    let path = format!("{USERS}/{id}");
    assert_eq!(house.get(&path).await, expected);
    expected["role"] = json!("owner");
    assert_eq!(house.post(&path, json!({"role": "owner"})).await, expected);
    assert!(house.get(USERS).await["data"].as_array().unwrap().contains(&expected));
    assert_eq!(
        house.delete(&path).await,
        json!({"object": "organization.user.deleted", "id": id, "deleted": true})
    );
    assert_eq!(house.fails(Method::GET, &path, None).await.0, 404);
}

#[tokio::test]
async fn the_last_owner_stays_one() {
    let house = house().await;
    let users = house.get(USERS).await;
    let path = format!("{USERS}/{}", users["data"][0]["id"].as_str().unwrap());
    assert_eq!(house.fails(Method::DELETE, &path, None).await.0, 409);
    assert_eq!(house.fails(Method::POST, &path, Some(json!({"role": "reader"}))).await.0, 409);
    assert_eq!(house.get(USERS).await, users);
}

#[tokio::test]
async fn what_is_wrong_with_a_user_is_named() {
    let house = house().await;
    let cases = [
        (json!({"name": "a", "email": "nowhere"}), "email"),
        (json!({"name": "", "email": "a@b"}), "name"),
        (json!({"name": "a", "email": "a@b", "role": "king"}), "role"),
        (json!({"name": "a", "email": "a@b", "password": "x"}), "password"),
    ];
    for (body, param) in cases {
        let (status, _, named) = house.fails(Method::POST, USERS, Some(body.clone())).await;
        assert_eq!((status, named.as_deref()), (400, Some(param)), "{body}");
    }
}
