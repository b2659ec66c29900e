use serde_json::{Value, json};
use tenfold_engine::{CallContext, Engine, EngineError};
use tenfold_protocol::chat::ChatRequest;
use tenfold_protocol::completion::CompletionRequest;
use tenfold_protocol::embedding::EmbeddingRequest;

use crate::model::{MODEL, config, engine, load, refusal, try_ask, try_go_on};

fn chat_with(field: &str, value: Value) -> ChatRequest {
    let mut body = json!({"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2});
    body[field] = value;
    serde_json::from_value(body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_chat_field_that_cannot_be_honoured_is_refused_by_name() {
    let engine = engine();
    let tool = json!({"type": "function", "function": {"name": "f"}});
    for (field, value, param) in [
        ("temperature", json!(2.1), "temperature"),
        ("temperature", json!(-0.1), "temperature"),
        ("top_p", json!(1.5), "top_p"),
        ("min_p", json!(-1.0), "min_p"),
        ("frequency_penalty", json!(2.5), "frequency_penalty"),
        ("presence_penalty", json!(-2.5), "presence_penalty"),
        ("n", json!(0), "n"),
        ("n", json!(129), "n"),
        ("stop", json!(["a", "b", "c", "d", "e"]), "stop"),
        ("stop", json!(""), "stop"),
        ("logit_bias", json!({"49152": 1}), "logit_bias"),
        ("logit_bias", json!({"x": 1}), "logit_bias"),
        ("logit_bias", json!({"1": 101}), "logit_bias"),
        ("top_logprobs", json!(3), "top_logprobs"),
        ("max_tokens", json!(0), "max_tokens"),
        ("max_completion_tokens", json!(0), "max_completion_tokens"),
        ("messages", json!([]), "messages"),
        (
            "messages",
            json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]),
            "messages[0].content[0]",
        ),
        ("tool_choice", json!("required"), "tool_choice"),
        ("tools", json!([{"type": "web_search"}]), "tools[0].type"),
        ("tools", json!([{"type": "function", "function": {"name": "no spaces"}}]), "tools[0].function.name"),
        ("stream_options", json!({"include_usage": true}), "stream_options"),
        (
            "response_format",
            json!({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"a": {"type": "string", "pattern": "(?=x)y"}}}}}),
            "response_format.json_schema.schema",
        ),
    ] {
        let mut request = chat_with(field, value.clone());
        if field == "tools" {
            request.tools.as_mut().unwrap().push(serde_json::from_value(tool.clone()).unwrap());
        }
        let error = try_ask(&engine, request).await.expect_err(&format!("{field}: {value}"));
        assert_eq!(refusal(&error).0.as_deref(), Some(param), "{error}");
    }
    for (field, value) in [
        ("audio", json!({"voice": "x"})),
        ("modalities", json!(["audio"])),
        ("prediction", json!({})),
        ("web_search_options", json!({})),
        ("store", json!(true)),
        ("service_tier", json!("flex")),
        ("functions", json!([])),
        ("reasoning_effort", json!("high")),
        ("no_such_thing", json!(1)),
    ] {
        let error = try_ask(&engine, chat_with(field, value)).await.expect_err(field);
        assert_eq!(refusal(&error), (Some(field.to_owned()), Some("unsupported_parameter".to_owned())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn harmless_labels_are_taken() {
    let engine = engine();
    for (field, value) in [
        ("metadata", json!({"a": "b"})),
        ("user", json!("u")),
        ("safety_identifier", json!("s")),
        ("prompt_cache_key", json!("p")),
        ("store", json!(false)),
        ("service_tier", json!("auto")),
        ("modalities", json!(["text"])),
        ("audio", Value::Null),
    ] {
        try_ask(&engine, chat_with(field, value)).await.expect(field);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_beyond_the_context_is_refused_and_an_answer_ends_there() {
    let engine = load(tenfold_engine_gguf::GgufConfig { context_length: Some(128), ..config() });
    let long = |words: usize| vec!["word"; words].join(" ");
    for words in [200, 200_000] {
        let error =
            try_ask(&engine, chat_with("messages", json!([{"role": "user", "content": long(words)}]))).await;
        let (param, code) = refusal(&error.unwrap_err());
        assert_eq!((param.as_deref(), code.as_deref()), (Some("messages"), Some("context_length_exceeded")));
    }
    let mut request = chat_with("messages", json!([{"role": "user", "content": long(60)}]));
    request.max_tokens = None;
    request.logit_bias = Some([("2".to_owned(), -100.0), ("0".to_owned(), -100.0)].into());
    let answer = try_ask(&engine, request).await.unwrap();
    assert_eq!(answer.choices[0].finish_reason, Some(tenfold_protocol::chat::FinishReason::Length));
    let usage = answer.usage.unwrap();
    assert!((127..=129).contains(&usage.total_tokens), "{usage:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_completion_field_that_cannot_be_honoured_is_refused_by_name() {
    let engine = engine();
    for (field, value, param) in [
        ("suffix", json!("the end"), "suffix"),
        ("best_of", json!(3), "best_of"),
        ("logprobs", json!(6), "logprobs"),
        ("max_tokens", json!(0), "max_tokens"),
        ("prompt", json!([]), "prompt"),
        ("prompt", json!([99_999_999]), "prompt"),
        ("strange", json!(1), "strange"),
    ] {
        let mut body = json!({"model": MODEL, "prompt": "Once"});
        body[field] = value;
        let request: CompletionRequest = serde_json::from_value(body).unwrap();
        let error = try_go_on(&engine, request).await.expect_err(field);
        assert_eq!(refusal(&error).0.as_deref(), Some(param), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn embeddings_have_one_length_and_no_empty_input() {
    let engine = engine();
    for (field, value, param) in [
        ("dimensions", json!(8), "dimensions"),
        ("input", json!([]), "input"),
        ("input", json!([[]]), "input"),
        ("x", json!(1), "x"),
    ] {
        let mut body = json!({"model": MODEL, "input": "text"});
        body[field] = value;
        let request: EmbeddingRequest = serde_json::from_value(body).unwrap();
        let error = engine.embed(&CallContext::default(), request).await.expect_err(field);
        assert_eq!(refusal(&error).0.as_deref(), Some(param), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_not_here_is_not_found() {
    let engine = engine();
    let error = try_ask(&engine, chat_with("model", json!("other"))).await.unwrap_err();
    assert_eq!(refusal(&error).1.as_deref(), Some("model_not_found"));
    assert!(matches!(engine.unload_adapter("none").await, Err(EngineError::Rejected { .. })));
}
