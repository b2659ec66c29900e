//! The events of a streamed message.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::MessagesError;
use super::response::{ContentBlock, Message, MessageUsage, StopReason};

/// One event of a streamed message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MessageStreamEvent {
    /// The first event.
    MessageStart {
        /// The message without content.
        message: Box<Message>,
    },
    /// A sign of life.
    Ping,
    /// A block begins.
    ContentBlockStart {
        /// Which.
        index: u32,
        /// The block without content.
        content_block: ContentBlock,
    },
    /// More of a block.
    ContentBlockDelta {
        /// Which.
        index: u32,
        /// What came.
        delta: BlockDelta,
    },
    /// A block is whole.
    ContentBlockStop {
        /// Which.
        index: u32,
    },
    /// The end is known.
    MessageDelta {
        /// Why it ended.
        delta: MessageDelta,
        /// Token counts of the whole message.
        usage: MessageUsage,
    },
    /// The last event.
    MessageStop,
    /// The last event of a stream that broke.
    Error {
        /// What went wrong.
        error: MessagesError,
    },
}

/// More of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BlockDelta {
    /// Of text.
    TextDelta {
        /// The new text.
        text: String,
    },
    /// Of a call's arguments.
    InputJsonDelta {
        /// More of the arguments' JSON.
        partial_json: String,
    },
    /// Of thinking.
    ThinkingDelta {
        /// The new text.
        thinking: String,
    },
}

/// Why a message ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageDelta {
    /// The reason.
    pub stop_reason: StopReason,
    /// The text that ended it.
    pub stop_sequence: Option<String>,
}

impl MessageStreamEvent {
    /// The event's name, for the `event` field of a server-sent event.
    pub fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::Ping => "ping",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
            Self::Error { .. } => "error",
        }
    }
}
