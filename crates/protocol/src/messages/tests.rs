use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use tenfold_kernel::SeededRng;

use super::*;
use crate::chat::{ChatChunk, ChatRequest};
use crate::samples::{Answer, answers, chunks, whole};

fn request(fields: &Value) -> MessagesRequest {
    let mut body = json!({"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    serde_json::from_value(body).unwrap()
}

fn rng() -> Arc<SeededRng> {
    Arc::new(SeededRng::new(7))
}

fn stream_of(chunks: &[ChatChunk]) -> Vec<MessageStreamEvent> {
    let mut stream = MessageStream::new("m".to_owned(), rng());
    let mut events = stream.start();
    for chunk in chunks {
        events.extend(stream.push(chunk));
    }
    events.extend(stream.finish());
    events
}

#[test]
fn a_request_of_every_supported_field_becomes_a_chat_request() {
    let request = request(&json!({
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Weather?", "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": ""},
                {"type": "text", "text": "One moment."},
                {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Bern"}},
                {"type": "tool_use", "id": "t2", "name": "weather", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "sun"}]},
                {"type": "tool_result", "tool_use_id": "t2", "content": "no such city", "is_error": true},
                {"type": "text", "text": "Well?"},
            ]},
        ],
        "temperature": 0.5, "top_p": 0.9, "top_k": 40, "stop_sequences": ["END"], "stream": true,
        "tools": [{"name": "weather", "description": "d", "input_schema": {"type": "object"}, "cache_control": null}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
        "metadata": {"user_id": "u"}, "thinking": {"type": "enabled", "budget_tokens": 50},
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}, "service_tier": "auto",
    }));
    let expected: ChatRequest = serde_json::from_value(json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": "One moment.", "reasoning_content": "Hm.", "tool_calls": [
                {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Bern\"}"}},
                {"id": "t2", "type": "function", "function": {"name": "weather", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_call_id": "t1", "content": "sun"},
            {"role": "tool", "tool_call_id": "t2", "content": "Error: no such city"},
            {"role": "user", "content": "Well?"},
        ],
        "max_completion_tokens": 100, "temperature": 0.5, "top_p": 0.9, "top_k": 40, "stop": ["END"], "stream": true, "stream_options": {"include_usage": true},
        "tools": [{"type": "function", "function": {"name": "weather", "description": "d", "parameters": {"type": "object"}}}],
        "tool_choice": "required", "parallel_tool_calls": false, "user": "u", "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "output", "schema": {"type": "object"}, "strict": true}},
    }))
    .unwrap();
    assert_eq!(to_chat(&request), Ok(expected));
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    let user = |block: Value| json!({"messages": [{"role": "user", "content": [block]}]});
    let cases = [
        (user(json!({"type": "image", "source": {}})), "messages[0].content[0].type"),
        (user(json!({"type": "text", "text": "x", "citations": [1]})), "messages[0].content[0].citations"),
        (
            user(json!({"type": "tool_result", "tool_use_id": "t", "content": "x"})),
            "messages[0].content[0].tool_use_id",
        ),
        (json!({"system": [{"type": "image"}]}), "system[0].type"),
        (json!({"messages": []}), "messages"),
        (json!({"messages": [{"role": "assistant", "content": "I"}]}), "messages"),
        (json!({"tools": [{"type": "bash_20250124", "name": "bash"}]}), "tools[0].type"),
        (json!({"tools": [{"name": "f"}]}), "tools[0].input_schema"),
        (
            json!({"tools": [{"name": "f", "input_schema": {}, "defer_loading": true}]}),
            "tools[0].defer_loading",
        ),
        (json!({"tool_choice": {"type": "tool"}}), "tool_choice.name"),
        (json!({"tool_choice": {"type": "tool", "name": "g"}}), "tool_choice.name"),
        (json!({"tool_choice": {"type": "often"}}), "tool_choice.type"),
        (json!({"thinking": {"type": "enabled"}}), "thinking.budget_tokens"),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 100}}), "thinking.budget_tokens"),
        (json!({"thinking": {"type": "hard"}}), "thinking.type"),
        (json!({"output_config": {"effort": "max"}}), "output_config.effort"),
        (json!({"metadata": {"team": "x"}}), "metadata.team"),
        (json!({"service_tier": "priority"}), "service_tier"),
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"container": "c"}), "container"),
        (json!({"n": 2}), "n"),
    ];
    for (fields, param) in cases {
        let error = to_chat(&request(&fields)).expect_err(param);
        assert_eq!(error.param, param);
        assert!(error.message.contains(param), "{}", error.message);
    }
}

#[test]
fn a_mistake_inside_a_block_is_reported_as_what_it_is() {
    let read = |block: Value| {
        let body = json!({"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": [block]}]});
        serde_json::from_value::<MessagesRequest>(body).unwrap_err().to_string()
    };
    assert!(read(json!({"type": "text"})).contains("text"));
    assert!(read(json!({"type": "tool_use", "id": "t", "name": "f", "input": 1})).contains("map"));
    assert!(read(json!({"text": "x"})).contains("type"));
}

#[test]
fn counting_needs_no_limit_and_keeps_tools() {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "system": "S",
        "tools": [{"name": "f", "input_schema": {}}]});
    let chat = count_to_chat(&serde_json::from_value(body).unwrap()).unwrap();
    assert_eq!((chat.messages.len(), chat.tools.unwrap().len(), chat.max_completion_tokens), (2, 1, None));
}

