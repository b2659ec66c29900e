//! From the chunks of a chat completion to the events of a response.

use std::sync::Arc;

use tenfold_kernel::{Rng, Timestamp};

use super::event::{ReasoningPart, ResponseStreamEvent as Event, StreamPart};
use super::from_chat::{end, incomplete_reason, with_bytes};
use super::item::{FunctionCallItem, Item, ItemPart, ItemStatus, MessageItem, ReasoningItem, new_id};
use super::response::Response;
use crate::chat::{ChatChunk, ChatDelta, FinishReason, MessageRole, TokenLogprob, ToolCallDelta};
use crate::translation::is_whole_object;
use crate::usage::Usage;

/// Turns chunks into events: [`ResponseStream::start`] once, [`ResponseStream::push`] for each chunk, and then
/// either [`ResponseStream::finish`] or [`ResponseStream::fail`] once.
///
/// The deltas of an item, put together, are the item; items and the response at the end are those that the
/// same answer, unstreamed, has. Memory grows with the answer, because the last event repeats it.
#[derive(Debug)]
pub struct ResponseStream {
    response: Response,
    rng: Arc<dyn Rng>,
    sequence_number: u64,
    /// Text or thinking that is being made, and its place in the output.
    open: Option<(usize, OpenText)>,
    calls: Vec<Call>,
    finish_reason: Option<FinishReason>,
    usage: Option<Usage>,
}

#[derive(Debug)]
struct OpenText {
    kind: TextKind,
    item_id: String,
    text: String,
    logprobs: Vec<TokenLogprob>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextKind {
    Reasoning,
    Text,
    Refusal,
}

/// A call that is being made. Without a name it has no place in the output yet.
#[derive(Debug)]
struct Call {
    index: u32,
    id: String,
    name: String,
    arguments: String,
    item: Option<(usize, String)>,
    is_closed: bool,
}

impl ResponseStream {
    /// A stream of `response`, as [`Response::start`] made it. `rng` makes the ids of its items.
    pub fn new(response: Response, rng: Arc<dyn Rng>) -> Self {
        Self {
            response,
            rng,
            sequence_number: 0,
            open: None,
            calls: Vec::new(),
            finish_reason: None,
            usage: None,
        }
    }

    /// The response as far as it is: what to keep once the stream has ended, and what to bill when it breaks.
    pub fn response(&self) -> &Response {
        &self.response
    }

    /// The events before the first chunk.
    pub fn start(&mut self) -> Vec<Event> {
        let response = Box::new(self.response.clone());
        vec![
            Event::Created { sequence_number: self.next(), response: response.clone() },
            Event::InProgress { sequence_number: self.next(), response },
        ]
    }

    /// The events of one chunk.
    pub fn push(&mut self, chunk: &ChatChunk) -> Vec<Event> {
        let mut events = Vec::new();
        if let Some(usage) = &chunk.usage {
            self.usage = Some(usage.clone());
        }
        for choice in chunk.choices.iter().filter(|choice| choice.index == 0) {
            let logprobs = choice.logprobs.as_ref().and_then(|l| l.content.clone()).unwrap_or_default();
            self.delta(&choice.delta, with_bytes(logprobs), &mut events);
            self.finish_reason = choice.finish_reason.or(self.finish_reason);
        }
        events
    }

    /// The events after the last chunk.
    pub fn finish(&mut self, now: Timestamp) -> Vec<Event> {
        let mut events = Vec::new();
        if self.response.output.is_empty() && self.calls.is_empty() {
            // An answer without a token is still an answer.
            self.open(TextKind::Text, &mut events);
        }
        let is_incomplete = incomplete_reason(self.finish_reason).is_some();
        self.close_all(
            if is_incomplete { ItemStatus::Incomplete } else { ItemStatus::Completed },
            &mut events,
        );
        end(&mut self.response, self.finish_reason, self.usage.as_ref(), now);
        let (sequence_number, response) = (self.next(), Box::new(self.response.clone()));
        events.push(if is_incomplete {
            Event::Incomplete { sequence_number, response }
        } else {
            Event::Completed { sequence_number, response }
        });
        events
    }

    /// The events of a stream that broke. `code` is `server_error` or `rate_limit_exceeded`; a client may read
    /// `message`.
    pub fn fail(&mut self, code: &str, message: &str) -> Vec<Event> {
        let mut events = Vec::new();
        self.close_all(ItemStatus::Incomplete, &mut events);
        self.response.fail(code, message);
        self.response.usage = self.usage.as_ref().map(Into::into);
        events
            .push(Event::Failed { sequence_number: self.next(), response: Box::new(self.response.clone()) });
        events
    }

