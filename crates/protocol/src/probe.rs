//! What must hold for any bytes that arrive: the properties that the fuzz targets and the ordinary tests share.
//!
//! Each function panics when its property does not hold, and is of no other use.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::chat::ChatRequest;
use crate::completion::CompletionRequest;
use crate::embedding::EmbeddingRequest;
use crate::messages::{self, CountTokensRequest, MessagesRequest};
use crate::responses::{self, ResponsesRequest};
use crate::sse::{Event, Reader};

/// Reading server-sent events does not depend on the pieces in which they arrive, and keeps its limit.
///
/// # Panics
/// When it does, or when what was read is more than what arrived.
pub fn sse_reader(bytes: &[u8], piece: usize) {
    let read = |piece: usize| {
        let mut reader = Reader::new(1 << 20);
        let mut events: Vec<Event> = Vec::new();
        let result = bytes.chunks(piece).try_for_each(|chunk| reader.push(chunk, &mut events));
        (result, events)
    };
    let (whole, pieces) = (read(bytes.len().max(1)), read(piece.max(1)));
    assert_eq!(whole, pieces, "pieces matter");
    let size: usize = whole.1.iter().map(|event| event.data.len()).sum();
    assert!(size <= bytes.len(), "more was read than arrived");
}

/// Reading a request, writing it and reading it again gives the same request.
///
/// # Panics
/// When it does not.
pub fn chat_request(bytes: &[u8]) {
    read_twice::<ChatRequest>(bytes);
}

/// As [`chat_request`].
///
/// # Panics
/// When it does not hold.
pub fn completion_request(bytes: &[u8]) {
    read_twice::<CompletionRequest>(bytes);
}

/// As [`chat_request`].
///
/// # Panics
/// When it does not hold.
pub fn embedding_request(bytes: &[u8]) {
    read_twice::<EmbeddingRequest>(bytes);
}

/// As [`chat_request`]; and what it is translated to is a chat request that reads back, of the same model.
///
/// # Panics
/// When it does not hold.
pub fn responses_request(bytes: &[u8]) {
    if let Some(request) = read_twice::<ResponsesRequest>(bytes)
        && let Ok(chat) = responses::to_chat(&request, &[])
    {
        assert_eq!(chat.model, request.model);
        chat_request(&written(&chat));
    }
}

/// As [`responses_request`], for messages and for counting their tokens.
///
/// # Panics
/// When it does not hold.
pub fn messages_request(bytes: &[u8]) {
    if let Some(request) = read_twice::<MessagesRequest>(bytes)
        && let Ok(chat) = messages::to_chat(&request)
    {
        assert_eq!(chat.max_completion_tokens, Some(request.max_tokens));
        chat_request(&written(&chat));
    }
    if let Some(request) = read_twice::<CountTokensRequest>(bytes)
        && let Ok(chat) = messages::count_to_chat(&request)
    {
        chat_request(&written(&chat));
    }
}

#[expect(clippy::expect_used, reason = "a wire type that cannot be written is a finding")]
fn written(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("wire types can be written")
}

#[expect(clippy::expect_used, reason = "a request that does not read back is a finding")]
fn read_twice<T: DeserializeOwned + Serialize + Debug>(bytes: &[u8]) -> Option<T> {
    let first: T = serde_json::from_slice(bytes).ok()?;
    let second: T = serde_json::from_slice(&written(&first)).expect("what was written reads back");
    assert!(
        same(&json_of(&first), &json_of(&second)),
        "reading what was written changed it: {first:?}, {second:?}"
    );
    Some(first)
}

#[expect(clippy::expect_used, reason = "a wire type that cannot be written is a finding")]
fn json_of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("wire types can be written")
}

/// Equality, but for the last bit of long fractions, which a reader of JSON may get wrong.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(x), Some(y)) if a.is_f64() => (x - y).abs() <= x.abs() * 1e-6,
            _ => a == b,
        },
        (
            Value::Null
            | Value::Bool(_)
            | Value::String(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_),
            _,
        ) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn all(bytes: &[u8]) {
        chat_request(bytes);
        completion_request(bytes);
        embedding_request(bytes);
        responses_request(bytes);
        messages_request(bytes);
    }

    #[test]
    fn a_number_that_is_no_f32_is_refused_rather_than_changed() {
        let body = br#"{"model": "m", "messages": [], "temperature": 1e300}"#;
        all(body);
        assert!(serde_json::from_slice::<ChatRequest>(body).is_err());
        let body = br#"{"model": "m", "messages": [], "logit_bias": {"1": -1e300}}"#;
        assert!(serde_json::from_slice::<ChatRequest>(body).is_err());
    }

    #[test]
    fn no_two_wire_types_have_the_same_name_in_the_description() {
        use utoipa::ToSchema;
        let mut schemas = Vec::new();
        ChatRequest::schemas(&mut schemas);
        crate::chat::ChatCompletion::schemas(&mut schemas);
        CompletionRequest::schemas(&mut schemas);
        EmbeddingRequest::schemas(&mut schemas);
        ResponsesRequest::schemas(&mut schemas);
        responses::ResponseStreamEvent::schemas(&mut schemas);
        MessagesRequest::schemas(&mut schemas);
        CountTokensRequest::schemas(&mut schemas);
        messages::Message::schemas(&mut schemas);
        messages::MessageStreamEvent::schemas(&mut schemas);
        let mut seen = std::collections::BTreeMap::new();
        for (name, schema) in schemas {
            let schema = serde_json::to_value(&schema).unwrap();
            let other = seen.insert(name.clone(), schema.clone());
            assert!(other.is_none_or(|other| other == schema), "{name}");
        }
        assert!(seen.contains_key("ResponsesItem") && seen.contains_key("ToolResultBlock"));
    }

    proptest! {
        #[test]
        fn bytes_never_break_a_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300), piece in 0_usize..20) {
            all(&bytes);
            sse_reader(&bytes, piece);
        }

        #[test]
        fn lines_never_break_the_reader_of_events(text in "(data|event|id|:| |\u{feff}|x|\r|\n|\r\n|é){0,60}", piece in 0_usize..20) {
            sse_reader(text.as_bytes(), piece);
        }

        #[test]
        fn json_never_breaks_a_reader(
            fields in proptest::collection::btree_map(proptest::sample::select(FIELDS), crate::samples::json(), 0..6),
            number in any::<f64>(),
        ) {
            let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "prompt": "x",
                "input": "x", "max_tokens": 5, "temperature": number});
            all(&serde_json::to_vec(&body).unwrap());
            body.as_object_mut().unwrap().remove("temperature");
            body.as_object_mut().unwrap().extend(fields.into_iter().map(|(k, v): (&str, Value)| (k.to_owned(), v)));
            all(&serde_json::to_vec(&body).unwrap());
        }
    }

    const FIELDS: &[&str] = &[
        "messages",
        "prompt",
        "input",
        "tools",
        "tool_choice",
        "response_format",
        "text",
        "stop",
        "system",
        "metadata",
        "stream_options",
        "logit_bias",
        "reasoning",
        "thinking",
        "include",
        "output_config",
        "nonsense",
    ];
}
