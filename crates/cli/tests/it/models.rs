//! `models`.

use serde_json::{Value, json};

use crate::platform::Platform;
use crate::session::Session;

fn platform() -> Platform {
    let entry = |id: &str, installed: bool, note: Value| {
        json!({"id": id, "object": "catalog.entry", "task": "chat", "size_bytes": 98_362_432, "context_length": 8192,
            "installed": installed, "licence": {"spdx": "Apache-2.0", "url": "https://x", "use": note}})
    };
    Platform::start()
        .json(
            "GET /v1/models",
            200,
            &json!({"object": "list", "data": [
                {"id": "smol", "object": "model", "created": 1, "owned_by": "tenfold"},
                {"id": "remote", "object": "model", "created": 1, "owned_by": "upstream"},
            ]}),
        )
        .json(
            "GET /v1/catalog",
            200,
            &json!({"object": "list", "has_more": false, "data": [
                entry("gemma", false, json!("Terms restrict its use.")),
                entry("qwen", true, Value::Null),
                entry("smol", true, Value::Null),
            ]}),
        )
}

#[tokio::test]
async fn what_is_served_comes_first_and_notes_come_below() {
    let done = Session::at(&platform()).run(&["models"]).await;
    assert_eq!(done.code, 0);
    let rows: Vec<Vec<&str>> = done
        .out
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(
        rows,
        [
            vec!["MODEL", "STATE", "TASK", "SIZE", "CONTEXT", "LICENCE"],
            vec!["smol", "served", "chat", "98.4 MB", "8192", "Apache-2.0"],
            vec!["remote", "served", "-", "-", "-", "-"],
            vec!["gemma", "can be pulled", "chat", "98.4 MB", "8192", "Apache-2.0 *"],
            vec!["qwen", "installed", "chat", "98.4 MB", "8192", "Apache-2.0"],
        ]
    );
    assert_eq!(done.err, "\n* gemma: Terms restrict its use.\n");
}

#[tokio::test]
async fn json_has_both_lists() {
    let done = Session::at(&platform()).run(&["models", "--json"]).await;
    let value: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(value["models"][1]["id"], "remote");
    assert_eq!(value["catalog"][0]["licence"]["use"], "Terms restrict its use.");
}

#[tokio::test]
async fn what_a_platform_says_cannot_move_the_cursor() {
    let platform = Platform::start()
        .json("GET /v1/models", 200, &json!({"data": [{"id": "evil\u{1b}[2J\rmodel"}]}))
        .json("GET /v1/catalog", 200, &json!({"data": []}));
    let done = Session::at(&platform).run(&["models"]).await;
    assert_eq!(done.code, 0);
    assert!(done.out.contains("evil[2Jmodel"), "{:?}", done.out);
    assert!(!done.out.contains(['\u{1b}', '\r']), "{:?}", done.out);
}
