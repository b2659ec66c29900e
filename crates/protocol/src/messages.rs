//! `/v1/messages` and `/v1/messages/count_tokens`, and their translation to and from chat completions.
//!
//! Every model answers chat requests, so Anthropic's API is a way of speaking, not a second engine: [`to_chat`]
//! turns a request into a chat request, [`from_chat`] turns a whole answer back, and [`MessageStream`] turns the
//! chunks of one into the events that clients of the API expect.
//!
//! Two things have no word in the chat API. A result that is an error (`is_error`) is told to the model as text
//! that begins with `Error: `. Which of the `stop_sequences` was met is read from the field [`STOP_SEQUENCE`],
//! which an engine may set in an answer's message or in a stream's last delta.
//!
//! Source: the Anthropic API reference, messages, token counting, errors and streaming.

mod error;
mod event;
mod from_chat;
mod request;
mod response;
mod stream;
#[cfg(test)]
mod tests;
mod to_chat;

pub use error::{MessagesError, MessagesErrorBody};
pub use event::{BlockDelta, MessageDelta, MessageStreamEvent};
pub use from_chat::{STOP_SEQUENCE, from_chat};
pub use request::{
    Block, BlockContent, CountTokensRequest, InputMessage, InputRole, MessageTool, MessageToolChoice,
    MessagesRequest, Metadata, OutputConfig, OutputFormat, TextBlock, Thinking, ThinkingBlock,
    ToolResultBlock, ToolUseBlock,
};
pub use response::{ContentBlock, Message, MessageUsage, OutputTokensDetails, StopReason, TokenCount};
pub use stream::MessageStream;
pub use to_chat::{count_to_chat, to_chat};
