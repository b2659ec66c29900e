//! What a client gets.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::chat::FinishReason;
use crate::usage::Usage;

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// `msg_...`.
    pub id: String,
    /// `message`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `assistant`.
    pub role: String,
    /// The deployment that answered.
    pub model: String,
    /// What the model made.
    pub content: Vec<ContentBlock>,
    /// Why it ended; absent in the first event of a stream.
    #[serde(default)]
    pub stop_reason: Option<StopReason>,
    /// The text that ended it.
    #[serde(default)]
    pub stop_sequence: Option<String>,
    /// Token counts.
    pub usage: MessageUsage,
}

/// One block of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ContentBlock {
    /// Thinking before the answer.
    Thinking {
        /// The text.
        thinking: String,
        /// Empty: open models think in the open.
        signature: String,
    },
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// A call that the model asks for.
    ToolUse {
        /// Names the call; its result carries the same id.
        id: String,
        /// The function.
        name: String,
        /// Its arguments. Empty when the answer was cut off within them.
        #[schema(value_type = Object)]
        input: Map<String, Value>,
    },
}

/// Why a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The model ended it.
    EndTurn,
    /// The limit on tokens was reached.
    MaxTokens,
    /// One of the `stop_sequences` was met.
    StopSequence,
    /// Calls are asked for.
    ToolUse,
    /// A guard ended it.
    Refusal,
}

impl StopReason {
    /// What a chat completion's reason is called here.
    pub(super) fn of(reason: Option<FinishReason>, stop_sequence: Option<&String>) -> Self {
        match reason {
            Some(FinishReason::Length) => Self::MaxTokens,
            Some(FinishReason::ToolCalls | FinishReason::FunctionCall) => Self::ToolUse,
            Some(FinishReason::ContentFilter) => Self::Refusal,
            Some(FinishReason::Stop) | None if stop_sequence.is_some() => Self::StopSequence,
            Some(FinishReason::Stop) | None => Self::EndTurn,
        }
    }
}

/// Token counts of a message. Unlike in the OpenAI API, the three counts of the prompt are disjoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageUsage {
    /// Tokens of the prompt that were in no cache.
    pub input_tokens: u64,
    /// Tokens of the prompt written to a cache at a price. Always zero: ours costs nothing.
    #[serde(default)]
    pub cache_creation_input_tokens: u64,
    /// Tokens of the prompt found in a prefix cache.
    #[serde(default)]
    pub cache_read_input_tokens: u64,
    /// All tokens that were generated.
    pub output_tokens: u64,
    /// What they were, when told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens_details: Option<OutputTokensDetails>,
    /// `standard`; absent at the end of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
}

/// What generated tokens were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MessagesOutputTokensDetails)]
pub struct OutputTokensDetails {
    /// Thinking before the answer.
    pub thinking_tokens: u64,
}

impl From<&Usage> for MessageUsage {
    fn from(usage: &Usage) -> Self {
        // An upstream that claims more cached than there was must not make a count negative.
        let cached = usage.cached_tokens().min(usage.prompt_tokens);
        let thinking = usage.completion_tokens_details.as_ref().and_then(|d| d.reasoning_tokens);
        Self {
            input_tokens: usage.prompt_tokens - cached,
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: cached,
            output_tokens: usage.completion_tokens,
            output_tokens_details: thinking.map(|thinking_tokens| OutputTokensDetails { thinking_tokens }),
            service_tier: None,
        }
    }
}

/// How many tokens a message's request would have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenCount {
    /// Tokens of messages, system and tools.
    pub input_tokens: u64,
}
