//! From a whole chat completion to a message.

use serde_json::{Map, Value};
use tenfold_kernel::{Rng, base62};

use super::response::{ContentBlock, Message, MessageUsage, StopReason};
use crate::chat::{ChatChoice, ChatCompletion};

/// The field of an answer's message, or of a stream's last delta, in which an engine says which of the `stop`
/// texts was met.
pub const STOP_SEQUENCE: &str = "stop_sequence";

/// Says as a message what `completion` says in its first choice. `rng` makes the message's id.
pub fn from_chat(completion: ChatCompletion, rng: &dyn Rng) -> Message {
    let usage = completion.usage.as_ref().map(MessageUsage::from).unwrap_or_default();
    let mut message = start(completion.model, rng);
    message.usage = MessageUsage { service_tier: message.usage.service_tier, ..usage };
    if let Some(choice) = completion.choices.into_iter().next() {
        message.stop_sequence = stop_sequence(&choice.message.extra);
        message.stop_reason = Some(StopReason::of(choice.finish_reason, message.stop_sequence.as_ref()));
        message.content = blocks(choice);
    }
    message
}

/// A message without content.
pub(super) fn start(model: String, rng: &dyn Rng) -> Message {
    Message {
        id: format!("msg_{}", base62(rng, 24)),
        kind: "message".to_owned(),
        role: "assistant".to_owned(),
        model,
        content: Vec::new(),
        stop_reason: None,
        stop_sequence: None,
        usage: MessageUsage { service_tier: Some("standard".to_owned()), ..MessageUsage::default() },
    }
}

/// The stop text that an engine says was met.
pub(super) fn stop_sequence(extra: &Map<String, Value>) -> Option<String> {
    extra.get(STOP_SEQUENCE).and_then(Value::as_str).map(str::to_owned)
}

fn blocks(choice: ChatChoice) -> Vec<ContentBlock> {
    let message = choice.message;
    let mut blocks = Vec::new();
    if let Some(thinking) = message.reasoning_content.filter(|t| !t.is_empty()) {
        blocks.push(ContentBlock::Thinking { thinking, signature: String::new() });
    }
    // Refusals have no block of their own.
    for text in [message.content, message.refusal].into_iter().flatten().filter(|t| !t.is_empty()) {
        blocks.push(ContentBlock::Text { text });
    }
    for call in message.tool_calls.into_iter().flatten() {
        let input = serde_json::from_str(&call.function.arguments).unwrap_or_default();
        blocks.push(ContentBlock::ToolUse { id: call.id, name: call.function.name, input });
    }
    blocks
}
