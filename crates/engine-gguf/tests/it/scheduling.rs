use std::time::{Duration, Instant};

use futures::StreamExt;
use tenfold_engine::{Engine, EngineError};
use tenfold_engine_gguf::GgufConfig;
use tenfold_protocol::chat::{ChatMessage, ChatRequest, MessageRole};

use crate::model::{ask, chat, config, engine, load, stream, try_ask};

fn with_system(system: &str, text: &str, max_tokens: u32) -> ChatRequest {
    let mut request = chat(text, max_tokens);
    request.messages.insert(0, ChatMessage::text(MessageRole::System, system));
    request
}

fn long_system() -> String {
    "Be brief, and say why. ".repeat(180)
}

/// An answer that would go on to the end of the context.
fn endless(text: &str) -> ChatRequest {
    ChatRequest {
        max_tokens: None,
        logit_bias: Some([("2".to_owned(), -100.0), ("0".to_owned(), -100.0)].into()),
        ..chat(text, 1)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_prefix_is_computed_once_and_told_as_cached() {
    let engine = engine();
    let system = long_system();
    let first = ask(&engine, with_system(&system, "What is water?", 8)).await.usage.unwrap();
    assert!(first.prompt_tokens > 1000 && first.cached_tokens() == 0, "{first:?}");
    let second = ask(&engine, with_system(&system, "Who are you?", 8)).await.usage.unwrap();
    assert!(second.cached_tokens() + 80 > second.prompt_tokens, "{second:?}");
    // Another system text shares nothing but the first tokens.
    let other = ask(&engine, with_system("Other.", "Who are you?", 8)).await.usage.unwrap();
    assert!(other.cached_tokens() < 10, "{other:?}");
    // And did not push the first one out.
    let third = ask(&engine, with_system(&system, "Why?", 8)).await.usage.unwrap();
    assert!(third.cached_tokens() + 80 > third.prompt_tokens, "{third:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_come_at_once_share_a_prefix_too() {
    let engine = engine();
    let system = long_system();
    let requests = ["One?", "Two?", "Three?", "Four?"].map(|text| with_system(&system, text, 4));
    let usages = futures::future::join_all(requests.map(|request| ask(&engine, request))).await;
    let cached: Vec<u64> =
        usages.iter().map(|answer| answer.usage.as_ref().unwrap().cached_tokens()).collect();
    assert_eq!(cached.iter().filter(|cached| **cached > 1000).count(), 3, "{cached:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_dropped_frees_its_slot() {
    let engine = load(GgufConfig { slots: 1, context_length: Some(8192), ..config() });
    let mut answer = stream(&engine, endless("Write a long story.")).await;
    for _ in 0..3 {
        answer.next().await.unwrap().unwrap();
    }
    drop(answer);
    let start = Instant::now();
    ask(&engine, chat("Hi", 2)).await;
    // The endless answer would have taken eight thousand steps more.
    assert!(start.elapsed() < Duration::from_secs(30));
    drop(engine);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_queue_holds_is_overload() {
    let engine = load(GgufConfig { slots: 1, queue: 2, ..config() });
    let mut running = stream(&engine, endless("Write a long story.")).await;
    // The first chunk says that it left the queue.
    running.next().await.unwrap().unwrap();
    let waiting = [stream(&engine, chat("a", 2)).await, stream(&engine, chat("b", 2)).await];
    let refused = try_ask(&engine, chat("c", 2)).await.unwrap_err();
    assert!(matches!(refused, EngineError::Overloaded { retry_after: Some(_) }), "{refused:?}");
    drop(running);
    for answer in waiting {
        assert!(answer.map(Result::unwrap).count().await > 0);
    }
    ask(&engine, chat("d", 2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_prompt_does_not_freeze_a_running_stream() {
    let engine = load(GgufConfig { prefill_tokens_beside: 64, ..config() });
    let mut running = stream(&engine, endless("Write a long story.")).await;
    for _ in 0..4 {
        running.next().await.unwrap().unwrap();
    }
    let mut late = stream(&engine, with_system(&long_system(), "Hi", 2)).await;
    let mut between = 0;
    loop {
        tokio::select! {
            biased;
            _ = late.next() => break,
            chunk = running.next() => {
                chunk.unwrap().unwrap();
                between += 1;
            }
        }
    }
    // 1,200 prompt tokens in pieces of 64 leave the stream many steps.
    assert!(between >= 10, "{between}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_dropped_ends_its_streams() {
    let engine = engine();
    let mut running = stream(&engine, endless("Write a long story.")).await;
    running.next().await.unwrap().unwrap();
    drop(engine);
    let rest: Vec<_> = running.collect().await;
    assert!(rest.last().unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_it_is() {
    let engine = engine();
    let info = engine.info().await.unwrap();
    assert_eq!(
        (info.engine.as_str(), info.context_length, info.max_concurrency),
        ("gguf", Some(2048), Some(8))
    );
    assert!(info.fingerprint.starts_with("fp_") && info.fingerprint.len() == 13);
}
