//! From the chunks of a chat completion to the events of a message.

use std::sync::Arc;

use serde_json::Map;
use tenfold_kernel::{Rng, base62};

use super::error::MessagesError;
use super::event::{BlockDelta, MessageDelta, MessageStreamEvent as Event};
use super::from_chat::{start, stop_sequence};
use super::response::{ContentBlock, MessageUsage, StopReason};
use crate::chat::{ChatChunk, ChatDelta, FinishReason, ToolCallDelta};
use crate::translation::is_whole_object;
use crate::usage::Usage;

/// Turns chunks into events: [`MessageStream::start`] once, [`MessageStream::push`] for each chunk, and then
/// either [`MessageStream::finish`] or [`MessageStream::fail`] once.
///
/// The deltas of a block, put together, are the block that the same answer, unstreamed, has. Of the answer only
/// the arguments of calls are kept.
#[derive(Debug)]
pub struct MessageStream {
    model: String,
    rng: Arc<dyn Rng>,
    n_blocks: u32,
    /// Text or thinking that is being made, and its block.
    open: Option<(u32, TextKind)>,
    calls: Vec<Call>,
    finish_reason: Option<FinishReason>,
    stop_sequence: Option<String>,
    usage: Option<Usage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextKind {
    Thinking,
    Text,
    /// Refusals have no block of their own kind.
    Refusal,
}

/// A call that is being made. Without a name it has no block yet.
#[derive(Debug)]
struct Call {
    index: u32,
    id: String,
    name: String,
    arguments: String,
    block: Option<u32>,
    is_closed: bool,
}

impl MessageStream {
    /// A stream of an answer by `model`. `rng` makes the message's id.
    pub fn new(model: String, rng: Arc<dyn Rng>) -> Self {
        Self {
            model,
            rng,
            n_blocks: 0,
            open: None,
            calls: Vec::new(),
            finish_reason: None,
            stop_sequence: None,
            usage: None,
        }
    }

    /// The events before the first chunk. Token counts are known at the end only, and told there.
    pub fn start(&mut self) -> Vec<Event> {
        let message = Box::new(start(self.model.clone(), &*self.rng));
        vec![Event::MessageStart { message }, Event::Ping]
    }

    /// The events of one chunk.
    pub fn push(&mut self, chunk: &ChatChunk) -> Vec<Event> {
        let mut events = Vec::new();
        if let Some(usage) = &chunk.usage {
            self.usage = Some(usage.clone());
        }
        for choice in chunk.choices.iter().filter(|choice| choice.index == 0) {
            self.delta(&choice.delta, &mut events);
            self.finish_reason = choice.finish_reason.or(self.finish_reason);
            self.stop_sequence = stop_sequence(&choice.delta.extra).or_else(|| self.stop_sequence.take());
        }
        events
    }

    /// The events after the last chunk.
    pub fn finish(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        self.close_text(&mut events);
        for position in 0..self.calls.len() {
            self.close_call(position, &mut events);
        }
        let stop_sequence = self.stop_sequence.take();
        let stop_reason = StopReason::of(self.finish_reason, stop_sequence.as_ref());
        let usage = self.usage.as_ref().map(MessageUsage::from).unwrap_or_default();
        events.push(Event::MessageDelta { delta: MessageDelta { stop_reason, stop_sequence }, usage });
        events.push(Event::MessageStop);
        events
    }

    /// The events of a stream that broke. `kind` is the class of the error, such as `overloaded_error`; a client
    /// may read `message`.
    pub fn fail(&mut self, kind: &str, message: &str) -> Vec<Event> {
        vec![Event::Error { error: MessagesError { kind: kind.to_owned(), message: message.to_owned() } }]
    }

    fn delta(&mut self, delta: &ChatDelta, events: &mut Vec<Event>) {
        let texts = [
            (TextKind::Thinking, &delta.reasoning_content),
            (TextKind::Text, &delta.content),
            (TextKind::Refusal, &delta.refusal),
        ];
        for (kind, text) in texts {
            if let Some(text) = text.as_deref().filter(|t| !t.is_empty()) {
                self.text(kind, text.to_owned(), events);
            }
        }
        for call in delta.tool_calls.iter().flatten() {
            self.call(call, events);
        }
    }

