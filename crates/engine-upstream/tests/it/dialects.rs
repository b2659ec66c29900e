//! Usage as the servers that are about report it.

use futures::StreamExt;
use serde_json::{Value, json};
use tenfold_engine::{CallContext, Engine, EngineError};
use tenfold_protocol::chat::FinishReason;
use tenfold_protocol::usage::Usage;

use crate::rig::{Do, SSE_HEAD, client, end, event, part, request, response, scripted, stream, whole};

async fn usage_of(usage: Value) -> Option<Usage> {
    let mut body = json!({
        "id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    });
    if usage != json!("absent") {
        body["usage"] = usage;
    }
    let (address, _) = scripted(vec![Do::Send(response("200 OK", "", &body.to_string()))]).await;
    whole(&client(address)).await.unwrap().usage
}

#[tokio::test]
async fn each_dialect_of_usage_is_read() {
    for (who, usage, expected) in [
        (
            "OpenAI",
            json!({"prompt_tokens": 100, "completion_tokens": 9, "total_tokens": 109,
                   "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
                   "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 0,
                       "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}}),
            (100, 9, 64, 5),
        ),
        (
            "DeepSeek",
            json!({"prompt_tokens": 100, "completion_tokens": 9, "total_tokens": 109,
                   "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36,
                   "completion_tokens_details": {"reasoning_tokens": 5}}),
            (100, 9, 64, 5),
        ),
        (
            "Moonshot",
            json!({"prompt_tokens": 100, "completion_tokens": 9, "total_tokens": 109, "cached_tokens": 64}),
            (100, 9, 64, 0),
        ),
        (
            "vLLM",
            json!({"prompt_tokens": 100, "total_tokens": 109, "completion_tokens": 9, "prompt_tokens_details": null}),
            (100, 9, 0, 0),
        ),
        ("without a total", json!({"prompt_tokens": 100, "completion_tokens": 9}), (100, 9, 0, 0)),
        ("without the completion", json!({"prompt_tokens": 100, "total_tokens": 109}), (100, 9, 0, 0)),
        (
            "an explicit zero",
            json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}),
            (0, 0, 0, 0),
        ),
    ] {
        let usage = usage_of(usage).await.unwrap_or_else(|| panic!("{who}: known"));
        let counts =
            (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens(), usage.reasoning_tokens());
        assert_eq!(counts, expected, "{who}");
        assert_eq!(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens, "{who}");
    }
}

#[tokio::test]
async fn usage_that_is_not_told_is_unknown_and_not_zero() {
    for usage in
        [json!("absent"), json!(null), json!({}), json!({"total_tokens": 9}), json!({"prompt_tokens": 9})]
    {
        assert_eq!(usage_of(usage.clone()).await, None, "{usage}");
    }
}

#[tokio::test]
async fn a_stream_asks_for_its_usage_and_hands_it_on() {
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4});
    let body = [part("hi"), end(), event(&json!([]), &usage), "data: [DONE]\n\n".to_owned()].concat();
    let (address, mut requests) =
        scripted(vec![Do::Send(SSE_HEAD.to_vec()), Do::Send(body.into_bytes())]).await;
    let parts: Vec<_> = stream(&client(address)).await.unwrap().map(Result::unwrap).collect().await;
    assert_eq!(parts.len(), 3);
    assert_eq!(parts[2].usage.as_ref().map(|u| u.total_tokens), Some(4));
    let sent = requests.recv().await.unwrap();
    assert!(sent.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{sent}");
    assert!(sent.contains("authorization: Bearer sk-test\r\n"));
    let body: Value = serde_json::from_str(sent.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["stream_options"], json!({"include_usage": true}));
    assert_eq!(body["stream"], true);
}

#[tokio::test]
async fn other_words_for_the_end_of_an_answer_are_understood() {
    for (word, reason) in [("eos", FinishReason::Stop), ("model_length", FinishReason::Length)] {
        let body =
            event(&json!([{"index": 0, "delta": {"content": "x"}, "finish_reason": word}]), &Value::Null);
        let (address, _) = scripted(vec![Do::Send(SSE_HEAD.to_vec()), Do::Send(body.into_bytes())]).await;
        let parts: Vec<_> = stream(&client(address)).await.unwrap().map(Result::unwrap).collect().await;
        assert_eq!(parts[0].choices[0].finish_reason, Some(reason));
    }
}

#[tokio::test]
async fn an_upstream_cannot_count_or_load() {
    let (address, _) = scripted(Vec::new()).await;
    let engine = client(address);
    let counted = engine.count_tokens(&CallContext::default(), request()).await;
    assert!(matches!(counted, Err(EngineError::Unsupported { .. })));
    assert!(matches!(engine.unload_adapter("x").await, Err(EngineError::Unsupported { .. })));
}

#[tokio::test]
async fn the_key_is_not_shown() {
    let (address, _) = scripted(Vec::new()).await;
    let shown = format!("{address:?} {:?}", client(address.clone()));
    assert!(!shown.contains("sk-test"), "{shown}");
}
