use futures::future::join_all;
use serde_json::{Map, Value, json};
use tenfold_protocol::chat::{ChatMessage, ChatRequest, FinishReason, MessageRole, ResponseFormat};

use crate::model::{ask, chat, chunks, engine, text_of};

/// A generator that repeats itself.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// A schema of bounded answers.
fn schema(dice: &mut Dice, depth: u32) -> Value {
    match dice.below(if depth == 0 { 6 } else { 9 }) {
        0 => json!({"type": "boolean"}),
        1 => json!({"type": "integer", "minimum": 0, "maximum": 9 + dice.below(1000)}),
        2 => json!({"type": "string", "maxLength": 1 + dice.below(8)}),
        3 => json!({"enum": ["red", "green", 3, null]}),
        4 => json!({"type": "string", "pattern": "^[a-c]{2,4}$"}),
        5 => json!({"const": {"k": [1, "é"]}}),
        6 => {
            json!({"type": "array", "items": schema(dice, depth - 1), "minItems": dice.below(2), "maxItems": 3})
        }
        7 => json!({"anyOf": [schema(dice, depth - 1), {"type": "null"}]}),
        _ => {
            let names: Vec<String> = (0..=dice.below(3)).map(|i| format!("field {i}")).collect();
            let fields: Map<String, Value> =
                names.iter().map(|name| (name.clone(), schema(dice, depth - 1))).collect();
            let required = &names[..names.len() - usize::from(dice.below(2) == 0)];
            json!({"type": "object", "properties": fields, "required": required, "additionalProperties": false})
        }
    }
}

/// A check of its own for the keywords that [`schema`] uses; nothing of the grammar library.
fn is_valid(value: &Value, schema: &Value) -> bool {
    if let Some(expected) = schema.get("const") {
        return value == expected;
    }
    if let Some(Value::Array(options)) = schema.get("enum") {
        return options.contains(value);
    }
    if let Some(Value::Array(options)) = schema.get("anyOf") {
        return options.iter().any(|option| is_valid(value, option));
    }
    let number = |name: &str| schema.get(name).and_then(Value::as_u64);
    match schema["type"].as_str() {
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("integer") => value.as_u64().is_some_and(|n| number("maximum").is_none_or(|max| n <= max)),
        Some("string") => value.as_str().is_some_and(|text| {
            let length = text.chars().count() as u64;
            number("maxLength").is_none_or(|max| length <= max)
                && (schema.get("pattern").is_none()
                    || ((2..=4).contains(&length) && text.chars().all(|c| ('a'..='c').contains(&c))))
        }),
        Some("array") => value.as_array().is_some_and(|items| {
            let length = items.len() as u64;
            number("minItems").is_none_or(|min| length >= min)
                && number("maxItems").is_none_or(|max| length <= max)
                && items.iter().all(|item| is_valid(item, &schema["items"]))
        }),
        Some("object") => value.as_object().is_some_and(|fields| {
            schema["required"]
                .as_array()
                .unwrap()
                .iter()
                .all(|name| fields.contains_key(name.as_str().unwrap()))
                && fields.iter().all(|(name, field)| {
                    schema["properties"].get(name).is_some_and(|schema| is_valid(field, schema))
                })
        }),
        other => panic!("{other:?}"),
    }
}

