//! What a client asks for.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A request for a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessagesRequest {
    /// The deployment's name.
    pub model: String,
    /// At most so many tokens are generated, thinking included.
    pub max_tokens: u32,
    /// The conversation so far, oldest first. The last message is the user's.
    pub messages: Vec<InputMessage>,
    /// The operator's instructions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<BlockContent>,
    /// 0..=1. Zero is greedy.
    #[serde(default, deserialize_with = "crate::number::finite", skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// 0..=1: nucleus sampling.
    #[serde(default, deserialize_with = "crate::number::finite", skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// Keep the `k` likeliest tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    /// Texts that end the answer; they are not part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_sequences: Option<Vec<String>>,
    /// Whether to stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// The functions that the model may call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<MessageTool>>,
    /// Whether it may, must not, or must call one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<MessageToolChoice>,
    /// Whose call this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Whether to think first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking: Option<Thinking>,
    /// The form of the answer, and how hard to try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_config: Option<OutputConfig>,
    /// `auto` or `standard_only`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// A hint; prefixes are found without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub cache_control: Option<Value>,
    /// Fields that this type does not name. They are refused by name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

impl MessagesRequest {
    /// Whether the answer is to be streamed.
    pub fn is_stream(&self) -> bool {
        self.stream.unwrap_or(false)
    }
}

/// A request to count the tokens that a message's request would have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CountTokensRequest {
    /// The deployment's name.
    pub model: String,
    /// The conversation so far, oldest first.
    pub messages: Vec<InputMessage>,
    /// The operator's instructions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<BlockContent>,
    /// The functions that the model may call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<MessageTool>>,
    /// Whether it may, must not, or must call one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<MessageToolChoice>,
    /// Whether to think first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking: Option<Thinking>,
    /// The form of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_config: Option<OutputConfig>,
    /// A hint; prefixes are found without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub cache_control: Option<Value>,
    /// Fields that this type does not name. They are refused by name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InputRole {
    /// The person, or the result of a call.
    User,
    /// The model.
    Assistant,
    /// The operator, in the middle of a conversation.
    System,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InputMessage {
    /// Who speaks.
    pub role: InputRole,
    /// What is said.
    pub content: BlockContent,
    /// Fields that this type does not name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// A text, or blocks.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum BlockContent {
    /// Plain text.
    Text(String),
    /// Blocks of several kinds.
    Blocks(Vec<Block>),
}

/// One block of a content.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = MessagesBlock)]
pub enum Block {
    /// Text.
    Text(TextBlock),
    /// A call that the model asked for.
    ToolUse(ToolUseBlock),
    /// The result of a call.
    ToolResult(ToolResultBlock),
    /// The model's thinking.
    Thinking(ThinkingBlock),
    /// A block of a kind that Tenfold does not have. It is kept so that it can be refused by name.
    #[schema(value_type = Object)]
    Other(Map<String, Value>),
}

/// Text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TextBlock {
    /// `text`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The text.
    pub text: String,
    /// `cache_control`, which is a hint, and fields that this type does not name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// A call that the model asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolUseBlock {
    /// `tool_use`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Names the call; its result carries the same id.
    pub id: String,
    /// The function.
    pub name: String,
    /// Its arguments.
    #[schema(value_type = Object)]
    pub input: Map<String, Value>,
    /// `cache_control`, which is a hint, and fields that this type does not name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// The result of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolResultBlock {
    /// `tool_result`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which call this answers.
    pub tool_use_id: String,
    /// What the function returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    pub content: Option<BlockContent>,
    /// Whether the call failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_error: Option<bool>,
    /// `cache_control`, which is a hint, and fields that this type does not name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// The model's thinking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ThinkingBlock {
    /// `thinking`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The text.
    pub thinking: String,
    /// Of no meaning here: open models think in the open.
    #[serde(default)]
    pub signature: String,
    /// Fields that this type does not name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// A function that the model may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageTool {
    /// `custom`, or absent.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Letters, digits, `_` and `-`.
    pub name: String,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A JSON schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    /// Whether arguments must follow the schema. Ours always do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
    /// `cache_control`, which is a hint, and fields that this type does not name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// Whether the model may call functions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageToolChoice {
    /// `auto`, `any`, `tool` or `none`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The one function that must be called, for `tool`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it must not call several at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disable_parallel_tool_use: Option<bool>,
}

/// Whose call this is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = MessagesMetadata)]
pub struct Metadata {
    /// The end user, for abuse reports.
    #[serde(default)]
    pub user_id: Option<String>,
    /// Fields that this type does not name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// Whether to think first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = MessagesThinking)]
pub struct Thinking {
    /// `enabled`, `adaptive` or `disabled`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How many tokens to think with, for `enabled`; less than `max_tokens`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_tokens: Option<u32>,
    /// Fields that this type does not name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// The form of the answer, and how hard to try.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutputConfig {
    /// `low`, `medium` or `high`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// JSON that follows a schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<OutputFormat>,
    /// Fields that this type does not name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// JSON that follows a schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutputFormat {
    /// `json_schema`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The schema.
    pub schema: Value,
}

// By hand rather than `untagged`, so that a mistake inside a block is reported as what it is.
impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Map::deserialize(deserializer)?;
        match fields.get("type").and_then(Value::as_str) {
            None => Err(D::Error::missing_field("type")),
            Some("text") => read(fields).map(Self::Text),
            Some("tool_use") => read(fields).map(Self::ToolUse),
            Some("tool_result") => read(fields).map(Self::ToolResult),
            Some("thinking") => read(fields).map(Self::Thinking),
            Some(_) => Ok(Self::Other(fields)),
        }
    }
}

fn read<T: serde::de::DeserializeOwned, E: serde::de::Error>(fields: Map<String, Value>) -> Result<T, E> {
    serde_json::from_value(Value::Object(fields)).map_err(E::custom)
}

impl<'de> Deserialize<'de> for BlockContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;
        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = BlockContent;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of content blocks")
            }
            fn visit_str<E>(self, text: &str) -> Result<BlockContent, E> {
                Ok(BlockContent::Text(text.to_owned()))
            }
            fn visit_string<E>(self, text: String) -> Result<BlockContent, E> {
                Ok(BlockContent::Text(text))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<BlockContent, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(BlockContent::Blocks)
            }
        }
        deserializer.deserialize_any(ContentVisitor)
    }
}
