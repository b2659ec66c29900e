//! `/v1/responses`, and its translation to and from chat completions.
//!
//! Every model answers chat requests, so the Responses API is a way of speaking, not a second engine:
//! [`to_chat`] turns a request and the items before it into a chat request, [`from_chat`] turns a whole answer
//! back, and [`ResponseStream`] turns the chunks of one into the events that clients of the API expect.
//!
//! Source: the OpenAI API reference, responses; the event order is that of its streaming guide.

mod event;
mod from_chat;
mod item;
mod request;
mod response;
mod stream;
#[cfg(test)]
mod tests;
mod to_chat;

pub use event::{ReasoningPart, ResponseStreamEvent, StreamPart};
pub use from_chat::from_chat;
pub use item::{
    FunctionCallItem, FunctionCallOutputItem, Item, ItemContent, ItemPart, ItemStatus, MessageItem,
    ReasoningItem, ReasoningText,
};
pub use request::{FunctionTool, Input, ReasoningConfig, ResponsesRequest, TextConfig, TextFormat};
pub use response::{
    IncompleteDetails, IncompleteReason, InputTokensDetails, OutputTokensDetails, Response, ResponseDeleted,
    ResponseError, ResponseStatus, ResponseUsage,
};
pub use stream::ResponseStream;
pub use to_chat::to_chat;
