//! `limits`.

use serde_json::json;

use crate::platform::Platform;
use crate::session::Session;

#[tokio::test]
async fn a_limit_is_set_listed_and_deleted() {
    let limit = json!({"id": "limit_1", "object": "billing.limit", "scope": "project", "subject": "proj_1",
        "metric": "tokens", "window": "day", "limit": 1_000, "hard": true, "used": 12, "remaining": 988,
        "resets_at": 5, "created_at": 1});
    let list = json!({"object": "list", "data": [limit], "first_id": "limit_1", "last_id": "limit_1", "has_more": false});
    let platform = Platform::start()
        .json("POST /v1/organization/billing/limits", 201, &limit)
        .json("GET /v1/organization/billing/limits?limit=100", 200, &list)
        .json("DELETE /v1/organization/billing/limits/limit_1", 200, &json!({"deleted": true}));
    let line = ["limits", "set", "4", "--metric", "concurrency", "--scope", "project", "--subject", "proj_1"];
    let done = Session::at(&platform).run(&line).await;
    assert_eq!((done.code, done.out.as_str()), (0, "limit_1\n"), "{}", done.err);
    let expected = json!({"limit": 4, "metric": "concurrency", "window": null, "scope": "project",
        "subject": "proj_1", "hard": true});
    assert_eq!(platform.seen()[0].body, expected);
    let done = Session::at(&platform).run(&["limits", "list"]).await;
    insta::assert_snapshot!("limits_list", done.out);
    let done = Session::at(&platform).run(&["limits", "delete", "limit_1"]).await;
    assert_eq!((done.code, done.out.as_str()), (0, "limit_1 is deleted\n"), "{}", done.err);
}
