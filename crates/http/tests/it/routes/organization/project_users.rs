//! `/v1/organization/projects/{project_id}/users`.

use axum::http::Method;
use serde_json::json;

use crate::house::{NOW, house};

#[tokio::test]
async fn a_user_joins_a_project_and_leaves_it_with_its_keys() {
    let house = house().await;
    let users = house.project("/users");
    let user = house.post("/v1/organization/users", json!({"name": "Ada", "email": "ada@example.org"})).await;
    let id = user["id"].as_str().unwrap();
    let keys = house.project("/api_keys");
    let new_key = json!({"name": "ada's", "user_id": id});
    let refused = house.fails(Method::POST, &keys, Some(new_key.clone())).await;
    assert_eq!((refused.0, refused.2.as_deref()), (400, Some("user_id")), "a stranger gets no key");

    let body = json!({"user_id": id, "role": "member"});
    let mut expected = json!({
        "object": "organization.project.user", "id": id, "name": "Ada", "email": "ada@example.org",
        "role": "member", "added_at": NOW,
    });
    assert_eq!(house.post(&users, body.clone()).await, expected);
    assert_eq!(house.fails(Method::POST, &users, Some(body)).await.0, 409);
    let path = format!("{users}/{id}");
    assert_eq!(house.get(&path).await, expected);
    expected["role"] = json!("owner");
    assert_eq!(house.post(&path, json!({"role": "owner"})).await, expected);
    assert_eq!(house.get(&users).await["data"], json!([expected]));

    let key = house.post(&keys, new_key).await;
    assert_eq!(key["owner"]["user"]["role"], "owner");
    let value = key["value"].as_str().unwrap();
    assert_eq!(house.status_of(value).await, 200);
    let deleted = json!({"object": "organization.project.user.deleted", "id": id, "deleted": true});
    assert_eq!(house.delete(&path).await, deleted);
    assert_eq!(house.status_of(value).await, 401);
    assert_eq!(house.fails(Method::DELETE, &path, None).await.0, 404);
    assert_eq!(house.fails(Method::GET, &path, None).await.0, 404);
    for body in [json!({"user_id": id, "role": "king"}), json!({"user_id": id, "role": "member", "x": 1})] {
        assert_eq!(house.fails(Method::POST, &users, Some(body.clone())).await.0, 400, "{body}");
    }
    let nobody = json!({"user_id": "user-none", "role": "member"});
    assert_eq!(house.fails(Method::POST, &users, Some(nobody)).await.0, 404);
}
