//! `rentals`.

use serde_json::json;

use crate::platform::Platform;
use crate::session::Session;

#[tokio::test]
async fn a_replica_is_rented_listed_and_given_back() {
    let rental = json!({"id": "rental_1", "object": "billing.rental", "status": "ended", "model": "smol",
        "name": "ours", "project_id": "proj_1", "device_class": "cpu", "minimum_seconds": 60,
        "charged_seconds": 75, "created_at": 1, "up_at": 2, "ends_at": 77, "end_reason": "balance"});
    let list = json!({"object": "list", "data": [rental], "first_id": "rental_1", "last_id": "rental_1", "has_more": false});
    let platform = Platform::start()
        .json("POST /v1/organization/billing/rentals", 201, &rental)
        .json("GET /v1/organization/billing/rentals?limit=100", 200, &list)
        .json("DELETE /v1/organization/billing/rentals/rental_1", 200, &rental);
    let line = ["rentals", "start", "smol", "--project", "proj_1", "--name", "ours"];
    let done = Session::at(&platform).run(&line).await;
    assert_eq!((done.code, done.out.as_str()), (0, "rental_1 is starting as ours\n"), "{}", done.err);
    assert_eq!(platform.seen()[0].body, json!({"model": "smol", "project_id": "proj_1", "name": "ours"}));
    let done = Session::at(&platform).run(&["rentals", "list"]).await;
    insta::assert_snapshot!("rentals_list", done.out);
    let done = Session::at(&platform).run(&["rentals", "stop", "rental_1"]).await;
    assert_eq!((done.code, done.out.as_str()), (0, "rental_1: 75 s\n"), "{}", done.err);
}
