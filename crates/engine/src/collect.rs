//! Assembling a whole answer from the chunks of a stream.

use serde_json::{Map, Value};
use tenfold_protocol::chat::{
    AssistantMessage, ChatChoice, ChatChunk, ChatChunkChoice, ChatCompletion, ChatLogprobs, FunctionCall,
    ToolCall, ToolCallDelta,
};
use tenfold_protocol::completion::{Completion, CompletionChoice, CompletionLogprobs};

/// Assembles a chat completion from its chunks.
///
/// Memory grows with what was said and with nothing else: an index names a choice or a call, and is never a
/// place in a list, so a chunk that claims index four billion costs what its text costs.
#[derive(Debug, Default)]
pub struct ChatCollector {
    whole: Option<ChatCompletion>,
    /// The calls of each choice of `whole`, each under the index that its chunks carry.
    calls: Vec<Vec<(u32, ToolCall)>>,
}

impl ChatCollector {
    /// A collector that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next chunk.
    pub fn push(&mut self, chunk: &ChatChunk) {
        let whole = self.whole.get_or_insert_with(|| ChatCompletion {
            id: chunk.id.clone(),
            object: "chat.completion".to_owned(),
            created: chunk.created,
            model: chunk.model.clone(),
            choices: Vec::new(),
            usage: None,
            service_tier: None,
            system_fingerprint: None,
        });
        // Some servers report the usage so far in every chunk: the last one holds.
        replace(&mut whole.usage, chunk.usage.as_ref());
        replace(&mut whole.service_tier, chunk.service_tier.as_ref());
        replace(&mut whole.system_fingerprint, chunk.system_fingerprint.as_ref());
        for part in &chunk.choices {
            let at =
                whole.choices.iter().position(|choice| choice.index == part.index).unwrap_or_else(|| {
                    whole.choices.push(empty_choice(part.index));
                    self.calls.push(Vec::new());
                    whole.choices.len() - 1
                });
            merge_choice(&mut whole.choices[at], &mut self.calls[at], part);
        }
    }

    /// The whole answer, its choices in the order of their indices; nothing when no chunk came.
    pub fn finish(self) -> Option<ChatCompletion> {
        let mut whole = self.whole?;
        for (choice, mut calls) in whole.choices.iter_mut().zip(self.calls) {
            if !calls.is_empty() {
                calls.sort_by_key(|(index, _)| *index);
                choice.message.tool_calls = Some(calls.into_iter().map(|(_, call)| call).collect());
            }
        }
        whole.choices.sort_by_key(|choice| choice.index);
        Some(whole)
    }
}

/// Assembles a text completion from its chunks.
#[derive(Debug, Default)]
pub struct CompletionCollector {
    whole: Option<Completion>,
}

impl CompletionCollector {
    /// A collector that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next chunk.
    pub fn push(&mut self, chunk: &Completion) {
        let whole = self.whole.get_or_insert_with(|| Completion {
            id: chunk.id.clone(),
            object: "text_completion".to_owned(),
            created: chunk.created,
            model: chunk.model.clone(),
            choices: Vec::new(),
            usage: None,
            system_fingerprint: None,
        });
        replace(&mut whole.usage, chunk.usage.as_ref());
        replace(&mut whole.system_fingerprint, chunk.system_fingerprint.as_ref());
        for part in &chunk.choices {
            let at =
                whole.choices.iter().position(|choice| choice.index == part.index).unwrap_or_else(|| {
                    whole.choices.push(CompletionChoice { index: part.index, ..CompletionChoice::default() });
                    whole.choices.len() - 1
                });
            let choice = &mut whole.choices[at];
            choice.text.push_str(&part.text);
            choice.finish_reason = part.finish_reason.or(choice.finish_reason);
            if let Some(new) = &part.logprobs {
                let all = choice.logprobs.get_or_insert_with(CompletionLogprobs::default);
                all.text_offset.extend_from_slice(&new.text_offset);
                all.token_logprobs.extend_from_slice(&new.token_logprobs);
                all.tokens.extend_from_slice(&new.tokens);
                all.top_logprobs.extend_from_slice(&new.top_logprobs);
            }
        }
    }

