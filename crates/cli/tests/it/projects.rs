//! `projects`.

use serde_json::json;

use crate::platform::Platform;
use crate::session::Session;

#[tokio::test]
async fn all_pages_are_listed() {
    let project = |id: &str, status: &str| json!({"id": id, "object": "organization.project", "name": format!("name of {id}"), "created_at": 951_782_400, "archived_at": null, "status": status});
    let line = "GET /v1/organization/projects?limit=100&include_archived=true";
    let platform = Platform::start()
        .json(line, 200, &json!({"object": "list", "data": [project("proj_1", "active")], "first_id": "proj_1", "last_id": "proj_1", "has_more": true}))
        .json(&format!("{line}&after=proj_1"), 200, &json!({"object": "list", "data": [project("proj_2", "archived")], "first_id": "proj_2", "last_id": "proj_2", "has_more": false}));
    let done = Session::at(&platform).run(&["projects", "list", "--archived"]).await;
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    assert_eq!(
        done.out,
        "ID      NAME            STATUS    CREATED\n\
         proj_1  name of proj_1  active    2000-02-29\n\
         proj_2  name of proj_2  archived  2000-02-29\n"
    );
}

#[tokio::test]
async fn no_projects_are_said_on_standard_error() {
    let line = "GET /v1/organization/projects?limit=100&include_archived=false";
    let platform = Platform::start().json(line, 200, &json!({"object": "list", "data": []}));
    let done = Session::at(&platform).run(&["projects", "list"]).await;
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (0, "", "There are no projects.\n"));
    let done = Session::at(&platform).run(&["projects", "list", "--json"]).await;
    assert_eq!((done.code, done.out.as_str()), (0, "[]\n"));
}

#[tokio::test]
async fn a_made_projects_id_is_all_of_standard_output() {
    let made = json!({"id": "proj_9", "object": "organization.project", "name": "n", "created_at": 1, "archived_at": null, "status": "active"});
    let platform = Platform::start().json("POST /v1/organization/projects", 200, &made);
    let done = Session::at(&platform).run(&["projects", "create", "n"]).await;
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (0, "proj_9\n", ""));
    assert_eq!(platform.seen()[0].body, json!({"name": "n"}));
}

#[tokio::test]
async fn a_project_is_archived() {
    let platform = Platform::start().json(
        "POST /v1/organization/projects/proj_9/archive",
        200,
        &json!({"id": "proj_9"}),
    );
    let done = Session::at(&platform).run(&["projects", "archive", "proj_9"]).await;
    assert_eq!((done.code, done.out.as_str()), (0, "proj_9 is archived: its keys no longer work\n"));
}
