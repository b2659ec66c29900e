//! `/v1/organization/projects/{project_id}/service_accounts`.

use axum::http::Method;
use serde_json::json;

use crate::house::{NOW, house};

#[tokio::test]
async fn a_service_account_comes_with_a_key_and_goes_with_all_of_them() {
    let house = house().await;
    let accounts = house.project("/service_accounts");
    let made = house.post(&accounts, json!({"name": "Production App"})).await;
    let id = made["id"].as_str().unwrap();
    let value = made["api_key"]["value"].as_str().unwrap();
    let account = json!({
        "object": "organization.project.service_account", "id": id, "name": "Production App", "role": "member",
        "created_at": NOW,
    });
    let mut expected = account.clone();
    expected["api_key"] = json!({
        "object": "organization.project.service_account.api_key", "id": made["api_key"]["id"], "name": "Secret Key",
        "value": value, "created_at": NOW, "expires_at": null,
    });
    assert_eq!(made, expected);
    assert_eq!(house.status_of(value).await, 200);

    let path = format!("{accounts}/{id}");
    assert_eq!(house.get(&path).await, account);
    assert!(house.get(&accounts).await["data"].as_array().unwrap().contains(&account));
    let listed = house.get(&house.project("/api_keys")).await;
    let key =
        listed["data"].as_array().unwrap().iter().find(|key| key["id"] == made["api_key"]["id"]).unwrap();
    assert_eq!(key["owner"], json!({"type": "service_account", "service_account": account}));

    let second =
        house.post(&format!("{path}/api_keys"), json!({"name": "2", "expires_in_seconds": 60})).await;
    assert_eq!(second["object"], "organization.project.service_account.api_key");
    assert_eq!(second["expires_at"], NOW + 60);
    let second = second["value"].as_str().unwrap();
    assert_eq!(house.status_of(second).await, 200);

    let deleted =
        json!({"object": "organization.project.service_account.deleted", "id": id, "deleted": true});
    assert_eq!(house.delete(&path).await, deleted);
    assert_eq!(house.status_of(value).await, 401);
    assert_eq!(house.status_of(second).await, 401);
    for (method, path) in [(Method::GET, path.clone()), (Method::DELETE, path.clone())] {
        assert_eq!(house.fails(method, &path, None).await.0, 404);
    }
    let (status, ..) = house.fails(Method::POST, &format!("{path}/api_keys"), Some(json!({}))).await;
    assert_eq!(status, 404);
    let failed = house.fails(Method::POST, &accounts, Some(json!({"name": "a", "role": "owner"}))).await;
    assert_eq!((failed.0, failed.2.as_deref()), (400, Some("role")));
}
