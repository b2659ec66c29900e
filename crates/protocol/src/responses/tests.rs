use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use tenfold_kernel::{ResponseId, SeededRng, Timestamp};

use super::*;
use crate::chat::{ChatChunk, ChatCompletion, ChatRequest};
use crate::samples::{Answer, answers, chunks, whole};
use crate::translation::TranslationError;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const LATER: Timestamp = Timestamp(1_700_000_009_000);

fn request(value: Value) -> ResponsesRequest {
    serde_json::from_value(value).unwrap()
}

fn chat(value: Value) -> Result<ChatRequest, TranslationError> {
    to_chat(&request(value), &[])
}

fn started() -> Response {
    let id = ResponseId::parse("resp_1").unwrap();
    Response::start(&id, &request(json!({"model": "m", "input": "Hi"})), NOW)
}

fn rng() -> Arc<SeededRng> {
    Arc::new(SeededRng::new(7))
}

fn stream_of(chunks: &[ChatChunk]) -> (Vec<ResponseStreamEvent>, Response) {
    let mut stream = ResponseStream::new(started(), rng());
    let mut events = stream.start();
    for chunk in chunks {
        events.extend(stream.push(chunk));
    }
    events.extend(stream.finish(LATER));
    (events, stream.response().clone())
}

#[test]
fn a_request_of_every_supported_field_becomes_a_chat_request() {
    let chat = chat(json!({
        "model": "m", "instructions": "Be brief.", "max_output_tokens": 9, "temperature": 0.5, "top_p": 0.9,
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "One moment.", "annotations": []}]},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{\"city\":\"Bern\"}"},
            {"type": "function_call", "call_id": "c2", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "sun"},
            {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "rain"}]},
        ],
        "tools": [{"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": true}],
        "tool_choice": {"type": "function", "name": "weather"}, "parallel_tool_calls": false,
        "text": {"format": {"type": "json_schema", "name": "w", "schema": {"type": "object"}, "strict": true}},
        "reasoning": {"effort": "low", "summary": null}, "include": ["message.output_text.logprobs"], "top_logprobs": 3,
        "stream": true, "store": false, "truncation": "disabled", "user": "u", "metadata": {"a": "b"},
        "service_tier": "auto", "max_tool_calls": null,
    }));
    let expected: ChatRequest = serde_json::from_value(json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": "One moment.", "reasoning_content": "Hm.", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Bern\"}"}},
                {"id": "c2", "type": "function", "function": {"name": "weather", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "sun"},
            {"role": "tool", "tool_call_id": "c2", "content": "rain"},
        ],
        "max_completion_tokens": 9, "temperature": 0.5, "top_p": 0.9, "logprobs": true, "top_logprobs": 3,
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}, "strict": true}}],
        "tool_choice": {"type": "function", "function": {"name": "weather"}}, "parallel_tool_calls": false,
        "response_format": {"type": "json_schema", "json_schema": {"name": "w", "schema": {"type": "object"}, "strict": true}},
        "reasoning_effort": "low", "stream": true, "stream_options": {"include_usage": true}, "user": "u", "metadata": {"a": "b"}, "service_tier": "auto",
    }))
    .unwrap();
    assert_eq!(chat, Ok(expected));
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    let cases = [
        (json!({"tools": [{"type": "function", "name": "f"}, {"type": "web_search"}]}), "tools[1].type"),
        (json!({"tools": [{"type": "function"}]}), "tools[0].name"),
        (
            json!({"tools": [{"type": "function", "name": "f", "defer_loading": true}]}),
            "tools[0].defer_loading",
        ),
        (json!({"tool_choice": {"type": "function", "name": "g"}}), "tool_choice.name"),
        (json!({"tool_choice": {"type": "hosted"}}), "tool_choice.type"),
        (json!({"tool_choice": "often"}), "tool_choice"),
        (json!({"truncation": "auto"}), "truncation"),
        (json!({"include": ["reasoning.encrypted_content"]}), "include[0]"),
        (json!({"reasoning": {"summary": "auto"}}), "reasoning.summary"),
        (json!({"text": {"verbosity": "low"}}), "text.verbosity"),
        (json!({"conversation": "conv_1"}), "conversation"),
        (json!({"messages": []}), "messages"),
        (json!({"stream_options": {"include_obfuscation": true}}), "stream_options.include_obfuscation"),
        (json!({"input": null}), "input"),
        (json!({"input": []}), "input"),
        (json!({"input": [{"type": "item_reference", "id": "msg_1"}]}), "input[0].type"),
        (json!({"input": [{"id": "msg_1"}]}), "input[0].type"),
        (
            json!({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}),
            "input[0].content[0].type",
        ),
        (json!({"input": [{"role": "tool", "content": "x"}]}), "input[0].role"),
        (
            json!({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}),
            "input[0].call_id",
        ),
    ];
    for (fields, param) in cases {
        let mut body = json!({"model": "m", "input": "Hi"});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let error = chat(body).expect_err(param);
        assert_eq!(error.param, param);
        assert!(error.message.contains(param), "{}", error.message);
    }
}