    /// The whole answer, its choices in the order of their indices; nothing when no chunk came.
    pub fn finish(self) -> Option<Completion> {
        let mut whole = self.whole?;
        whole.choices.sort_by_key(|choice| choice.index);
        Some(whole)
    }
}

fn empty_choice(index: u32) -> ChatChoice {
    let message = AssistantMessage { role: "assistant".to_owned(), ..AssistantMessage::default() };
    ChatChoice { index, message, logprobs: None, finish_reason: None }
}

fn merge_choice(choice: &mut ChatChoice, calls: &mut Vec<(u32, ToolCall)>, part: &ChatChunkChoice) {
    let (message, delta) = (&mut choice.message, &part.delta);
    if let Some(role) = delta.role.as_ref().filter(|role| !role.is_empty()) {
        message.role.clone_from(role);
    }
    append(&mut message.content, delta.content.as_deref());
    append(&mut message.refusal, delta.refusal.as_deref());
    append(&mut message.reasoning_content, delta.reasoning_content.as_deref());
    merge_extra(&mut message.extra, &delta.extra);
    for call in delta.tool_calls.iter().flatten() {
        merge_call(calls, call);
    }
    if let Some(new) = &part.logprobs {
        let all = choice.logprobs.get_or_insert_with(ChatLogprobs::default);
        extend(&mut all.content, new.content.as_deref());
        extend(&mut all.refusal, new.refusal.as_deref());
    }
    choice.finish_reason = part.finish_reason.or(choice.finish_reason);
}

fn merge_call(calls: &mut Vec<(u32, ToolCall)>, part: &ToolCallDelta) {
    let at = calls.iter().position(|(index, _)| *index == part.index).unwrap_or_else(|| {
        let call =
            ToolCall { id: String::new(), kind: "function".to_owned(), function: FunctionCall::default() };
        calls.push((part.index, call));
        calls.len() - 1
    });
    let call = &mut calls[at].1;
    // Id, kind and name come once; servers that repeat them, or send them empty later, change nothing.
    if let Some(id) = part.id.as_ref().filter(|_| call.id.is_empty()) {
        call.id.clone_from(id);
    }
    if let Some(kind) = part.kind.as_ref().filter(|kind| !kind.is_empty()) {
        call.kind.clone_from(kind);
    }
    if let Some(function) = &part.function {
        if let Some(name) = function.name.as_ref().filter(|_| call.function.name.is_empty()) {
            call.function.name.clone_from(name);
        }
        call.function.arguments.push_str(function.arguments.as_deref().unwrap_or_default());
    }
}

/// Texts are pieces of one text; of any other value the last one holds.
fn merge_extra(all: &mut Map<String, Value>, new: &Map<String, Value>) {
    for (name, value) in new {
        match (all.get_mut(name), value) {
            (Some(Value::String(text)), Value::String(more)) => text.push_str(more),
            (Some(held), value) => *held = value.clone(),
            (None, value) => {
                all.insert(name.clone(), value.clone());
            }
        }
    }
}

fn append(all: &mut Option<String>, new: Option<&str>) {
    if let Some(new) = new {
        all.get_or_insert_with(String::new).push_str(new);
    }
}

fn extend<T: Clone>(all: &mut Option<Vec<T>>, new: Option<&[T]>) {
    if let Some(new) = new {
        all.get_or_insert_with(Vec::new).extend_from_slice(new);
    }
}

