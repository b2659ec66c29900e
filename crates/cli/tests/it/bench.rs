//! `bench`.

use serde_json::{Value, json};

use crate::platform::Platform;
use crate::session::Session;

const LINE: &str = "POST /v1/chat/completions";

#[tokio::test]
async fn a_stream_is_measured_by_token() {
    let chunk = json!({"choices": [{"delta": {"content": "x"}}]});
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 3}});
    let platform = Platform::start().events(LINE, &[chunk.clone(), chunk.clone(), chunk, usage]);
    let line = ["bench", "--model", "m", "--requests", "10", "--concurrency", "3", "--stream", "--json"];
    let done = Session::at(&platform).run(&line).await;
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    let report: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(report["requests"], 10);
    assert_eq!(report["failed"], 0);
    assert_eq!((report["input_tokens"].as_u64(), report["output_tokens"].as_u64()), (Some(200), Some(30)));
    assert!(report["requests_per_second"].as_f64().unwrap() > 0.0);
    for times in ["request_ms", "first_token_ms", "between_tokens_ms"] {
        assert!(report[times]["p50"].as_f64().unwrap() <= report[times]["max"].as_f64().unwrap(), "{report}");
    }
    // One call before the load, which loads the model.
    let seen = platform.seen();
    assert_eq!(seen.len(), 11);
    assert_eq!(seen[0].body["stream_options"], json!({"include_usage": true}));
    let mut prompts: Vec<String> =
        seen.iter().map(|s| s.body["messages"][0]["content"].to_string()).collect();
    prompts.sort();
    prompts.dedup();
    assert_eq!(prompts.len(), 11);
}

#[tokio::test]
async fn whole_answers_have_no_time_to_the_first_token() {
    let whole = json!({"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": 5, "completion_tokens": 2}});
    let platform = Platform::start().json(LINE, 200, &whole);
    let done = Session::at(&platform).run(&["bench", "--model", "m", "--requests", "2"]).await;
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    assert!(done.out.starts_with("m: 2 calls, 4 at once, whole answers\n"), "{}", done.out);
    assert!(done.out.contains("  tokens in / out       10 / 4\n"), "{}", done.out);
    assert!(done.out.contains("  request (ms)          p50 "), "{}", done.out);
    assert!(!done.out.contains("first token"), "{}", done.out);
}

#[tokio::test]
async fn a_load_that_cannot_work_ends_at_its_first_call() {
    let platform = Platform::start();
    let done = Session::at(&platform).run(&["bench", "--model", "m", "--requests", "100"]).await;
    assert_eq!((done.code, done.out.as_str()), (5, ""));
    assert_eq!(platform.seen().len(), 1);
}

#[tokio::test]
async fn failed_calls_are_counted_and_fail_the_command() {
    let whole = json!({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}});
    let busy =
        json!({"error": {"message": "Slow down.", "type": "rate_limit_error", "param": null, "code": null}});
    let platform = Platform::start().json(LINE, 200, &whole).json(LINE, 200, &whole).json(LINE, 429, &busy);
    let line = ["bench", "--model", "m", "--requests", "3", "--concurrency", "1"];
    let done = Session::at(&platform).run(&line).await;
    assert_eq!(done.code, 1);
    assert!(done.out.ends_with("  failed                2\n"), "{}", done.out);
    assert_eq!(done.err, "error: 2 of 3 calls failed, the first one so: Slow down.\n");
}