#[test]
fn a_mistake_inside_an_item_is_reported_as_what_it_is() {
    let read = |item: Value| {
        serde_json::from_value::<ResponsesRequest>(json!({"model": "m", "input": [item]}))
            .unwrap_err()
            .to_string()
    };
    assert!(read(json!({"type": "function_call", "name": "f", "arguments": ""})).contains("call_id"));
    assert!(read(json!({"role": "user", "content": [{"type": "input_text"}]})).contains("text"));
    assert!(read(json!({"role": "robot", "content": "x"})).contains("robot"));
}

#[test]
fn the_items_of_earlier_responses_come_before_the_input_and_answer_its_calls() {
    let earlier = request(json!({"model": "m", "input": "Weather?"}));
    let mut history = earlier.input_items(&*rng());
    history.push(
        serde_json::from_value(
            json!({"type": "function_call", "call_id": "c", "name": "w", "arguments": "{}"}),
        )
        .unwrap(),
    );
    let next = request(
        json!({"model": "m", "input": [{"type": "function_call_output", "call_id": "c", "output": "sun"}]}),
    );
    let chat = to_chat(&next, &history).unwrap();
    let roles: Vec<_> = chat.messages.iter().map(|m| serde_json::to_value(m.role).unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "tool"]);
    assert_eq!(chat.messages[0].content, Some("Weather?".into()));
}

#[test]
fn allowed_tools_leave_the_others_out() {
    let tool = |name: &str| json!({"type": "function", "name": name, "parameters": {}});
    let chat = chat(json!({
        "model": "m", "input": "x", "tools": [tool("a"), tool("b")],
        "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "b"}]},
    }))
    .unwrap();
    assert_eq!(chat.tools.as_ref().unwrap().len(), 1);
    assert_eq!(chat.tools.unwrap()[0].function.as_ref().unwrap().name, "b");
    assert_eq!(serde_json::to_value(chat.tool_choice).unwrap(), "required");
}

#[test]
fn a_whole_answer_has_every_field_that_clients_read() {
    let completion: ChatCompletion = serde_json::from_value(json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "Hello", "reasoning_content": "Hm.",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        }}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2}},
    }))
    .unwrap();
    let mut response = serde_json::to_value(from_chat(started(), completion, LATER, &*rng())).unwrap();
    for (i, prefix) in ["rs_", "msg_", "fc_"].into_iter().enumerate() {
        let id = response["output"][i]["id"].take();
        assert!(id.as_str().unwrap().starts_with(prefix));
    }
    assert_eq!(
        response,
        json!({
            "id": "resp_1", "object": "response", "created_at": 1_700_000_000, "completed_at": 1_700_000_009,
            "status": "completed", "background": false, "error": null, "incomplete_details": null,
            "instructions": null, "max_output_tokens": null, "max_tool_calls": null, "model": "m",
            "output": [
                {"id": null, "type": "reasoning", "summary": [], "status": "completed",
                    "content": [{"type": "reasoning_text", "text": "Hm."}]},
                {"id": null, "type": "message", "status": "completed", "role": "assistant",
                    "content": [{"type": "output_text", "text": "Hello", "annotations": []}]},
                {"id": null, "type": "function_call", "status": "completed", "call_id": "c1", "name": "f", "arguments": "{}"},
            ],
            "parallel_tool_calls": true, "previous_response_id": null, "reasoning": {"effort": null, "summary": null},
            "service_tier": "default", "store": true, "temperature": null, "text": {"format": {"type": "text"}},
            "tool_choice": "auto", "tools": [], "top_logprobs": null, "top_p": null, "truncation": "disabled",
            "usage": {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
                "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 15},
            "user": null, "metadata": {},
        })
    );
}

#[test]
fn a_response_that_was_kept_reads_back_as_it_was() {
    let answer = Answer::sample();
    let response = from_chat(started(), whole(&answer), LATER, &*rng());
    let text = serde_json::to_string(&response).unwrap();
    assert_eq!(serde_json::from_str::<Response>(&text).unwrap(), response);
}

#[test]
fn a_stream_has_the_events_of_the_api_in_their_order() {
    let answer = Answer::sample();
    let (events, _) = stream_of(&chunks(&answer, 1000));
    let names: Vec<_> = events.iter().map(ResponseStreamEvent::name).collect();
    let text = |delta, done| {
        [
            "response.output_item.added",
            "response.content_part.added",
            delta,
            done,
            "response.content_part.done",
            "response.output_item.done",
        ]
    };
    let call = [
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
    ];
    let mut expected = vec!["response.created", "response.in_progress"];
    expected.extend(text("response.reasoning_text.delta", "response.reasoning_text.done"));
    expected.extend(text("response.output_text.delta", "response.output_text.done"));
    expected.extend(call);
    expected.extend(call);
    expected.push("response.completed");
    assert_eq!(names, expected);
    for (i, event) in events.iter().enumerate() {
        let value = serde_json::to_value(event).unwrap();
        assert_eq!(value["type"], event.name());
        assert_eq!(value["sequence_number"], i);
        assert_eq!(&serde_json::from_value::<ResponseStreamEvent>(value).unwrap(), event);
    }
    let message = serde_json::to_value(&events[8]).unwrap();
    assert_eq!(
        (&message["item"]["content"], &message["item"]["status"]),
        (&json!([]), &json!("in_progress"))
    );
}