fn replace<T: Clone>(held: &mut Option<T>, new: Option<&T>) {
    if let Some(new) = new {
        *held = Some(new.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenfold_protocol::chat::FinishReason;

    fn collect(chunks: &Value) -> Option<ChatCompletion> {
        let mut collector = ChatCollector::new();
        for mut chunk in chunks.as_array().unwrap().clone() {
            for (name, value) in [("id", "c1"), ("object", "chat.completion.chunk"), ("model", "m")] {
                chunk[name] = value.into();
            }
            chunk["created"] = 7.into();
            collector.push(&serde_json::from_value(chunk).unwrap());
        }
        collector.finish()
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert_eq!(ChatCollector::new().finish(), None);
        assert_eq!(CompletionCollector::new().finish(), None);
    }

    #[test]
    fn choices_calls_thinking_and_usage_are_put_together() {
        let whole = collect(&serde_json::json!([
            {"choices": [{"index": 1, "delta": {"role": "assistant", "content": ""}}]},
            {"choices": [{"index": 0, "delta": {"role": "assistant", "reasoning_content": "hm"}}]},
            {"choices": [{"index": 0, "delta": {"reasoning_content": "m", "tool_calls": [
                {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}}]}}]},
            {"choices": [{"index": 0, "delta": {"tool_calls": [
                {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}},
                {"index": 1, "function": {"arguments": "[]"}}]}}]},
            {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "", "function": {"name": "", "arguments": "}"}}]}},
                         {"index": 1, "delta": {"content": "He"}, "logprobs": {"content": [{"token": "He", "logprob": -0.5}]}}]},
            {"choices": [{"index": 1, "delta": {"content": "y"}, "logprobs": {"content": [{"token": "y", "logprob": -1.5}]}, "finish_reason": "stop"},
                         {"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
            {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}, "system_fingerprint": "fp"},
        ]))
        .unwrap();
        assert_eq!((whole.object.as_str(), whole.created), ("chat.completion", 7));
        assert_eq!(whole.usage.unwrap().total_tokens, 7);
        assert_eq!(whole.system_fingerprint.as_deref(), Some("fp"));
        let [first, second] = &whole.choices[..] else { panic!("two choices") };
        assert_eq!(first.message.reasoning_content.as_deref(), Some("hmm"));
        assert_eq!(first.message.content, None);
        assert_eq!(first.finish_reason, Some(FinishReason::ToolCalls));
        let calls = first.message.tool_calls.as_ref().unwrap();
        let flat: Vec<_> =
            calls.iter().map(|c| (&*c.id, &*c.function.name, &*c.function.arguments)).collect();
        assert_eq!(flat, [("a", "f", "{}"), ("b", "g", "[]")]);
        assert_eq!(second.message.content.as_deref(), Some("Hey"));
        assert_eq!(second.message.tool_calls, None);
        assert_eq!(second.logprobs.as_ref().unwrap().content.as_ref().unwrap().len(), 2);
        assert_eq!(second.finish_reason, Some(FinishReason::Stop));
    }

    #[test]
    fn an_absurd_index_costs_nothing() {
        let whole = collect(&serde_json::json!([
            {"choices": [{"index": u32::MAX, "delta": {"tool_calls": [{"index": u32::MAX, "id": "a"}]}}]},
        ]));
        assert_eq!(whole.unwrap().choices.len(), 1);
    }

    #[test]
    fn unknown_fields_of_a_delta_are_kept() {
        let whole = collect(&serde_json::json!([
            {"choices": [{"index": 0, "delta": {"reasoning": "a", "x": 1}}]},
            {"choices": [{"index": 0, "delta": {"reasoning": "b", "x": 2}}]},
        ]));
        let extra = &whole.unwrap().choices[0].message.extra;
        assert_eq!((&extra["reasoning"], &extra["x"]), (&"ab".into(), &2.into()));
    }

    #[test]
    fn texts_and_their_logprobs_are_put_together() {
        let mut collector = CompletionCollector::new();
        for (text, finish) in [("a", Value::Null), ("b", "length".into())] {
            collector.push(
                &serde_json::from_value(serde_json::json!({
                    "id": "x", "object": "text_completion", "created": 1, "model": "m",
                    "choices": [{"index": 0, "text": text, "finish_reason": finish, "logprobs":
                        {"text_offset": [0], "token_logprobs": [-1.0], "tokens": [text], "top_logprobs": [null]}}],
                }))
                .unwrap(),
            );
        }
        let whole = collector.finish().unwrap();
        assert_eq!(whole.choices[0].text, "ab");
        assert_eq!(whole.choices[0].finish_reason, Some(FinishReason::Length));
        assert_eq!(whole.choices[0].logprobs.as_ref().unwrap().tokens, ["a", "b"]);
    }
}
