//! The events of a streamed response.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::item::{Item, ItemPart, ReasoningText};
use super::response::Response;
use crate::chat::TokenLogprob;

/// One event of a streamed response. `sequence_number` counts from zero without gaps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type")]
#[expect(
    missing_docs,
    reason = "the fields say the same in every event: which item, which part of it, what came"
)]
pub enum ResponseStreamEvent {
    /// The first event.
    #[serde(rename = "response.created")]
    Created { sequence_number: u64, response: Box<Response> },
    /// Work begins.
    #[serde(rename = "response.in_progress")]
    InProgress { sequence_number: u64, response: Box<Response> },
    /// An item begins.
    #[serde(rename = "response.output_item.added")]
    OutputItemAdded { sequence_number: u64, output_index: u32, item: Box<Item> },
    /// A part of a message or of thinking begins.
    #[serde(rename = "response.content_part.added")]
    ContentPartAdded {
        sequence_number: u64,
        item_id: String,
        output_index: u32,
        content_index: u32,
        part: StreamPart,
    },
    /// More text.
    #[serde(rename = "response.output_text.delta")]
    OutputTextDelta {
        sequence_number: u64,
        item_id: String,
        output_index: u32,
        content_index: u32,
        delta: String,
        logprobs: Vec<TokenLogprob>,
    },
    /// The whole text.
    #[serde(rename = "response.output_text.done")]
    OutputTextDone {
        sequence_number: u64,
        item_id: String,
        output_index: u32,
        content_index: u32,
        text: String,
        logprobs: Vec<TokenLogprob>,
    },
    /// More of a refusal.
    #[serde(rename = "response.refusal.delta")]
    RefusalDelta {
        sequence_number: u64,
        item_id: String,
        output_index: u32,
        content_index: u32,
        delta: String,
    },
    /// The whole refusal.
    #[serde(rename = "response.refusal.done")]
    RefusalDone {
        sequence_number: u64,
        item_id: String,
        output_index: u32,
        content_index: u32,
        refusal: String,
    },
    /// More thinking.
    #[serde(rename = "response.reasoning_text.delta")]
    ReasoningTextDelta {
        sequence_number: u64,
        item_id: String,
        output_index: u32,
        content_index: u32,
        delta: String,
    },
    /// The whole thinking.
    #[serde(rename = "response.reasoning_text.done")]
    ReasoningTextDone {
        sequence_number: u64,
        item_id: String,
        output_index: u32,
        content_index: u32,
        text: String,
    },
    /// A part is whole.
    #[serde(rename = "response.content_part.done")]
    ContentPartDone {
        sequence_number: u64,
        item_id: String,
        output_index: u32,
        content_index: u32,
        part: StreamPart,
    },
    /// More of a call's arguments.
    #[serde(rename = "response.function_call_arguments.delta")]
    FunctionCallArgumentsDelta { sequence_number: u64, item_id: String, output_index: u32, delta: String },
    /// A call's whole arguments.
    #[serde(rename = "response.function_call_arguments.done")]
    FunctionCallArgumentsDone {
        sequence_number: u64,
        item_id: String,
        output_index: u32,
        name: String,
        arguments: String,
    },
    /// An item is whole.
    #[serde(rename = "response.output_item.done")]
    OutputItemDone { sequence_number: u64, output_index: u32, item: Box<Item> },
    /// The last event: all went well.
    #[serde(rename = "response.completed")]
    Completed { sequence_number: u64, response: Box<Response> },
    /// The last event: it was cut off.
    #[serde(rename = "response.incomplete")]
    Incomplete { sequence_number: u64, response: Box<Response> },
    /// The last event: it failed.
    #[serde(rename = "response.failed")]
    Failed { sequence_number: u64, response: Box<Response> },
}

/// A part of a message, or of thinking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum StreamPart {
    /// Of thinking.
    Reasoning(ReasoningPart),
    /// Of a message.
    Message(ItemPart),
}

/// A part of thinking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReasoningPart {
    /// The thinking itself.
    ReasoningText {
        /// The text.
        text: String,
    },
}

impl From<&ReasoningText> for ReasoningPart {
    fn from(text: &ReasoningText) -> Self {
        Self::ReasoningText { text: text.text.clone() }
    }
}

impl ResponseStreamEvent {
    /// The event's name, for the `event` field of a server-sent event.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Created { .. } => "response.created",
            Self::InProgress { .. } => "response.in_progress",
            Self::OutputItemAdded { .. } => "response.output_item.added",
            Self::ContentPartAdded { .. } => "response.content_part.added",
            Self::OutputTextDelta { .. } => "response.output_text.delta",
            Self::OutputTextDone { .. } => "response.output_text.done",
            Self::RefusalDelta { .. } => "response.refusal.delta",
            Self::RefusalDone { .. } => "response.refusal.done",
            Self::ReasoningTextDelta { .. } => "response.reasoning_text.delta",
            Self::ReasoningTextDone { .. } => "response.reasoning_text.done",
            Self::ContentPartDone { .. } => "response.content_part.done",
            Self::FunctionCallArgumentsDelta { .. } => "response.function_call_arguments.delta",
            Self::FunctionCallArgumentsDone { .. } => "response.function_call_arguments.done",
            Self::OutputItemDone { .. } => "response.output_item.done",
            Self::Completed { .. } => "response.completed",
            Self::Incomplete { .. } => "response.incomplete",
            Self::Failed { .. } => "response.failed",
        }
    }
}