#[test]
fn a_whole_answer_has_every_field_that_clients_read() {
    let mut message = serde_json::to_value(from_chat(whole(&Answer::sample()), &*rng())).unwrap();
    assert!(message["id"].take().as_str().unwrap().starts_with("msg_"));
    assert_eq!(
        message,
        json!({
            "id": null, "type": "message", "role": "assistant", "model": "m",
            "content": [
                {"type": "thinking", "thinking": "Let me see.", "signature": ""},
                {"type": "text", "text": "Hello, wörld"},
                {"type": "tool_use", "id": "call_0", "name": "f0", "input": {"city": "Bern"}},
                {"type": "tool_use", "id": "call_1", "name": "f1", "input": {}},
            ],
            "stop_reason": "tool_use", "stop_sequence": null,
            "usage": {"input_tokens": 6, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 4,
                "output_tokens": 5, "output_tokens_details": {"thinking_tokens": 2}, "service_tier": "standard"},
        })
    );
}

#[test]
fn each_end_has_its_reason() {
    for (finish_reason, stop, expected) in [
        ("stop", None, "end_turn"),
        ("stop", Some("END"), "stop_sequence"),
        ("length", None, "max_tokens"),
        ("tool_calls", None, "tool_use"),
        ("content_filter", None, "refusal"),
    ] {
        let mut completion = whole(&Answer::default());
        completion.choices[0].finish_reason = serde_json::from_value(json!(finish_reason)).unwrap();
        if let Some(stop) = stop {
            completion.choices[0].message.extra.insert(STOP_SEQUENCE.to_owned(), stop.into());
        }
        let message = serde_json::to_value(from_chat(completion, &*rng())).unwrap();
        assert_eq!((&message["stop_reason"], &message["stop_sequence"]), (&json!(expected), &json!(stop)));
    }
}

#[test]
fn a_stream_has_the_events_of_the_api_in_their_order() {
    let events = stream_of(&chunks(&Answer::sample(), 1000));
    let names: Vec<_> = events.iter().map(MessageStreamEvent::name).collect();
    let mut expected = vec!["message_start", "ping"];
    for _ in 0..4 {
        expected.extend(["content_block_start", "content_block_delta", "content_block_stop"]);
    }
    expected.extend(["message_delta", "message_stop"]);
    assert_eq!(names, expected);
    for event in &events {
        let value = serde_json::to_value(event).unwrap();
        assert_eq!(value["type"], event.name());
        assert_eq!(&serde_json::from_value::<MessageStreamEvent>(value).unwrap(), event);
    }
    let end = serde_json::to_value(&events[events.len() - 2]).unwrap();
    assert_eq!(end["delta"], json!({"stop_reason": "tool_use", "stop_sequence": null}));
    assert_eq!(end["usage"]["input_tokens"], 6);
}

#[test]
fn a_stream_that_breaks_ends_with_an_error() {
    let mut stream = MessageStream::new("m".to_owned(), rng());
    let event = serde_json::to_value(stream.fail("overloaded_error", "busy")).unwrap();
    assert_eq!(event, json!([{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}]));
}

/// The message that a client puts together from the events.
fn put_together(events: &[MessageStreamEvent]) -> Message {
    let mut result = None;
    let mut json = BTreeMap::<u32, String>::new();
    for event in events {
        match event {
            MessageStreamEvent::MessageStart { message } => result = Some(message.as_ref().clone()),
            MessageStreamEvent::ContentBlockStart { index, content_block } => {
                let message = result.as_mut().unwrap();
                assert_eq!(*index as usize, message.content.len(), "blocks begin in their order");
                message.content.push(content_block.clone());
            }
            MessageStreamEvent::ContentBlockDelta { index, delta } => {
                match (&mut result.as_mut().unwrap().content[*index as usize], delta) {
                    (ContentBlock::Text { text }, BlockDelta::TextDelta { text: more })
                    | (
                        ContentBlock::Thinking { thinking: text, .. },
                        BlockDelta::ThinkingDelta { thinking: more },
                    ) => {
                        text.push_str(more);
                    }
                    (ContentBlock::ToolUse { .. }, BlockDelta::InputJsonDelta { partial_json }) => {
                        json.entry(*index).or_default().push_str(partial_json);
                    }
                    other => panic!("{other:?}"),
                }
            }
            MessageStreamEvent::ContentBlockStop { index } => {
                if let (ContentBlock::ToolUse { input, .. }, Some(json)) =
                    (&mut result.as_mut().unwrap().content[*index as usize], json.get(index))
                {
                    *input = serde_json::from_str(json).unwrap();
                }
            }
            MessageStreamEvent::MessageDelta { delta, usage } => {
                let message = result.as_mut().unwrap();
                message.stop_reason = Some(delta.stop_reason);
                message.stop_sequence.clone_from(&delta.stop_sequence);
                message.usage =
                    MessageUsage { service_tier: message.usage.service_tier.take(), ..usage.clone() };
            }
            MessageStreamEvent::Ping | MessageStreamEvent::MessageStop | MessageStreamEvent::Error { .. } => {
            }
        }
    }
    result.unwrap()
}

proptest! {
    #[test]
    fn a_stream_in_any_pieces_says_what_the_whole_answer_says(answer in answers(), size in 1_usize..9) {
        let streamed = put_together(&stream_of(&chunks(&answer, size)));
        prop_assert_eq!(streamed, from_chat(whole(&answer), &*rng()));
    }

    #[test]
    fn no_body_makes_the_translation_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), noise in crate::samples::json()) {
        crate::probe::messages_request(&bytes);
        crate::probe::messages_request(&serde_json::to_vec(&noise).unwrap());
        crate::probe::messages_request(&serde_json::to_vec(&json!({"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": noise}], "system": noise, "tools": noise})).unwrap());
    }
}
