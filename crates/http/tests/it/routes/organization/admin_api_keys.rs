//! `/v1/organization/admin_api_keys`.

use axum::http::Method;
use serde_json::json;

use crate::house::{NOW, house};

const KEYS: &str = "/v1/organization/admin_api_keys";

#[tokio::test]
async fn an_admin_key_is_shown_once_works_and_stops_when_it_is_deleted() {
    let house = house().await;
    let mut made = house.post(KEYS, json!({"name": "Main", "expires_in_seconds": 3600})).await;
    let value = made["value"].as_str().unwrap().to_owned();
    assert!(value.starts_with("sk-tf-admin-"));
    made.as_object_mut().unwrap().remove("value");
    let id = made["id"].as_str().unwrap();
    let expected = json!({
        "object": "organization.admin_api_key", "id": id, "name": "Main",
        "redacted_value": format!("{}********{}", &value[..8], &value[61..]),
        "created_at": NOW, "expires_at": NOW + 3600, "last_used_at": null, "scopes": [],
        "owner": {
            "type": "user", "object": "organization.user", "id": made["owner"]["id"], "name": "Administrator",
            "created_at": NOW, "role": "owner",
        },
    });
    assert_eq!(made, expected);
    let path = format!("{KEYS}/{id}");
    assert_eq!(house.get(&path).await, expected);
    let (status, list) = house.send(Method::GET, KEYS, Some(&value), &[], None).await;
    assert_eq!((status.as_u16(), list["data"].as_array().unwrap().len()), (200, 2));
    assert!(list["data"].as_array().unwrap().contains(&expected));

    let deleted = json!({"object": "organization.admin_api_key.deleted", "id": id, "deleted": true});
    assert_eq!(house.delete(&path).await, deleted);
    assert_eq!(house.send(Method::GET, KEYS, Some(&value), &[], None).await.0.as_u16(), 401);
    let last = house.get(KEYS).await["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        house.fails(Method::DELETE, &format!("{KEYS}/{last}"), None).await.0,
        409,
        "the last one stays"
    );
    assert_eq!(house.fails(Method::GET, &path, None).await.0, 404);
}

#[tokio::test]
async fn a_key_of_a_project_is_no_admin_key() {
    let house = house().await;
    let made = house.post(&house.project("/api_keys"), json!({"name": "k"})).await;
    let id = made["id"].as_str().unwrap();
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(house.fails(method, &format!("{KEYS}/{id}"), None).await.0, 404);
    }
    let failed = house.fails(Method::POST, KEYS, Some(json!({"name": "k", "role": "owner"}))).await;
    assert_eq!((failed.0, failed.2.as_deref()), (400, Some("role")));
}
