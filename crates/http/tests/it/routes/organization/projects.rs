//! `/v1/organization/projects`.

use std::time::Duration;

use axum::http::Method;
use serde_json::json;

use crate::house::{NOW, house};

const PROJECTS: &str = "/v1/organization/projects";

#[tokio::test]
async fn a_project_is_made_renamed_and_archived() {
    let house = house().await;
    house.clock.advance(Duration::from_secs(1));
    let made = house.post(PROJECTS, json!({"name": "Research"})).await;
    let id = made["id"].as_str().unwrap();
    assert!(id.starts_with("proj_"));
    let mut expected = json!({
        "id": id, "object": "organization.project", "name": "Research", "created_at": NOW + 1, "archived_at": null,
        "status": "active",
    });
    assert_eq!(made, expected);
    let path = format!("{PROJECTS}/{id}");
    assert_eq!(house.get(&path).await, expected);
    expected["name"] = json!("Development");
    assert_eq!(house.post(&path, json!({"name": "Development"})).await, expected);

    house.clock.advance(Duration::from_mins(1));
    expected["status"] = json!("archived");
    expected["archived_at"] = json!(NOW + 61);
    assert_eq!(house.post(&format!("{path}/archive"), json!({})).await, expected);
    assert_eq!(house.get(&path).await, expected);
    let (status, code, _) = house.fails(Method::POST, &path, Some(json!({"name": "x"}))).await;
    assert_eq!((status, code.as_deref()), (409, Some("project_archived")));

    assert_eq!(house.get(PROJECTS).await["data"].as_array().unwrap().len(), 1);
    assert_eq!(house.get(&format!("{PROJECTS}?include_archived=true")).await["data"][1], expected);
    let (status, ..) = house.fails(Method::POST, &house.project("/archive"), None).await;
    assert_eq!(status, 409, "the default project stays");
}