#[test]
fn calls_whose_parts_are_mixed_stay_apart() {
    let delta = |index: u32, name: Option<&str>, arguments: &str| json!({"index": index, "id": name.map(|n| format!("call_{n}")), "function": {"name": name, "arguments": arguments}});
    let deltas = [
        delta(0, Some("a"), "{\"x\""),
        delta(1, Some("b"), "{\"y\""),
        delta(0, None, ":1}"),
        delta(1, None, ":2}"),
    ];
    let chunks: Vec<ChatChunk> = deltas
        .into_iter()
        .map(|call| {
            serde_json::from_value(
                json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": null}]}),
            )
            .unwrap()
        })
        .collect();
    let (_, response) = stream_of(&chunks);
    let output = serde_json::to_value(&response.output).unwrap();
    assert_eq!((&output[0]["name"], &output[0]["arguments"]), (&json!("a"), &json!("{\"x\":1}")));
    assert_eq!((&output[1]["name"], &output[1]["arguments"]), (&json!("b"), &json!("{\"y\":2}")));
}

#[test]
fn a_stream_that_breaks_ends_with_a_failed_response_that_keeps_what_came() {
    let answer = Answer { content: "Hello".to_owned(), ..Answer::default() };
    let mut stream = ResponseStream::new(started(), rng());
    let mut events = stream.start();
    for chunk in chunks(&answer, 2).iter().take(3) {
        events.extend(stream.push(chunk));
    }
    events.extend(stream.fail("server_error", "the model stopped"));
    let last = serde_json::to_value(events.last().unwrap()).unwrap();
    assert_eq!(last["type"], "response.failed");
    assert_eq!(last["response"]["status"], "failed");
    assert_eq!(last["response"]["error"], json!({"code": "server_error", "message": "the model stopped"}));
    assert_eq!(last["response"]["output"][0]["status"], "incomplete");
    assert_eq!(last["response"]["output"][0]["content"][0]["text"], "Hell");
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the other events add nothing")]
/// What a client puts together from the deltas, by output index.
fn put_together(events: &[ResponseStreamEvent]) -> BTreeMap<u32, String> {
    let mut texts = BTreeMap::<u32, String>::new();
    for event in events {
        match event {
            ResponseStreamEvent::OutputItemAdded { output_index, .. } => {
                assert_eq!(texts.insert(*output_index, String::new()), None, "an item begins once");
            }
            ResponseStreamEvent::OutputTextDelta { output_index, delta, .. }
            | ResponseStreamEvent::RefusalDelta { output_index, delta, .. }
            | ResponseStreamEvent::ReasoningTextDelta { output_index, delta, .. }
            | ResponseStreamEvent::FunctionCallArgumentsDelta { output_index, delta, .. } => {
                texts.get_mut(output_index).unwrap().push_str(delta);
            }
            _ => {}
        }
    }
    texts
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the other kinds are never output")]
fn text_of(item: &Item) -> String {
    match item {
        Item::Message(MessageItem { content: ItemContent::Parts(parts), .. }) => match &parts[0] {
            ItemPart::OutputText { text, .. } | ItemPart::Refusal { refusal: text } => text.clone(),
            other => panic!("{other:?}"),
        },
        Item::FunctionCall(call) => call.arguments.clone(),
        Item::Reasoning(thinking) => thinking.text(),
        other => panic!("{other:?}"),
    }
}

/// Ids differ, because they are drawn in another order.
fn without_ids(response: &Response) -> Value {
    let mut value = serde_json::to_value(response).unwrap();
    for item in value["output"].as_array_mut().unwrap() {
        item["id"].take();
    }
    value
}

proptest! {
    #[test]
    fn a_stream_in_any_pieces_says_what_the_whole_answer_says(answer in answers(), size in 1_usize..9) {
        let (events, streamed) = stream_of(&chunks(&answer, size));
        let whole = from_chat(started(), whole(&answer), LATER, &*rng());
        prop_assert_eq!(without_ids(&streamed), without_ids(&whole));
        let texts: Vec<_> = put_together(&events).into_values().collect();
        prop_assert_eq!(texts, whole.output.iter().map(text_of).collect::<Vec<_>>());
        let added = events.iter().filter(|e| e.name() == "response.output_item.added").count();
        let done = events.iter().filter(|e| e.name() == "response.output_item.done").count();
        prop_assert_eq!(added, done);
    }

    #[test]
    fn no_body_makes_the_translation_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), noise in crate::samples::json()) {
        crate::probe::responses_request(&bytes);
        crate::probe::responses_request(&serde_json::to_vec(&noise).unwrap());
        crate::probe::responses_request(&serde_json::to_vec(&json!({"model": "m", "input": noise, "tools": noise, "tool_choice": noise, "text": noise})).unwrap());
    }
}
