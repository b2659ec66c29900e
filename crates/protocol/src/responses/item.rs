//! What a conversation is made of in the Responses API. The same items go in and come out.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use tenfold_kernel::{Rng, base62};
use utoipa::ToSchema;

use crate::chat::{MessageRole, TokenLogprob};

/// One item of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ResponsesItem)]
pub enum Item {
    /// Something said.
    Message(MessageItem),
    /// A call that the model asks for.
    FunctionCall(FunctionCallItem),
    /// The result of a call.
    FunctionCallOutput(FunctionCallOutputItem),
    /// The model's thinking.
    Reasoning(ReasoningItem),
    /// An item of a kind that Tenfold does not have. It is kept so that it can be refused by name.
    #[schema(value_type = Object)]
    Other(Map<String, Value>),
}

/// Something said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageItem {
    /// `msg_...`; given by the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `message`.
    #[serde(rename = "type", default = "message_kind")]
    pub kind: String,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ItemStatus>,
    /// Who speaks.
    pub role: MessageRole,
    /// What is said.
    pub content: ItemContent,
    /// Fields that this type does not name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// A call that the model asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FunctionCallItem {
    /// `fc_...`; given by the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `function_call`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ItemStatus>,
    /// Names the call; its result carries the same id.
    pub call_id: String,
    /// The function.
    pub name: String,
    /// JSON, as text.
    pub arguments: String,
    /// Fields that this type does not name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// The result of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FunctionCallOutputItem {
    /// `fco_...`; given by the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `function_call_output`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ItemStatus>,
    /// Which call this answers.
    pub call_id: String,
    /// What the function returned.
    pub output: ItemContent,
    /// Fields that this type does not name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// The model's thinking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReasoningItem {
    /// `rs_...`; given by the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `reasoning`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Summaries. Open models think in the open, so there are none of ours.
    #[serde(default)]
    pub summary: Vec<ReasoningText>,
    /// The thinking itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Vec<ReasoningText>>,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ItemStatus>,
    /// Fields that this type does not name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// A piece of thinking or of its summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReasoningText {
    /// `reasoning_text` or `summary_text`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The text.
    pub text: String,
}

/// How far an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// It is being made.
    InProgress,
    /// It is whole.
    Completed,
    /// It was cut off.
    Incomplete,
}

/// The content of a message, or what a function returned: a text, or parts.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ItemContent {
    /// Plain text.
    Text(String),
    /// Parts of several kinds.
    Parts(Vec<ItemPart>),
}

/// One part of a content.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ItemPart {
    /// Text that was given.
    InputText {
        /// The text.
        text: String,
    },
    /// Text that the model made.
    OutputText {
        /// The text.
        text: String,
        /// What its places refer to. Always empty for now.
        #[schema(value_type = Vec<Object>)]
        annotations: Vec<Value>,
        /// Log-probabilities, when asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        logprobs: Option<Vec<TokenLogprob>>,
    },
    /// What the model said instead of an answer.
    Refusal {
        /// The words.
        refusal: String,
    },
    /// A part of a kind that Tenfold does not have. It is kept so that it can be refused by name.
    #[serde(untagged)]
    #[schema(value_type = Object)]
    Other(Map<String, Value>),
}

fn message_kind() -> String {
    "message".to_owned()
}

impl MessageItem {
    /// A message of parts.
    pub fn new(id: String, status: ItemStatus, role: MessageRole, parts: Vec<ItemPart>) -> Self {
        Self {
            id: Some(id),
            kind: message_kind(),
            status: Some(status),
            role,
            content: ItemContent::Parts(parts),
            extra: Map::new(),
        }
    }
}

impl FunctionCallItem {
    /// A call.
    pub fn new(id: String, status: ItemStatus, call_id: String, name: String, arguments: String) -> Self {
        let kind = "function_call".to_owned();
        Self { id: Some(id), kind, status: Some(status), call_id, name, arguments, extra: Map::new() }
    }
}

impl ReasoningItem {
    /// Thinking.
    pub fn new(id: String, status: ItemStatus, text: Option<String>) -> Self {
        let content = text.map(|text| vec![ReasoningText { kind: "reasoning_text".to_owned(), text }]);
        Self {
            id: Some(id),
            kind: "reasoning".to_owned(),
            summary: Vec::new(),
            content: Some(content.unwrap_or_default()),
            status: Some(status),
            extra: Map::new(),
        }
    }

