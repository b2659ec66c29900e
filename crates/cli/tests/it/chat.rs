//! `run`.

use serde_json::{Value, json};

use crate::platform::Platform;
use crate::session::Session;

const LINE: &str = "POST /v1/chat/completions";

fn chunk(text: &str) -> Value {
    json!({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
}

fn stop(reason: &str) -> Value {
    json!({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn answering(pieces: &[&str]) -> Platform {
    let mut events: Vec<Value> = pieces.iter().map(|text| chunk(text)).collect();
    events.push(stop("stop"));
    events.push(json!({"object": "chat.completion.chunk", "choices": [], "usage": {"prompt_tokens": 1}}));
    Platform::start().events(LINE, &events)
}

#[tokio::test]
async fn a_question_is_answered_and_nothing_else_is_printed() {
    let platform = answering(&["The capital", " is Paris."]);
    let line = [
        "run",
        "smol",
        "Capital of France?",
        "--system",
        "Be brief.",
        "--temperature",
        "0.5",
        "--max-tokens",
        "9",
    ];
    let done = Session::at(&platform).run(&line).await;
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (0, "The capital is Paris.\n", ""));
    let body = json!({"model": "smol", "stream": true, "temperature": 0.5, "max_completion_tokens": 9, "messages": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Capital of France?"}]});
    assert_eq!(platform.seen()[0].body, body);
}

#[tokio::test]
async fn a_piped_prompt_is_asked() {
    let platform = answering(&["Done."]);
    let done = Session::at(&platform).piped("Summarise\nthis.\n").run(&["run", "smol"]).await;
    assert_eq!((done.code, done.out.as_str()), (0, "Done.\n"));
    assert_eq!(platform.seen()[0].body["messages"][0]["content"], "Summarise\nthis.\n");
    let done = Session::at(&platform).piped(" \n").run(&["run", "smol"]).await;
    assert_eq!((done.code, platform.seen().len()), (2, 1));
}

#[tokio::test]
async fn a_chat_remembers_forgets_and_ends() {
    let platform = answering(&["Yes."]);
    let typed = "one\n\ntwo\n/clear\nthree\n/no\n/bye\nfour\n";
    let done = Session::at(&platform).typed(typed).run(&["run", "smol", "--system", "s"]).await;
    assert_eq!(done.code, 0);
    assert_eq!(done.out, ">>> Yes.\n>>> >>> Yes.\n>>> >>> Yes.\n>>> >>> ");
    assert_eq!(
        done.err,
        "Ask away. /clear forgets what was said, /bye leaves.\nForgotten.\nThere is no /no. /help lists the commands.\n"
    );
    let said: Vec<Vec<String>> = platform
        .seen()
        .iter()
        .map(|s| {
            s.body["messages"]
                .as_array()
                .unwrap()
                .iter()
                .map(|m| m["content"].as_str().unwrap().to_owned())
                .collect()
        })
        .collect();
    assert_eq!(said, [vec!["s", "one"], vec!["s", "one", "Yes.", "two"], vec!["s", "three"]]);
}

#[tokio::test]
async fn a_busy_platform_does_not_end_a_chat() {
    let busy =
        json!({"error": {"message": "Slow down.", "type": "rate_limit_error", "param": null, "code": null}});
    let mut events = vec![chunk("Yes.")];
    events.push(stop("stop"));
    let platform = Platform::start().json(LINE, 429, &busy).events(LINE, &events);
    let done = Session::at(&platform).typed("one\ntwo\n").run(&["run", "smol"]).await;
    assert_eq!((done.code, done.out.as_str()), (0, ">>> >>> Yes.\n>>> \n"));
    assert!(done.err.ends_with("error: Slow down.\n"), "{}", done.err);
    assert_eq!(platform.seen()[1].body["messages"], json!([{"role": "user", "content": "two"}]));
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_is_cut_is_told() {
    let error = json!({"error": {"message": "The model stopped.", "type": "server_error", "param": null, "code": null}});
    let platform = Platform::start().raw(LINE, format!("data: {}\n\ndata: {error}\n\n", chunk("Half an")));
    let done = Session::at(&platform).run(&["run", "smol", "x"]).await;
    assert_eq!(done.code, 1);
    assert_eq!((done.out.as_str(), done.err.as_str()), ("Half an\n", "error: The model stopped.\n"));
    let platform = Platform::start().events(LINE, &[chunk("Half"), stop("length")]);
    let done = Session::at(&platform).run(&["run", "smol", "x"]).await;
    assert_eq!(done.code, 0);
    assert_eq!((done.out.as_str(), done.err.as_str()), ("Half\n", "(cut at the most tokens of an answer)\n"));
}

#[tokio::test]
async fn an_answer_cannot_move_the_cursor() {
    let done = Session::at(&answering(&["a\u{1b}[2Jb\tc\nd"])).run(&["run", "smol", "x"]).await;
    assert_eq!(done.out, "a[2Jb\tc\nd\n");
}

#[tokio::test]
async fn json_is_the_whole_answer() {
    let whole = json!({"object": "chat.completion", "choices": [{"message": {"content": "Hi"}}]});
    let platform = Platform::start().json(LINE, 200, &whole);
    let done = Session::at(&platform).run(&["run", "smol", "x", "--json"]).await;
    assert_eq!(done.code, 0);
    assert_eq!(serde_json::from_str::<Value>(&done.out).unwrap(), whole);
    assert_eq!(platform.seen()[0].body["stream"], json!(false));
}
