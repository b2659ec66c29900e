//! `usage`.

use serde_json::{Value, json};

use crate::platform::Platform;
use crate::session::Session;

// The clock shows noon of 2026-11-23; seven days back begin at midnight of 2026-11-17.
const START: i64 = 1_794_873_600;

fn line(report: &str, group: &str) -> String {
    format!("GET /v1/organization/{report}?start_time={START}&bucket_width=1d&limit=7&group_by={group}")
}

fn bucket(results: &Value) -> Value {
    json!({"object": "bucket", "start_time": START, "end_time": START + 86_400, "results": results})
}

fn page(buckets: &[Value], next: Option<&str>) -> Value {
    json!({"object": "page", "data": buckets, "has_more": next.is_some(), "next_page": next})
}

fn used(model: &str, requests: u64) -> Value {
    json!({"object": "organization.usage.completions.result", "model": model, "num_model_requests": requests,
        "input_tokens": 100 * requests, "input_cached_tokens": requests, "output_tokens": 7})
}

fn cost(model: &str, nanos: i64, currency: &str) -> Value {
    json!({"object": "organization.costs.result", "line_item": model,
        "amount": {"value": 0.1, "currency": currency, "nanos": nanos}})
}

fn platform() -> Platform {
    let completions = line("usage/completions", "model");
    Platform::start()
        .json(&completions, 200, &page(&[bucket(&json!([used("smol", 2), used("qwen", 1)]))], Some("page_2")))
        .json(&format!("{completions}&page=page_2"), 200, &page(&[bucket(&json!([used("smol", 3)]))], None))
        .json(&line("usage/embeddings", "model"), 200, &page(&[bucket(&json!([]))], None))
        .json(
            &line("costs", "line_item"),
            200,
            &page(
                &[
                    bucket(&json!([cost("smol", 9_007_199_254_740_993, "usd"), cost("qwen", 1, "cny")])),
                    bucket(&json!([cost("smol", 1, "usd")])),
                ],
                None,
            ),
        )
}

#[tokio::test]
async fn money_is_added_exactly_and_currencies_are_kept_apart() {
    let done = Session::at(&platform()).run(&["usage"]).await;
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    let rows: Vec<Vec<&str>> = done
        .out
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(
        rows,
        [
            vec!["MODEL", "REQUESTS", "INPUT", "CACHED", "OUTPUT", "COST"],
            vec!["qwen", "1", "100", "1", "7", "CNY 0.000000001"],
            // A double has no room for the last digit of this.
            vec!["smol", "5", "500", "5", "14", "USD 9007199.254740994"],
            vec!["total", "6", "600", "6", "21", "CNY 0.000000001 + USD 9007199.254740994"],
        ]
    );
}

#[tokio::test]
async fn rows_can_be_told_apart_by_project_and_key() {
    for (by, group) in [("project", "project_id"), ("api_key", "api_key_id")] {
        let mut row = used("-", 1);
        row[group] = json!("the-one");
        let platform = Platform::start()
            .json(&line("usage/completions", group), 200, &page(&[bucket(&json!([row]))], None))
            .json(&line("usage/embeddings", group), 200, &page(&[], None))
            .json(&line("costs", group), 200, &page(&[], None));
        let done = Session::at(&platform).run(&["usage", "--by", by]).await;
        assert_eq!((done.code, done.err.as_str()), (0, ""));
        assert!(done.out.lines().nth(1).unwrap().starts_with("the-one "), "{}", done.out);
    }
}

#[tokio::test]
async fn nothing_used_is_said() {
    let platform = Platform::start()
        .json(&line("usage/completions", "model"), 200, &page(&[], None))
        .json(&line("usage/embeddings", "model"), 200, &page(&[], None))
        .json(&line("costs", "line_item"), 200, &page(&[], None));
    let done = Session::at(&platform).run(&["usage"]).await;
    assert_eq!(
        (done.code, done.out.as_str(), done.err.as_str()),
        (0, "", "Nothing was used in this time.\n")
    );
}
