//! Servers that misbehave.

use std::time::Duration;

use futures::StreamExt;
use tenfold_engine::{Engine, EngineError};
use tenfold_engine_upstream::{Limits, Timeouts};
use tenfold_protocol::chat::ChatChunk;

use crate::rig::{Do, SSE_HEAD, client, client_with, end, part, response, scripted, stream, whole};

async fn streamed(steps: Vec<Do>) -> Vec<Result<ChatChunk, EngineError>> {
    let (address, _) = scripted(steps).await;
    stream(&client(address)).await.unwrap().collect().await
}

fn sse(pieces: &[&str]) -> Vec<Do> {
    vec![Do::Send([SSE_HEAD, pieces.concat().as_bytes()].concat())]
}

#[tokio::test]
async fn a_reset_before_the_first_byte_lets_another_be_tried() {
    let (address, _) = scripted(vec![Do::Reset]).await;
    let engine = client(address);
    assert!(matches!(whole(&engine).await, Err(EngineError::Unavailable { .. })));
    assert!(matches!(stream(&engine).await.err(), Some(EngineError::Unavailable { .. })));
}

#[tokio::test]
async fn nobody_there_lets_another_be_tried() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let engine = client(tenfold_engine_upstream::Address::Remote { base_url, api_key: None });
    let error = whole(&engine).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    assert!(engine.info().await.is_err());
}

#[tokio::test]
async fn a_stream_that_ends_before_it_spoke_lets_another_be_tried() {
    let role = crate::rig::event(
        &serde_json::json!([{"index": 0, "delta": {"role": "assistant", "content": ""}}]),
        &serde_json::Value::Null,
    );
    for pieces in [vec![], vec![": ping\n\n"], vec![role.as_str()]] {
        let parts = streamed(sse(&pieces)).await;
        assert!(matches!(parts.last(), Some(Err(EngineError::Unavailable { .. }))), "{parts:?}");
    }
}

#[tokio::test]
async fn a_stream_that_ends_in_the_middle_is_interrupted() {
    let [one, two] = [part("one"), part("two")];
    for pieces in [vec![&*one, &*two], vec![&*one, "data: {\"id\": \"c\", \"obj"]] {
        let parts = streamed(sse(&pieces)).await;
        assert!(parts[0].is_ok());
        assert!(matches!(parts.last(), Some(Err(EngineError::Interrupted { .. }))), "{parts:?}");
    }
    let mut steps = sse(&[&one]);
    steps.push(Do::Reset);
    let parts = streamed(steps).await;
    assert!(matches!(
        parts.last(),
        Some(Err(EngineError::Interrupted { .. } | EngineError::Unavailable { .. }))
    ));
}

#[tokio::test]
async fn a_server_that_forgets_the_last_line_is_forgiven() {
    let parts = streamed(sse(&[&part("one"), &end()])).await;
    assert!(parts.iter().all(Result::is_ok) && parts.len() == 2, "{parts:?}");
}

#[tokio::test]
async fn a_server_that_ends_its_answer_and_not_its_connection_is_not_waited_for() {
    let mut steps = sse(&[&part("one"), &end(), "data: [DONE]\n\n"]);
    steps.push(Do::Wait);
    let (address, mut heard) = scripted(steps).await;
    let parts: Vec<_> = stream(&client(address)).await.unwrap().collect().await;
    assert_eq!(parts.len(), 2);
    heard.recv().await.unwrap();
    assert_eq!(heard.recv().await.unwrap(), "closed");
}

#[tokio::test]
async fn a_dropped_stream_closes_its_connection() {
    let mut steps = sse(&[&part("one")]);
    steps.push(Do::Wait);
    let (address, mut heard) = scripted(steps).await;
    let mut parts = stream(&client(address)).await.unwrap();
    parts.next().await.unwrap().unwrap();
    heard.recv().await.unwrap();
    drop(parts);
    assert_eq!(heard.recv().await.unwrap(), "closed");
}

#[tokio::test]
async fn garbage_is_a_failure() {
    for piece in ["data: garbage\n\n", "data: {\"id\": 5}\n\n", "data: \u{0}\n\n"] {
        let parts = streamed(sse(&[&part("one"), piece, &part("two")])).await;
        assert_eq!(parts.len(), 2, "the stream ends with the error");
        assert!(matches!(parts[1], Err(EngineError::Failed { .. })), "{parts:?}");
    }
    for body in ["garbage", "[]", "{}", ""] {
        let (address, _) = scripted(vec![Do::Send(response("200 OK", "", body))]).await;
        assert!(matches!(whole(&client(address)).await, Err(EngineError::Failed { .. })), "{body}");
    }
    let (address, _) = scripted(vec![Do::Send(b"SSH-2.0-OpenSSH\r\n".to_vec())]).await;
    assert!(matches!(whole(&client(address)).await, Err(EngineError::Unavailable { .. })));
}