    fn next(&mut self) -> u64 {
        let number = self.sequence_number;
        self.sequence_number += 1;
        number
    }

    fn delta(&mut self, delta: &ChatDelta, logprobs: Vec<TokenLogprob>, events: &mut Vec<Event>) {
        let texts = [
            (TextKind::Reasoning, &delta.reasoning_content, Vec::new()),
            (TextKind::Text, &delta.content, logprobs),
            (TextKind::Refusal, &delta.refusal, Vec::new()),
        ];
        for (kind, text, logprobs) in texts {
            // A token that is no whole character has log-probabilities before it has text.
            let text = text.as_deref().unwrap_or_default();
            if !text.is_empty() || !logprobs.is_empty() {
                self.text(kind, text, logprobs, events);
            }
        }
        for call in delta.tool_calls.iter().flatten() {
            self.call(call, events);
        }
    }

    fn text(&mut self, kind: TextKind, text: &str, logprobs: Vec<TokenLogprob>, events: &mut Vec<Event>) {
        if self.open.as_ref().is_none_or(|(_, open)| open.kind != kind) {
            self.close_text(ItemStatus::Completed, events);
            self.open(kind, events);
        }
        let sequence_number = self.next();
        let Some((index, open)) = &mut self.open else { return };
        open.text.push_str(text);
        open.logprobs.extend_from_slice(&logprobs);
        let (output_index, content_index) = (place(*index), 0);
        let (item_id, delta) = (open.item_id.clone(), text.to_owned());
        events.push(match kind {
            TextKind::Reasoning => {
                Event::ReasoningTextDelta { sequence_number, item_id, output_index, content_index, delta }
            }
            TextKind::Text => Event::OutputTextDelta {
                sequence_number,
                item_id,
                output_index,
                content_index,
                delta,
                logprobs,
            },
            TextKind::Refusal => {
                Event::RefusalDelta { sequence_number, item_id, output_index, content_index, delta }
            }
        });
    }

    fn open(&mut self, kind: TextKind, events: &mut Vec<Event>) {
        let prefix = if kind == TextKind::Reasoning { "rs_" } else { "msg_" };
        let open =
            OpenText { kind, item_id: new_id(prefix, &*self.rng), text: String::new(), logprobs: Vec::new() };
        let index = self.response.output.len();
        let part = open.part();
        let item = open.item(ItemStatus::InProgress, false);
        self.response.output.push(item.clone());
        events.push(Event::OutputItemAdded {
            sequence_number: self.next(),
            output_index: place(index),
            item: Box::new(item),
        });
        events.push(Event::ContentPartAdded {
            sequence_number: self.next(),
            item_id: open.item_id.clone(),
            output_index: place(index),
            content_index: 0,
            part,
        });
        self.open = Some((index, open));
    }

    fn close_text(&mut self, status: ItemStatus, events: &mut Vec<Event>) {
        let Some((index, open)) = self.open.take() else { return };
        let (output_index, content_index) = (place(index), 0);
        let (sequence_number, item_id, text) = (self.next(), open.item_id.clone(), open.text.clone());
        events.push(match open.kind {
            TextKind::Reasoning => {
                Event::ReasoningTextDone { sequence_number, item_id, output_index, content_index, text }
            }
            TextKind::Text => {
                let logprobs = open.logprobs.clone();
                Event::OutputTextDone {
                    sequence_number,
                    item_id,
                    output_index,
                    content_index,
                    text,
                    logprobs,
                }
            }
            TextKind::Refusal => {
                let refusal = text;
                Event::RefusalDone { sequence_number, item_id, output_index, content_index, refusal }
            }
        });
        events.push(Event::ContentPartDone {
            sequence_number: self.next(),
            item_id: open.item_id.clone(),
            output_index,
            content_index,
            part: open.part(),
        });
        let item = open.item(status, true);
        self.item_done(index, item, events);
    }

    fn item_done(&mut self, index: usize, item: Item, events: &mut Vec<Event>) {
        self.response.output[index] = item.clone();
        events.push(Event::OutputItemDone {
            sequence_number: self.next(),
            output_index: place(index),
            item: Box::new(item),
        });
    }