#[tokio::test]
async fn projects_are_listed_by_cursor() {
    let house = house().await;
    for n in 0..4 {
        house.clock.advance(Duration::from_secs(1));
        house.post(PROJECTS, json!({"name": format!("p{n}")})).await;
    }
    let first = house.get(&format!("{PROJECTS}?limit=3")).await;
    assert_eq!(first["object"], "list");
    assert_eq!(first["has_more"], true);
    assert_eq!(first["first_id"], first["data"][0]["id"]);
    assert_eq!(first["last_id"], first["data"][2]["id"]);
    let names = |page: &serde_json::Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&first), ["default", "p0", "p1"]);
    let last = first["last_id"].as_str().unwrap();
    let second = house.get(&format!("{PROJECTS}?limit=3&after={last}")).await;
    assert_eq!(
        (names(&second), &second["has_more"]),
        (vec!["p2".to_owned(), "p3".to_owned()], &json!(false))
    );
    let newest = house.get(&format!("{PROJECTS}?limit=2&order=desc")).await;
    assert_eq!(names(&newest), ["p3", "p2"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_named() {
    let house = house().await;
    let cases = [
        (Method::POST, PROJECTS.to_owned(), Some(json!({"name": "a", "geography": "EU"})), 400, "geography"),
        (Method::POST, PROJECTS.to_owned(), Some(json!({"name": ""})), 400, "name"),
        (Method::POST, PROJECTS.to_owned(), Some(json!({"name": 5})), 400, "name"),
        (Method::POST, PROJECTS.to_owned(), Some(json!({})), 400, "name"),
        (Method::GET, format!("{PROJECTS}?limit=0"), None, 400, "limit"),
        (Method::GET, format!("{PROJECTS}?limit=101"), None, 400, "limit"),
        (Method::GET, format!("{PROJECTS}?order=up"), None, 400, "order"),
        (Method::GET, format!("{PROJECTS}?after=proj_none"), None, 400, "after"),
        (Method::GET, format!("{PROJECTS}?before=x"), None, 400, "before"),
    ];
    for (method, path, body, status, param) in cases {
        let failed = house.fails(method, &path, body.clone()).await;
        assert_eq!((failed.0, failed.2.as_deref()), (status, Some(param)), "{path} {body:?}: {failed:?}");
    }
    for bad in ["limit=x", "include_archived=maybe", "limit=1&limit=2"] {
        assert_eq!(house.fails(Method::GET, &format!("{PROJECTS}?{bad}"), None).await.0, 400, "{bad}");
    }
    for id in ["proj_none", "a%2Fb", "%27%3B%20DROP%20TABLE%20projects", "%F0%9F%94%91"] {
        let failed = house.fails(Method::GET, &format!("{PROJECTS}/{id}"), None).await;
        assert_eq!((failed.0, failed.1.as_deref()), (404, Some("not_found")), "{id}");
    }
}

#[tokio::test]
async fn only_admin_keys_with_the_scope_come_in() {
    let house = house().await;
    let project_key = house.made.project_key.expose();
    let admin_keys = "/v1/organization/admin_api_keys";
    let reader = house.post(admin_keys, json!({"name": "reader", "scopes": ["api.read"]})).await;
    let reader = reader["value"].as_str().unwrap();
    let body = json!({"name": "x"});
    let cases = [
        (Method::GET, None, 401),
        (Method::POST, None, 401),
        (Method::GET, Some("sk-nonsense"), 401),
        (Method::GET, Some(project_key), 403),
        (Method::POST, Some(project_key), 403),
        (Method::GET, Some(reader), 200),
        (Method::POST, Some(reader), 403),
        (Method::POST, Some(house.admin()), 200),
    ];
    for (method, key, expected) in cases {
        let body = (method == Method::POST).then_some(&body);
        let (status, json) = house.send(method.clone(), PROJECTS, key, &[], body).await;
        assert_eq!(status.as_u16(), expected, "{method} with {key:?}: {json}");
    }
}

#[tokio::test]
async fn another_organization_is_not_found() {
    let house = house().await;
    let strangers = house.platform.identity.found_organization("strangers").await.unwrap();
    let key = Some(strangers.admin_key.expose());
    for rest in ["", "/api_keys", "/service_accounts", "/users", "/rate_limits"] {
        let (status, json) = house.send(Method::GET, &house.project(rest), key, &[], None).await;
        assert_eq!(status.as_u16(), 404, "{rest}: {json}");
    }
    for rest in ["", "/api_keys", "/service_accounts"] {
        let body = json!({"name": "stolen"});
        let (status, json) = house.send(Method::POST, &house.project(rest), key, &[], Some(&body)).await;
        assert_eq!(status.as_u16(), 404, "{rest}: {json}");
    }
}

#[tokio::test]
async fn every_route_is_in_the_api_description() {
    let document = serde_json::to_value(tenfold_http::document("0.0.0")).unwrap();
    let paths: Vec<&str> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .filter_map(|path| path.strip_prefix("/v1/organization/"))
        .filter(|path| !path.starts_with("usage") && !path.starts_with("costs"))
        .collect();
    let key = "projects/{project_id}/api_keys/{key_id}";
    for path in [
        "projects",
        "projects/{project_id}",
        "projects/{project_id}/archive",
        "projects/{project_id}/api_keys",
        key,
        "projects/{project_id}/service_accounts",
        "projects/{project_id}/service_accounts/{service_account_id}",
        "projects/{project_id}/service_accounts/{service_account_id}/api_keys",
        "projects/{project_id}/users",
        "projects/{project_id}/users/{user_id}",
        "projects/{project_id}/rate_limits",
        "projects/{project_id}/rate_limits/{rate_limit_id}",
        "users",
        "users/{user_id}",
        "admin_api_keys",
        "admin_api_keys/{key_id}",
    ] {
        assert!(paths.contains(&path), "{path} is not described: {paths:?}");
    }
    assert!(document["paths"][format!("/v1/organization/{key}")]["delete"].is_object());
}
