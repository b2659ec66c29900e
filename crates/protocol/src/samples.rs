//! Answers for tests, whole and in pieces.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::chat::{ChatChunk, ChatCompletion};

/// An answer, in the order in which a model makes one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) thinking: String,
    pub(crate) content: String,
    pub(crate) refusal: String,
    /// The arguments of each call.
    pub(crate) calls: Vec<String>,
    pub(crate) is_cut: bool,
}

impl Answer {
    pub(crate) fn sample() -> Self {
        Self {
            thinking: "Let me see.".to_owned(),
            content: "Hello, wörld".to_owned(),
            calls: vec!["{\"city\":\"Bern\"}".to_owned(), "{}".to_owned()],
            ..Self::default()
        }
    }

    fn finish_reason(&self) -> &'static str {
        match (self.is_cut, self.calls.is_empty()) {
            (true, _) => "length",
            (false, true) => "stop",
            (false, false) => "tool_calls",
        }
    }

    fn usage() -> Value {
        json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2}})
    }
}

/// Any answer.
pub(crate) fn answers() -> impl Strategy<Value = Answer> {
    let arguments = proptest::collection::btree_map("[a-z{}\"]{0,4}", json(), 0..3)
        .prop_map(|fields| serde_json::to_string(&fields).unwrap());
    let calls = proptest::collection::vec(arguments, 0..4);
    ("\\PC{0,12}", "\\PC{0,30}", "\\PC{0,6}", calls, any::<bool>()).prop_map(
        |(thinking, content, refusal, calls, is_cut)| Answer { thinking, content, refusal, calls, is_cut },
    )
}

/// Any JSON.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    const KINDS: &[&str] = &[
        "type",
        "text",
        "message",
        "function",
        "function_call",
        "tool_use",
        "input_text",
        "name",
        "content",
    ];
    let word = proptest::sample::select(KINDS).prop_map(str::to_owned);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        "\\PC{0,5}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(word.clone(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// The answer unstreamed.
pub(crate) fn whole(answer: &Answer) -> ChatCompletion {
    let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    let calls: Vec<_> = answer
        .calls
        .iter()
        .enumerate()
        .map(|(i, arguments)| {
            json!({"id": format!("call_{i}"), "type": "function",
                "function": {"name": format!("f{i}"), "arguments": arguments}})
        })
        .collect();
    serde_json::from_value(json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": answer.finish_reason(), "message": {
            "role": "assistant", "content": text(&answer.content), "reasoning_content": text(&answer.thinking),
            "refusal": text(&answer.refusal), "tool_calls": calls,
        }}],
        "usage": Answer::usage(),
    }))
    .unwrap()
}

/// The answer in pieces of `size` characters.
pub(crate) fn chunks(answer: &Answer, size: usize) -> Vec<ChatChunk> {
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    for (field, text) in
        [("reasoning_content", &answer.thinking), ("content", &answer.content), ("refusal", &answer.refusal)]
    {
        deltas.extend(pieces(text, size).into_iter().map(|piece| json!({field: piece})));
    }
    for (i, arguments) in answer.calls.iter().enumerate() {
        let begin = json!({"index": i, "id": format!("call_{i}"), "type": "function",
            "function": {"name": format!("f{i}"), "arguments": ""}});
        deltas.push(json!({"tool_calls": [begin]}));
        deltas.extend(
            pieces(arguments, size)
                .into_iter()
                .map(|piece| json!({"tool_calls": [{"index": i, "function": {"arguments": piece}}]})),
        );
    }
    let chunk = |choices: Value, usage: Option<Value>| {
        let mut chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": choices});
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        serde_json::from_value(chunk).unwrap()
    };
    let mut chunks: Vec<_> = deltas
        .into_iter()
        .map(|delta| chunk(json!([{"index": 0, "delta": delta, "finish_reason": null}]), None))
        .collect();
    chunks.push(chunk(json!([{"index": 0, "delta": {}, "finish_reason": answer.finish_reason()}]), None));
    chunks.push(chunk(json!([]), Some(Answer::usage())));
    chunks
}

fn pieces(text: &str, size: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(size).map(|piece| piece.iter().collect()).collect()
}
