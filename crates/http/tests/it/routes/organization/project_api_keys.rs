//! `/v1/organization/projects/{project_id}/api_keys`.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use crate::house::{NOW, house};

#[tokio::test]
async fn a_key_is_shown_once_works_and_stops_when_it_is_deleted() {
    let house = house().await;
    let keys = house.project("/api_keys");
    let mut made = house.post(&keys, json!({"name": "app", "scopes": ["model.request", "api.read"]})).await;
    let value = made["value"].as_str().unwrap().to_owned();
    assert!(value.starts_with("sk-tf-") && value.len() == 59, "{}", value.len());
    assert_eq!(house.status_of(&value).await, 200);
    made.as_object_mut().unwrap().remove("value");
    let id = made["id"].as_str().unwrap().to_owned();
    let owner = &made["owner"];
    let expected = json!({
        "object": "organization.project.api_key", "id": id, "name": "app",
        "redacted_value": format!("{}********{}", &value[..8], &value[55..]),
        "created_at": NOW, "expires_at": null, "last_used_at": null, "scopes": ["model.request", "api.read"],
        "owner": {
            "type": "user",
            "user": {
                "object": "organization.project.user", "id": owner["user"]["id"], "name": "Administrator",
                "email": "admin@localhost", "role": "owner", "created_at": NOW, "added_at": NOW,
            },
        },
        "owner_project_access": "active",
    });
    assert_eq!(made, expected);
    let path = format!("{keys}/{id}");
    assert_eq!(house.get(&path).await, expected);
    let list = house.get(&keys).await;
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    assert!(list["data"].as_array().unwrap().contains(&expected));
    assert!(!list.to_string().contains(&value[20..50]), "a list shows a secret");

    house.platform.identity.flush_uses().await.unwrap();
    assert_eq!(house.get(&path).await["last_used_at"], NOW);
    let deleted = json!({"object": "organization.project.api_key.deleted", "id": id, "deleted": true});
    assert_eq!(house.delete(&path).await, deleted);
    let (status, body) = house.send(Method::GET, "/v1/models", Some(&value), &[], None).await;
    assert_eq!((status.as_u16(), &body["error"]["code"]), (401, &json!("invalid_api_key")));
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("Incorrect API key provided: "), "{message}");
    assert!(!message.contains(&value[8..55]), "{message}");
    assert_eq!(house.fails(Method::GET, &path, None).await.0, 404);
    assert_eq!(house.fails(Method::DELETE, &path, None).await.0, 404);
}

#[tokio::test]
async fn a_key_ends_when_it_was_told_to() {
    let house = house().await;
    let keys = house.project("/api_keys");
    let made = house.post(&keys, json!({"name": "short", "expires_in_seconds": 90})).await;
    assert_eq!(made["expires_at"], NOW + 90);
    let value = made["value"].as_str().unwrap();
    house.clock.advance(Duration::from_millis(89_999));
    assert_eq!(house.status_of(value).await, 200);
    house.clock.advance(Duration::from_millis(1));
    assert_eq!(house.status_of(value).await, 401);
}

#[tokio::test]
async fn a_repeat_under_the_same_idempotency_key_makes_no_second_key_and_shows_no_secret() {
    let house = house().await;
    let keys = house.project("/api_keys");
    let accounts = house.project("/service_accounts");
    let admin_keys = "/v1/organization/admin_api_keys".to_owned();
    for (path, at) in [(&keys, "/value"), (&accounts, "/api_key/value"), (&admin_keys, "/value")] {
        let before = house.get(path).await["data"].as_array().unwrap().len();
        let send = async || {
            // A key of its own for each path, since the fingerprint of a request holds its path.
            let headers = [("idempotency-key", path.as_str())];
            let body = json!({"name": "once"});
            house.send(Method::POST, path, Some(house.admin()), &headers, Some(&body)).await
        };
        let (first, second) = (send().await, send().await);
        assert_eq!((first.0.as_u16(), second.0.as_u16()), (200, 200), "{first:?} {second:?}");
        let secret = first.1.pointer(at).and_then(Value::as_str).unwrap().to_owned();
        assert_eq!(house.status_of(&secret).await, 200);
        assert_eq!(first.1["id"], second.1["id"], "the same key");
        assert!(!second.1.to_string().contains(&secret[20..50]), "a stored answer holds a secret");
        assert_eq!(house.get(path).await["data"].as_array().unwrap().len(), before + 1);
        let stored = format!("{:?}", house.serving_store);
        assert!(stored.contains(first.1["id"].as_str().unwrap()), "the answer is stored");
        assert!(!stored.contains(&secret[20..50]), "the store holds a secret");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_named() {
    let house = house().await;
    let keys = house.project("/api_keys");
    let cases = [
        (json!({"name": "a", "color": 1}), "color"),
        (json!({"name": "a\nb"}), "name"),
        (json!({}), "name"),
        (json!({"name": "a", "scopes": ["everything"]}), "scopes"),
        (json!({"name": "a", "scopes": []}), "scopes"),
        (json!({"name": "a", "expires_in_seconds": 0}), "expires_in_seconds"),
        (json!({"name": "a", "expires_in_seconds": -1}), "expires_in_seconds"),
        (json!({"name": "a", "expires_in_seconds": 31_536_001}), "expires_in_seconds"),
        (json!({"name": "a", "user_id": "not an id"}), "user_id"),
        (json!({"name": "a", "user_id": "u", "service_account_id": "s"}), "service_account_id"),
    ];
    for (body, param) in cases {
        let (status, _, named) = house.fails(Method::POST, &keys, Some(body.clone())).await;
        assert_eq!((status, named.as_deref()), (400, Some(param)), "{body}");
    }
    for body in
        [json!({"name": "a", "user_id": "user-none"}), json!({"name": "a", "service_account_id": "svc_none"})]
    {
        assert_eq!(house.fails(Method::POST, &keys, Some(body.clone())).await.0, 404, "{body}");
    }
}