#[tokio::test]
async fn what_is_not_utf8_is_a_failure() {
    let parts = streamed(vec![Do::Send([SSE_HEAD, b"data: \xff\xfe\n\n"].concat())]).await;
    assert!(matches!(parts[..], [Err(EngineError::Failed { .. })]), "{parts:?}");
}

#[tokio::test]
async fn an_event_without_end_is_a_failure_and_takes_no_memory() {
    let steps = vec![Do::Send(SSE_HEAD.to_vec()), Do::SendForEver(b"data: aaaaaaaaaaaaaaaa\n".repeat(64))];
    let parts = streamed(steps).await;
    assert!(matches!(parts[..], [Err(EngineError::Failed { .. })]), "{parts:?}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_a_failure_told_or_not() {
    let told = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n".to_vec();
    let untold = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    for steps in [vec![Do::Send(told), Do::Wait], vec![Do::Send(untold), Do::SendForEver(vec![b' '; 4096])]] {
        let (address, _) = scripted(steps).await;
        let error = whole(&client(address)).await.unwrap_err();
        assert!(matches!(error, EngineError::Failed { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_cut_is_interrupted() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"id\":".to_vec();
    let (address, _) = scripted(vec![Do::Send(cut)]).await;
    assert!(matches!(whole(&client(address)).await, Err(EngineError::Interrupted { .. })));
}

#[tokio::test]
async fn an_error_in_the_stream_is_an_error() {
    let error = "data: {\"error\": {\"message\": \"boom\", \"type\": \"server_error\", \"code\": null}}\n\n";
    let parts = streamed(sse(&[&part("one"), error])).await;
    assert!(matches!(parts[..], [Ok(_), Err(EngineError::Failed { .. })]), "{parts:?}");
    let refused = "data: {\"error\": {\"message\": \"too long\", \"code\": \"context_length_exceeded\"}}\n\n";
    let parts = streamed(sse(&[refused])).await;
    assert!(matches!(parts[..], [Err(EngineError::Rejected { .. })]), "{parts:?}");
}

#[tokio::test]
async fn a_stream_that_is_none_is_an_error() {
    let (address, _) =
        scripted(vec![Do::Send(response("200 OK", "", r#"{"error": "no such model"}"#))]).await;
    assert!(matches!(stream(&client(address)).await.err(), Some(EngineError::Failed { .. })));
}

#[tokio::test]
async fn statuses_arrive_with_their_meaning() {
    let limit =
        response("429 Too Many Requests", "retry-after: 7\r\n", r#"{"error":{"message":"slow down"}}"#);
    let (address, _) = scripted(vec![Do::Send(limit)]).await;
    assert!(matches!(
        whole(&client(address)).await,
        Err(EngineError::Overloaded { retry_after: Some(after) }) if after.as_secs() == 7
    ));
    let (address, _) = scripted(vec![Do::Send(response("401 Unauthorized", "", "{}"))]).await;
    assert!(matches!(whole(&client(address)).await, Err(EngineError::Credentials)));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let moved = response("307 Temporary Redirect", "location: http://127.0.0.1:9/\r\n", "");
    let (address, _) = scripted(vec![Do::Send(moved)]).await;
    let error = whole(&client(address)).await.unwrap_err();
    assert!(matches!(error, EngineError::Failed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_slow_server_is_given_up() {
    let timeouts =
        Timeouts { idle: Duration::from_millis(30), whole: Duration::from_mins(10), ..Timeouts::default() };
    let mut steps = sse(&[&part("one")]);
    steps.push(Do::Wait);
    let (address, _) = scripted(steps).await;
    let engine = client_with(address, timeouts, Limits::default());
    let parts: Vec<_> = stream(&engine).await.unwrap().collect().await;
    assert!(
        matches!(parts[..], [Ok(_), Err(EngineError::Timeout { after })] if after == timeouts.idle),
        "{parts:?}"
    );
    let timeouts = Timeouts { whole: Duration::from_millis(30), ..Timeouts::default() };
    for steps in [vec![Do::Wait], vec![Do::Send(SSE_HEAD.to_vec()), Do::Wait]] {
        let (address, _) = scripted(steps).await;
        let engine = client_with(address, timeouts, Limits::default());
        assert!(
            matches!(whole(&engine).await, Err(EngineError::Timeout { after }) if after == timeouts.whole)
        );
    }
}

#[tokio::test]
async fn one_connection_serves_one_call_after_the_other_streamed_and_whole() {
    let worker = crate::rig::worker(tenfold_engine::fake::Script::default());
    let (address, connections) = crate::rig::counted(worker.folder.path().join("run/worker.sock")).await;
    let engine = client(address);
    for _ in 0..20 {
        let parts: Vec<_> = stream(&engine).await.unwrap().collect().await;
        assert!(parts.iter().all(Result::is_ok));
        whole(&engine).await.unwrap();
    }
    assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 1);
}
