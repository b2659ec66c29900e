//! `pull`.

use serde_json::{Value, json};

use crate::platform::Platform;
use crate::session::Session;

const LINE: &str = "POST /v1/catalog/tiny/pull";

fn event(stage: &str, done: u64) -> Value {
    json!({"object": "catalog.pull", "model": "tiny", "stage": stage, "bytes_done": done, "bytes_total": 2_000_000, "version": "abc123"})
}

#[tokio::test]
async fn progress_is_told_in_lines_and_the_result_on_standard_output() {
    let mut last = event("installed", 2_000_000);
    last["use_note"] = json!("Read the terms.");
    let events = [
        event("checking", 0),
        event("downloading", 10_000),
        event("downloading", 20_000),
        event("downloading", 1_000_000),
        event("verifying", 2_000_000),
        last,
    ];
    let platform = Platform::start().events(LINE, &events);
    let done = Session::at(&platform).run(&["pull", "tiny"]).await;
    assert_eq!(done.code, 0);
    assert_eq!(done.out, "tiny is installed: 2.0 MB, version abc123\n");
    assert_eq!(
        done.err,
        "checking 0 B of 2.0 MB\ndownloading 10.0 kB of 2.0 MB\ndownloading 1.0 MB of 2.0 MB\n\
         verifying 2.0 MB of 2.0 MB\nnote: Read the terms.\n"
    );
    let seen = &platform.seen()[0];
    assert_eq!(seen.body, json!({"stream": true}));
    assert_eq!(seen.authorization.as_deref(), Some("Bearer sk-tf-admin-a"));
}

#[tokio::test]
async fn json_is_the_last_event_alone() {
    let platform = Platform::start().events(LINE, &[event("checking", 0), event("installed", 2_000_000)]);
    let done = Session::at(&platform).run(&["pull", "tiny", "--json"]).await;
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    assert_eq!(serde_json::from_str::<Value>(&done.out).unwrap(), event("installed", 2_000_000));
}

#[tokio::test]
async fn a_failure_inside_the_stream_fails() {
    let error = json!({"error": {"message": "`x` could not be had.", "type": "server_error", "param": null, "code": "sources_failed"}});
    let platform =
        Platform::start().raw(LINE, format!("data: {}\n\ndata: {error}\n\n", event("checking", 0)));
    let done = Session::at(&platform).run(&["pull", "tiny"]).await;
    assert_eq!((done.code, done.out.as_str()), (1, ""));
    assert_eq!(done.err, "checking 0 B of 2.0 MB\nerror: `x` could not be had.\n");
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_no_success() {
    let platform = Platform::start().raw(LINE, format!("data: {}\n\n", event("downloading", 5)));
    let done = Session::at(&platform).run(&["pull", "tiny"]).await;
    assert_eq!((done.code, done.out.as_str()), (1, ""));
    let platform = Platform::start().events(LINE, &[event("downloading", 5)]);
    let done = Session::at(&platform).run(&["pull", "tiny"]).await;
    assert_eq!((done.code, done.out.as_str()), (1, ""));
}

#[tokio::test]
async fn an_unknown_model_exits_5() {
    let body = json!({"error": {"message": "the catalogue has no model `no`", "type": "invalid_request_error", "param": null, "code": "model_not_found"}});
    let platform = Platform::start().json("POST /v1/catalog/no/pull", 404, &body);
    let done = Session::at(&platform).run(&["pull", "no"]).await;
    assert_eq!(done.code, 5);
    assert_eq!(
        done.err,
        "error: the catalogue has no model `no`\nhint: `tenfold models` lists the models.\n"
    );
}