    /// The thinking, or where there is none its summary.
    pub fn text(&self) -> String {
        let content = self.content.as_deref().unwrap_or_default();
        let texts = if content.is_empty() { &self.summary } else { content };
        texts.iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join("\n")
    }
}

impl Item {
    /// The item's id, when it has one.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Message(item) => item.id.as_deref(),
            Self::FunctionCall(item) => item.id.as_deref(),
            Self::FunctionCallOutput(item) => item.id.as_deref(),
            Self::Reasoning(item) => item.id.as_deref(),
            Self::Other(fields) => fields.get("id").and_then(Value::as_str),
        }
    }

    /// Says how far the item is.
    pub(super) fn mark(&mut self, status: ItemStatus) {
        match self {
            Self::Message(item) => item.status = Some(status),
            Self::FunctionCall(item) => item.status = Some(status),
            Self::FunctionCallOutput(item) => item.status = Some(status),
            Self::Reasoning(item) => item.status = Some(status),
            Self::Other(_) => {}
        }
    }

    /// Gives the item an id where it has none, as the list of a response's input items needs.
    pub fn ensure_id(&mut self, rng: &dyn Rng) {
        let (id, prefix) = match self {
            Self::Message(item) => (&mut item.id, "msg_"),
            Self::FunctionCall(item) => (&mut item.id, "fc_"),
            Self::FunctionCallOutput(item) => (&mut item.id, "fco_"),
            Self::Reasoning(item) => (&mut item.id, "rs_"),
            Self::Other(_) => return,
        };
        id.get_or_insert_with(|| new_id(prefix, rng));
    }
}

/// A new id of an item.
pub(super) fn new_id(prefix: &str, rng: &dyn Rng) -> String {
    format!("{prefix}{}", base62(rng, 24))
}

// By hand rather than `untagged`, so that a mistake inside an item is reported as what it is, and because the
// type of a message may be left out.
impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Map::deserialize(deserializer)?;
        let kind = match fields.get("type") {
            None | Some(Value::Null) if fields.contains_key("role") => Cow::Borrowed("message"),
            None | Some(Value::Null) => Cow::Borrowed("item_reference"),
            Some(Value::String(kind)) => Cow::Owned(kind.clone()),
            Some(_) => return Err(D::Error::custom("`type` must be a string")),
        };
        match kind.as_ref() {
            "message" => {
                let mut fields = fields;
                fields.insert("type".to_owned(), kind.as_ref().into());
                read(fields).map(Self::Message)
            }
            "function_call" => read(fields).map(Self::FunctionCall),
            "function_call_output" => read(fields).map(Self::FunctionCallOutput),
            "reasoning" => read(fields).map(Self::Reasoning),
            _ => Ok(Self::Other(fields)),
        }
    }
}

fn read<T: serde::de::DeserializeOwned, E: serde::de::Error>(fields: Map<String, Value>) -> Result<T, E> {
    serde_json::from_value(Value::Object(fields)).map_err(E::custom)
}

impl<'de> Deserialize<'de> for ItemPart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Words {
            text: String,
            #[serde(default)]
            annotations: Option<Vec<Value>>,
            #[serde(default)]
            logprobs: Option<Vec<TokenLogprob>>,
        }
        #[derive(Deserialize)]
        struct Refused {
            refusal: String,
        }
        let fields = Map::deserialize(deserializer)?;
        let kind =
            fields.get("type").and_then(Value::as_str).ok_or_else(|| D::Error::missing_field("type"))?;
        match kind {
            "input_text" => read::<Words, _>(fields).map(|part| Self::InputText { text: part.text }),
            "output_text" => read::<Words, _>(fields).map(|part| Self::OutputText {
                text: part.text,
                annotations: part.annotations.unwrap_or_default(),
                logprobs: part.logprobs,
            }),
            "refusal" => read::<Refused, _>(fields).map(|part| Self::Refusal { refusal: part.refusal }),
            _ => Ok(Self::Other(fields)),
        }
    }
}

impl<'de> Deserialize<'de> for ItemContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;
        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = ItemContent;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of content parts")
            }
            fn visit_str<E>(self, text: &str) -> Result<ItemContent, E> {
                Ok(ItemContent::Text(text.to_owned()))
            }
            fn visit_string<E>(self, text: String) -> Result<ItemContent, E> {
                Ok(ItemContent::Text(text))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<ItemContent, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(ItemContent::Parts)
            }
        }
        deserializer.deserialize_any(ContentVisitor)
    }
}
