//! What a client asks for.

use std::fmt;

use serde::de::{SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use tenfold_kernel::Rng;
use utoipa::ToSchema;

use super::item::{Item, ItemPart, ItemStatus, MessageItem, new_id};
use crate::chat::MessageRole;

/// A request for a response.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResponsesRequest {
    /// The deployment's name.
    pub model: String,
    /// A text, or items, oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Input>,
    /// What the model is told before everything else. Not carried over from an earlier response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// The response that this one goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_response_id: Option<String>,
    /// At most so many tokens are generated, thinking included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// 0..=2. Zero is greedy.
    #[serde(default, deserialize_with = "crate::number::finite", skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// 0..=1: nucleus sampling.
    #[serde(default, deserialize_with = "crate::number::finite", skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// 0..=20: how many of the likeliest tokens to name at each place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_logprobs: Option<u32>,
    /// The functions that the model may call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<FunctionTool>>,
    /// `none`, `auto`, `required`, `{"type": "function", "name": ...}`, or
    /// `{"type": "allowed_tools", "mode": ..., "tools": [...]}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<Value>,
    /// Whether it may call several at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextConfig>,
    /// How much to think.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<ReasoningConfig>,
    /// Whether to keep the response; true when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<bool>,
    /// Whether to stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// What to stream besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub stream_options: Option<Map<String, Value>>,
    /// Whether to answer at once and go on working.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<bool>,
    /// Labels of the caller's own; they are recorded with the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
    /// `disabled`: a conversation that is too long is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncation: Option<String>,
    /// What to return besides: `message.output_text.logprobs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<Vec<String>>,
    /// The end user, for abuse reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The newer name of `user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety_identifier: Option<String>,
    /// A hint; prefixes are found without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_cache_key: Option<String>,
    /// `auto` or `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// Fields that this type does not name. They are refused by name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

impl ResponsesRequest {
    /// Whether the answer is to be streamed.
    pub fn is_stream(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    /// Whether the response is to be kept.
    pub fn is_stored(&self) -> bool {
        self.store.unwrap_or(true)
    }

    /// The request's input as items with ids, as they are kept and listed.
    pub fn input_items(&self, rng: &dyn Rng) -> Vec<Item> {
        match &self.input {
            None => Vec::new(),
            Some(Input::Text(text)) => {
                let parts = vec![ItemPart::InputText { text: text.clone() }];
                let id = new_id("msg_", rng);
                vec![Item::Message(MessageItem::new(id, ItemStatus::Completed, MessageRole::User, parts))]
            }
            Some(Input::Items(items)) => {
                let mut items = items.clone();
                for item in &mut items {
                    item.ensure_id(rng);
                }
                items
            }
        }
    }
}

/// What the model is to answer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ResponsesInput)]
pub enum Input {
    /// What a person says.
    Text(String),
    /// Several items.
    Items(Vec<Item>),
}

// By hand rather than `untagged`, so that a mistake inside an item is reported where it is.
impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InputVisitor;
        impl<'de> Visitor<'de> for InputVisitor {
            type Value = Input;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of items")
            }
            fn visit_str<E>(self, text: &str) -> Result<Input, E> {
                Ok(Input::Text(text.to_owned()))
            }
            fn visit_string<E>(self, text: String) -> Result<Input, E> {
                Ok(Input::Text(text))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Input, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Input::Items)
            }
        }
        deserializer.deserialize_any(InputVisitor)
    }
}

/// A function that the model may call. Other kinds of tools are read so that they can be refused by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FunctionTool {
    /// `function`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Letters, digits, `_` and `-`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it does.
    #[serde(default)]
    pub description: Option<String>,
    /// A JSON schema.
    #[serde(default)]
    pub parameters: Option<Value>,
    /// Whether arguments must follow the schema. Ours always do.
    #[serde(default)]
    pub strict: Option<bool>,
    /// Fields that this type does not name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// The form of the answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TextConfig {
    /// Text, or JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<TextFormat>,
    /// Fields that this type does not name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// Text, or JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TextFormat {
    /// Free text.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema {
        /// Its name.
        name: String,
        /// What it is for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// The schema.
        schema: Value,
        /// Whether the answer must follow it. Ours always does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
}

/// How much to think.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReasoningConfig {
    /// `none`, `minimal`, `low`, `medium`, `high`.
    #[serde(default)]
    pub effort: Option<String>,
    /// Must be absent: thinking is returned whole.
    #[serde(default)]
    pub summary: Option<String>,
    /// Fields that this type does not name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}