fn with_schema(schema: &Value, seed: i64) -> ChatRequest {
    ChatRequest {
        response_format: serde_json::from_value(
            json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": true}}),
        )
        .unwrap(),
        temperature: Some(1.0),
        seed: Some(seed),
        ..chat("Give me an example.", 96)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_that_ends_follows_its_schema() {
    let engine = engine();
    let mut dice = Dice(11);
    let schemas: Vec<Value> = (0..210).map(|i| schema(&mut dice, i % 3)).collect();
    let mut whole = 0;
    for (round, schemas) in schemas.chunks(8).enumerate() {
        let seed = i64::try_from(round).unwrap();
        let answers = join_all(schemas.iter().map(|schema| ask(&engine, with_schema(schema, seed)))).await;
        for (schema, answer) in schemas.iter().zip(&answers) {
            if answer.choices[0].finish_reason == Some(FinishReason::Length) {
                continue;
            }
            whole += 1;
            let value: Value =
                serde_json::from_str(text_of(answer)).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
            assert!(is_valid(&value, schema), "{schema}\n{value}");
        }
    }
    println!("{whole} of 210 answers ended before their limit");
    assert!(whole >= 200, "{whole}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_json_object_is_an_object() {
    let engine = engine();
    for seed in 0..4 {
        let request = ChatRequest {
            response_format: Some(ResponseFormat::JsonObject),
            temperature: Some(1.0),
            seed: Some(seed),
            ..chat("Describe a person as JSON.", 80)
        };
        let answer = ask(&engine, request).await;
        if answer.choices[0].finish_reason == Some(FinishReason::Stop) {
            assert!(serde_json::from_str::<Map<String, Value>>(text_of(&answer)).is_ok(), "{answer:?}");
        }
        assert!(text_of(&answer).starts_with('{'));
    }
}

fn with_tools(choice: &Value) -> ChatRequest {
    ChatRequest {
        tools: serde_json::from_value(json!([
            {"type": "function", "function": {"name": "get_weather", "description": "The weather of a city", "parameters": {
                "type": "object", "properties": {"city": {"$ref": "#/$defs/city"}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
                "required": ["city", "days"], "additionalProperties": false, "$defs": {"city": {"enum": ["Paris", "Rome"]}}}}},
            {"type": "function", "function": {"name": "get_time"}},
        ]))
        .unwrap(),
        tool_choice: serde_json::from_value(choice.clone()).unwrap(),
        ..chat("What is the weather in Rome for the next three days?", 120)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_function_is_called_with_arguments_that_fit() {
    let engine = engine();
    let answer =
        ask(&engine, with_tools(&json!({"type": "function", "function": {"name": "get_weather"}}))).await;
    let choice = &answer.choices[0];
    assert_eq!(choice.finish_reason, Some(FinishReason::ToolCalls), "{answer:?}");
    let calls = choice.message.tool_calls.as_ref().unwrap();
    assert_eq!((calls.len(), calls[0].function.name.as_str()), (1, "get_weather"));
    assert!(calls[0].id.starts_with("call_"));
    let arguments: Value = serde_json::from_str(&calls[0].function.arguments).unwrap();
    assert!(["Paris", "Rome"].contains(&arguments["city"].as_str().unwrap()));
    assert!((1..=9).contains(&arguments["days"].as_u64().unwrap()));
    assert!(choice.message.content.as_deref().unwrap_or_default().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn required_calls_one_of_the_functions_and_streams_it_in_parts() {
    let engine = engine();
    let request = ChatRequest { parallel_tool_calls: Some(false), ..with_tools(&json!("required")) };
    let chunks = chunks(&engine, request).await;
    let parts: Vec<_> = chunks
        .iter()
        .flat_map(|c| &c.choices)
        .filter_map(|c| c.delta.tool_calls.as_ref())
        .flatten()
        .collect();
    let first = parts[0];
    let name = first.function.as_ref().unwrap().name.clone().unwrap();
    assert!(["get_weather", "get_time"].contains(&name.as_str()));
    assert!(first.id.is_some() && first.kind.as_deref() == Some("function"));
    assert!(parts[1..].iter().all(|part| part.id.is_none() && part.index == 0));
    let arguments: String =
        parts.iter().filter_map(|p| p.function.as_ref().and_then(|f| f.arguments.clone())).collect();
    serde_json::from_str::<Value>(&arguments).unwrap();
    assert!(parts.len() > 2);
    let reason = chunks.iter().flat_map(|c| &c.choices).find_map(|c| c.finish_reason);
    assert_eq!(reason, Some(FinishReason::ToolCalls));
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_is_free_text_until_a_call_begins_which_is_then_bound() {
    let engine = engine();
    let plain = ask(&engine, ChatRequest { max_tokens: Some(16), ..with_tools(&json!("auto")) }).await;
    assert_eq!(plain.choices[0].message.tool_calls, None);
    assert!(!text_of(&plain).is_empty());
    // A model this small calls when it has seen calls, with wrong arguments: the last city is not in the schema.
    let mut request = with_tools(&json!("auto"));
    let asked = |text: &str| ChatMessage::text(MessageRole::User, text);
    let called = |city: &str| ChatMessage {
        role: MessageRole::Assistant,
        tool_calls: serde_json::from_value(json!([{"id": "c", "type": "function", "function": {
            "name": "get_weather", "arguments": json!({"city": city, "days": 2}).to_string()}}]))
        .unwrap(),
        ..ChatMessage::default()
    };
    request.messages = vec![
        asked("Weather in Oslo for 2 days?"),
        called("Oslo"),
        asked("Weather in Bonn for 2 days?"),
        called("Bonn"),
        asked("Weather in Lima for 2 days?"),
        called("Lima"),
        asked("Weather in Cairo for 2 days?"),
    ];
    let answer = ask(&engine, request).await;
    let choice = &answer.choices[0];
    assert_eq!(choice.finish_reason, Some(FinishReason::ToolCalls), "{answer:?}");
    for call in choice.message.tool_calls.as_ref().unwrap() {
        let arguments: Value = serde_json::from_str(&call.function.arguments).unwrap();
        assert!(
            call.function.name != "get_weather"
                || ["Paris", "Rome"].contains(&arguments["city"].as_str().unwrap())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn none_calls_nothing() {
    let engine = engine();
    let answer = ask(&engine, with_tools(&json!("none"))).await;
    assert_eq!(answer.choices[0].message.tool_calls, None);
    assert_ne!(answer.choices[0].finish_reason, Some(FinishReason::ToolCalls));
}
