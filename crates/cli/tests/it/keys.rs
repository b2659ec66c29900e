//! `keys`.

use serde_json::{Value, json};

use crate::platform::Platform;
use crate::session::Session;

fn key(id: &str) -> Value {
    json!({"object": "organization.project.api_key", "id": id, "name": "ci", "redacted_value": "sk-tf-abc...xyz",
        "created_at": 951_782_400, "expires_at": null, "last_used_at": 951_782_400, "scopes": ["model.request"],
        "owner": {"type": "user"}, "owner_project_access": "active"})
}

#[tokio::test]
async fn the_keys_of_the_credentials_project_are_listed() {
    let line = "GET /v1/organization/projects/proj_1/api_keys?limit=100";
    let platform = Platform::start().json(
        line,
        200,
        &json!({"object": "list", "data": [key("key_1")], "has_more": false}),
    );
    let done = Session::at(&platform).run(&["keys", "list"]).await;
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    assert_eq!(
        done.out,
        "ID     NAME  KEY              SCOPES         CREATED     LAST USED   ENDS\n\
         key_1  ci    sk-tf-abc...xyz  model.request  2000-02-29  2000-02-29  never\n"
    );
}

#[tokio::test]
async fn admin_keys_and_other_projects_are_named() {
    let list = json!({"object": "list", "data": [], "has_more": false});
    let platform = Platform::start().json("GET /v1/organization/admin_api_keys?limit=100", 200, &list).json(
        "GET /v1/organization/projects/proj_2/api_keys?limit=100",
        200,
        &list,
    );
    let session = Session::at(&platform);
    assert_eq!(session.run(&["keys", "list", "--admin"]).await.code, 0);
    assert_eq!(session.run(&["keys", "list", "--project", "proj_2"]).await.code, 0);
    let done = Session::new().run(&["keys", "list", "--url", &platform.url, "--key", "k"]).await;
    assert_eq!(done.code, 2);
    assert!(done.err.contains("--project"), "{}", done.err);
}

#[tokio::test]
async fn a_secret_is_all_of_standard_output() {
    let mut made = key("key_2");
    made["value"] = json!("sk-tf-secret");
    let platform = Platform::start().json("POST /v1/organization/projects/proj_1/api_keys", 200, &made);
    let line = [
        "keys",
        "create",
        "ci",
        "--scope",
        "model.request",
        "--scope",
        "api.read",
        "--expires-in-days",
        "30",
    ];
    let done = Session::at(&platform).run(&line).await;
    assert_eq!((done.code, done.out.as_str()), (0, "sk-tf-secret\n"));
    assert_eq!(done.err, "This is key_2. Keep it now: it is not shown again.\n");
    let body =
        json!({"name": "ci", "scopes": ["model.request", "api.read"], "expires_in_seconds": 2_592_000});
    assert_eq!(platform.seen()[0].body, body);
    Session::at(&platform).run(&["keys", "create", "plain"]).await;
    assert_eq!(platform.seen()[1].body, json!({"name": "plain"}));
}

#[tokio::test]
async fn a_key_is_revoked() {
    let deleted = json!({"object": "organization.project.api_key", "id": "key_2", "deleted": true});
    let platform =
        Platform::start().json("DELETE /v1/organization/projects/proj_1/api_keys/key_2", 200, &deleted);
    let done = Session::at(&platform).run(&["keys", "revoke", "key_2"]).await;
    assert_eq!((done.code, done.out.as_str()), (0, "key_2 is revoked\n"));
}