    fn call(&mut self, delta: &ToolCallDelta, events: &mut Vec<Event>) {
        self.close_text(ItemStatus::Completed, events);
        let position = self.calls.iter().position(|call| call.index == delta.index).unwrap_or_else(|| {
            // Calls come one after the other. One that is not whole yet stays open, in case an upstream mixes.
            for i in 0..self.calls.len() {
                if is_whole_object(&self.calls[i].arguments) {
                    self.close_call(i, ItemStatus::Completed, events);
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
        match &call.item {
            Some((index, item_id)) if !more.is_empty() => {
                let (output_index, item_id) = (place(*index), item_id.clone());
                self.arguments(output_index, item_id, more.to_owned(), events);
            }
            None if !call.name.is_empty() => self.open_call(position, events),
            Some(_) | None => {}
        }
    }

    fn arguments(&mut self, output_index: u32, item_id: String, delta: String, events: &mut Vec<Event>) {
        let sequence_number = self.next();
        events.push(Event::FunctionCallArgumentsDelta { sequence_number, item_id, output_index, delta });
    }

    /// Shows a call, with the arguments that came before its name.
    fn open_call(&mut self, position: usize, events: &mut Vec<Event>) {
        let index = self.response.output.len();
        let item_id = new_id("fc_", &*self.rng);
        let call = &mut self.calls[position];
        if call.id.is_empty() {
            call.id = new_id("call_", &*self.rng);
        }
        call.item = Some((index, item_id.clone()));
        let arguments = call.arguments.clone();
        let (call_id, name) = (call.id.clone(), call.name.clone());
        let status = ItemStatus::InProgress;
        let item = FunctionCallItem::new(item_id.clone(), status, call_id, name, String::new());
        let item = Item::FunctionCall(item);
        self.response.output.push(item.clone());
        events.push(Event::OutputItemAdded {
            sequence_number: self.next(),
            output_index: place(index),
            item: Box::new(item),
        });
        if !arguments.is_empty() {
            self.arguments(place(index), item_id, arguments, events);
        }
    }

    fn close_call(&mut self, position: usize, status: ItemStatus, events: &mut Vec<Event>) {
        if self.calls[position].is_closed {
            return;
        }
        if self.calls[position].item.is_none() {
            self.open_call(position, events);
        }
        let sequence_number = self.next();
        let call = &mut self.calls[position];
        call.is_closed = true;
        let Some((index, item_id)) = call.item.clone() else { return };
        let (call_id, name, arguments) = (call.id.clone(), call.name.clone(), call.arguments.clone());
        events.push(Event::FunctionCallArgumentsDone {
            sequence_number,
            item_id: item_id.clone(),
            output_index: place(index),
            name: name.clone(),
            arguments: arguments.clone(),
        });
        let item = FunctionCallItem::new(item_id, status, call_id, name, arguments);
        self.item_done(index, Item::FunctionCall(item), events);
    }

    fn close_all(&mut self, status: ItemStatus, events: &mut Vec<Event>) {
        self.close_text(status, events);
        for position in 0..self.calls.len() {
            self.close_call(position, status, events);
        }
    }
}

impl OpenText {
    fn part(&self) -> StreamPart {
        match self.kind {
            TextKind::Reasoning => {
                StreamPart::Reasoning(ReasoningPart::ReasoningText { text: self.text.clone() })
            }
            TextKind::Text | TextKind::Refusal => StreamPart::Message(self.message_part()),
        }
    }

    fn message_part(&self) -> ItemPart {
        if self.kind == TextKind::Refusal {
            return ItemPart::Refusal { refusal: self.text.clone() };
        }
        let logprobs = if self.logprobs.is_empty() { None } else { Some(self.logprobs.clone()) };
        ItemPart::OutputText { text: self.text.clone(), annotations: Vec::new(), logprobs }
    }

    /// The item; without its parts while they have not been announced.
    fn item(&self, status: ItemStatus, with_parts: bool) -> Item {
        let id = self.item_id.clone();
        if self.kind == TextKind::Reasoning {
            return Item::Reasoning(ReasoningItem::new(id, status, with_parts.then(|| self.text.clone())));
        }
        let parts = if with_parts { vec![self.message_part()] } else { Vec::new() };
        Item::Message(MessageItem::new(id, status, MessageRole::Assistant, parts))
    }
}

impl Call {
    fn new(index: u32) -> Self {
        Self {
            index,
            id: String::new(),
            name: String::new(),
            arguments: String::new(),
            item: None,
            is_closed: false,
        }
    }
}

/// An index as the events write it.
fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