    fn text(&mut self, kind: TextKind, text: String, events: &mut Vec<Event>) {
        let index = match self.open {
            Some((index, open)) if open == kind => index,
            Some(_) | None => {
                self.close_text(events);
                let content_block = match kind {
                    TextKind::Thinking => {
                        ContentBlock::Thinking { thinking: String::new(), signature: String::new() }
                    }
                    TextKind::Text | TextKind::Refusal => ContentBlock::Text { text: String::new() },
                };
                let index = self.open(content_block, events);
                self.open = Some((index, kind));
                index
            }
        };
        let delta = match kind {
            TextKind::Thinking => BlockDelta::ThinkingDelta { thinking: text },
            TextKind::Text | TextKind::Refusal => BlockDelta::TextDelta { text },
        };
        events.push(Event::ContentBlockDelta { index, delta });
    }

    fn open(&mut self, content_block: ContentBlock, events: &mut Vec<Event>) -> u32 {
        let index = self.n_blocks;
        self.n_blocks += 1;
        events.push(Event::ContentBlockStart { index, content_block });
        index
    }

    fn close_text(&mut self, events: &mut Vec<Event>) {
        if let Some((index, _)) = self.open.take() {
            events.push(Event::ContentBlockStop { index });
        }
    }

    fn call(&mut self, delta: &ToolCallDelta, events: &mut Vec<Event>) {
        self.close_text(events);
        let position = self.calls.iter().position(|call| call.index == delta.index).unwrap_or_else(|| {
            // Calls come one after the other. One that is not whole yet stays open, in case an upstream mixes.
            for i in 0..self.calls.len() {
                if is_whole_object(&self.calls[i].arguments) {
                    self.close_call(i, events);
                }
            }
            self.calls.push(Call::new(delta.index));
            self.calls.len() - 1
        });
        let call = &mut self.calls[position];
        if call.is_closed {
            // Its arguments are a whole object already; nothing can follow one.
            return;
        }
        if let Some(id) = delta.id.as_deref().filter(|_| call.id.is_empty()) {
            id.clone_into(&mut call.id);
        }
        let function = delta.function.as_ref();
        if let Some(name) = function.and_then(|f| f.name.as_deref()).filter(|_| call.name.is_empty()) {
            name.clone_into(&mut call.name);
        }
        let more = function.and_then(|f| f.arguments.as_deref()).unwrap_or_default();
        call.arguments.push_str(more);
        match call.block {
            Some(index) if !more.is_empty() => {
                let delta = BlockDelta::InputJsonDelta { partial_json: more.to_owned() };
                events.push(Event::ContentBlockDelta { index, delta });
            }
            None if !call.name.is_empty() => self.open_call(position, events),
            Some(_) | None => {}
        }
    }

    /// Shows a call, with the arguments that came before its name.
    fn open_call(&mut self, position: usize, events: &mut Vec<Event>) {
        let call = &mut self.calls[position];
        if call.id.is_empty() {
            call.id = format!("toolu_{}", base62(&*self.rng, 24));
        }
        let (id, name, partial_json) = (call.id.clone(), call.name.clone(), call.arguments.clone());
        let index = self.open(ContentBlock::ToolUse { id, name, input: Map::new() }, events);
        self.calls[position].block = Some(index);
        if !partial_json.is_empty() {
            events
                .push(Event::ContentBlockDelta { index, delta: BlockDelta::InputJsonDelta { partial_json } });
        }
    }

    fn close_call(&mut self, position: usize, events: &mut Vec<Event>) {
        if self.calls[position].is_closed {
            return;
        }
        if self.calls[position].block.is_none() {
            self.open_call(position, events);
        }
        let call = &mut self.calls[position];
        call.is_closed = true;
        if let Some(index) = call.block {
            events.push(Event::ContentBlockStop { index });
        }
    }
}

impl Call {
    fn new(index: u32) -> Self {
        Self {
            index,
            id: String::new(),
            name: String::new(),
            arguments: String::new(),
            block: None,
            is_closed: false,
        }
    }
}
