//! Addresses, keys and exit codes, which are the same for all commands.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::platform::Platform;
use crate::session::Session;

fn refusal(message: &str, kind: &str, code: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

const LIST: &str = "GET /v1/organization/projects?limit=100&include_archived=false";

fn empty() -> Value {
    json!({"object": "list", "data": [], "has_more": false})
}

#[tokio::test]
async fn a_platform_that_is_not_there_exits_3_and_says_how_to_start_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let done = Session::new().run(&["models", "--url", &url, "--key", "k"]).await;
    assert_eq!(done.code, 3);
    assert_eq!(done.out, "");
    assert!(done.err.starts_with(&format!("error: cannot reach the platform at {url}: ")), "{}", done.err);
    assert!(done.err.ends_with("hint: Start it with `tenfold serve`, or name another address with --url.\n"));
}

#[tokio::test]
async fn statuses_become_exit_codes() {
    let cases = [
        (401, "authentication_error", 4),
        (403, "permission_error", 4),
        (404, "invalid_request_error", 5),
        (400, "invalid_request_error", 1),
        (429, "rate_limit_error", 1),
        (500, "server_error", 1),
    ];
    for (status, kind, code) in cases {
        let platform = Platform::start().json(LIST, status, &refusal("Such is life.", kind, "a_code"));
        let done = Session::at(&platform).run(&["projects", "list"]).await;
        assert_eq!((done.code, done.out.as_str()), (code, ""), "{status}");
        assert!(done.err.starts_with("error: Such is life.\n"), "{}", done.err);
        let done = Session::at(&platform).run(&["projects", "list", "--json"]).await;
        let body: Value = serde_json::from_str(&done.err).unwrap();
        assert_eq!(body["error"], json!({"message": "Such is life.", "status": status, "code": "a_code"}));
    }
}

#[tokio::test]
async fn without_a_key_nothing_is_sent() {
    let platform = Platform::start().json(LIST, 200, &empty());
    let done = Session::new().run(&["projects", "list", "--url", &platform.url]).await;
    assert_eq!(done.code, 4);
    assert!(
        done.err.starts_with("error: there is no key to call with\nhint: Give one with --key"),
        "{}",
        done.err
    );
    assert!(platform.seen().is_empty());
}

#[tokio::test]
async fn keys_of_the_credentials_go_to_their_own_platform_only() {
    let ours = Platform::start().json(LIST, 200, &empty());
    let other = Platform::start().json(LIST, 200, &empty());
    let session = Session::at(&ours);
    assert_eq!(session.run(&["projects", "list"]).await.code, 0);
    assert_eq!(session.run(&["projects", "list", "--url", &format!("{}/v1/", ours.url)]).await.code, 0);
    assert_eq!(session.run(&["projects", "list", "--url", &other.url]).await.code, 4);
    assert!(other.seen().is_empty());
    assert!(ours.seen().iter().all(|s| s.authorization.as_deref() == Some("Bearer sk-tf-admin-a")));
}

#[tokio::test]
async fn each_command_uses_the_key_that_fits() {
    let models = json!({"object": "list", "data": []});
    let platform = Platform::start().json(LIST, 200, &empty()).json("GET /v1/models", 200, &models).json(
        "GET /v1/catalog",
        200,
        &empty(),
    );
    let session = Session::at(&platform);
    let used = async |line: &[&str]| {
        assert_eq!(session.run(line).await.code, 0, "{line:?}");
        platform.seen().last().unwrap().authorization.clone().unwrap()
    };
    assert_eq!(used(&["models"]).await, "Bearer sk-tf-p");
    assert_eq!(used(&["models", "--openai-key", "sk-open"]).await, "Bearer sk-tf-p");
    assert_eq!(used(&["models", "--key", "sk-mine"]).await, "Bearer sk-mine");
    assert_eq!(used(&["projects", "list", "--key", "sk-mine"]).await, "Bearer sk-tf-admin-a");
    assert_eq!(used(&["projects", "list", "--key", "sk-tf-admin-b"]).await, "Bearer sk-tf-admin-b");
    assert_eq!(used(&["projects", "list", "--admin-key", "c"]).await, "Bearer c");
    let elsewhere = Session::new();
    let line = ["models", "--url", &platform.url, "--openai-key", "sk-open"];
    assert_eq!(elsewhere.run(&line).await.code, 0);
    assert_eq!(platform.seen().last().unwrap().authorization.as_deref(), Some("Bearer sk-open"));
}

#[tokio::test]
async fn an_answer_that_is_no_answer_exits_1() {
    let platform = Platform::start().json(LIST, 200, &json!({"data": 3}));
    let done = Session::at(&platform).run(&["projects", "list"]).await;
    assert_eq!(done.code, 1);
    assert!(done.err.starts_with("error: the platform's answer cannot be understood: "), "{}", done.err);
}

#[tokio::test]
async fn broken_credentials_are_named_and_not_shown() {
    let session = Session::new();
    session.credentials("{\"admin_key\": \"sk-tf-admin-secret\", \"api_key\": 3}");
    let done = session.run(&["models"]).await;
    assert_eq!(done.code, 1);
    assert!(done.err.contains("credentials.json` cannot be used"), "{}", done.err);
    assert!(!done.err.contains("secret"), "{}", done.err);
}

#[tokio::test]
async fn a_wrong_command_line_exits_2() {
    let session = Session::new();
    let lines: &[&[&str]] = &[
        &["no-such-command"],
        &["pull"],
        &["models", "--url", "not an address"],
        &["run", "m", "--temperature", "3"],
        &["usage", "--days", "0"],
        &["bench", "--model", "m", "--concurrency", "0"],
        &["keys", "create", "x", "--scope", "everything"],
        &["keys", "list", "--admin", "--project", "p"],
    ];
    for line in lines {
        assert_eq!(session.run(line).await.code, 2, "{line:?}");
    }
}

#[tokio::test]
async fn ids_are_escaped_in_addresses() {
    let platform = Platform::start();
    let done = Session::at(&platform).run(&["projects", "archive", "../users?x=1"]).await;
    assert_eq!(done.code, 5);
    assert_eq!(platform.seen()[0].line, "POST /v1/organization/projects/..%2Fusers%3Fx=1/archive");
}
