//! From a whole chat completion to a response.

use tenfold_kernel::{Rng, Timestamp};

use super::item::{FunctionCallItem, Item, ItemPart, ItemStatus, MessageItem, ReasoningItem, new_id};
use super::response::{IncompleteDetails, IncompleteReason, Response, ResponseStatus, ResponseUsage};
use crate::chat::{ChatChoice, ChatCompletion, FinishReason, MessageRole, TokenLogprob};
use crate::usage::Usage;

/// Fills `response`, as [`Response::start`] made it, with what `completion` says in its first choice.
///
/// `now` is when the response was complete; `rng` makes the ids of its items.
pub fn from_chat(
    mut response: Response,
    completion: ChatCompletion,
    now: Timestamp,
    rng: &dyn Rng,
) -> Response {
    let choice = completion.choices.into_iter().next();
    let finish_reason = choice.as_ref().and_then(|choice| choice.finish_reason);
    if let Some(choice) = choice {
        response.output = items(choice, rng);
    }
    if incomplete_reason(finish_reason).is_some()
        && let Some(last) = response.output.last_mut()
    {
        last.mark(ItemStatus::Incomplete);
    }
    end(&mut response, finish_reason, completion.usage.as_ref(), now);
    response
}

fn items(choice: ChatChoice, rng: &dyn Rng) -> Vec<Item> {
    let status = ItemStatus::Completed;
    let said = |part: ItemPart| {
        let id = new_id("msg_", rng);
        Item::Message(MessageItem::new(id, status, MessageRole::Assistant, vec![part]))
    };
    let message = choice.message;
    let mut items = Vec::new();
    if let Some(text) = message.reasoning_content.filter(|t| !t.is_empty()) {
        items.push(Item::Reasoning(ReasoningItem::new(new_id("rs_", rng), status, Some(text))));
    }
    let logprobs = choice.logprobs.and_then(|l| l.content).filter(|l| !l.is_empty()).map(with_bytes);
    let text = message.content.unwrap_or_default();
    let calls = message.tool_calls.unwrap_or_default();
    // An answer without a token is still an answer.
    let is_empty =
        items.is_empty() && calls.is_empty() && message.refusal.as_ref().is_none_or(String::is_empty);
    if !text.is_empty() || logprobs.is_some() || is_empty {
        items.push(said(ItemPart::OutputText { text, annotations: Vec::new(), logprobs }));
    }
    if let Some(refusal) = message.refusal.filter(|t| !t.is_empty()) {
        items.push(said(ItemPart::Refusal { refusal }));
    }
    for call in calls {
        let (name, arguments) = (call.function.name, call.function.arguments);
        let item = FunctionCallItem::new(new_id("fc_", rng), status, call.id, name, arguments);
        items.push(Item::FunctionCall(item));
    }
    items
}

/// Sets what is known when an answer has ended.
pub(super) fn end(
    response: &mut Response,
    reason: Option<FinishReason>,
    usage: Option<&Usage>,
    now: Timestamp,
) {
    response.usage = usage.map(ResponseUsage::from);
    if let Some(reason) = incomplete_reason(reason) {
        response.status = ResponseStatus::Incomplete;
        response.incomplete_details = Some(IncompleteDetails { reason });
    } else {
        response.status = ResponseStatus::Completed;
        response.completed_at = Some(now.secs());
    }
}

/// Why an answer that ended with `reason` is not whole.
pub(super) fn incomplete_reason(reason: Option<FinishReason>) -> Option<IncompleteReason> {
    match reason {
        Some(FinishReason::Length) => Some(IncompleteReason::MaxOutputTokens),
        Some(FinishReason::ContentFilter) => Some(IncompleteReason::ContentFilter),
        Some(FinishReason::Stop | FinishReason::ToolCalls | FinishReason::FunctionCall) | None => None,
    }
}

/// In the Responses API every token has its bytes.
pub(super) fn with_bytes(mut tokens: Vec<TokenLogprob>) -> Vec<TokenLogprob> {
    for token in &mut tokens {
        token.bytes.get_or_insert_with(|| token.token.clone().into_bytes());
        for top in &mut token.top_logprobs {
            top.bytes.get_or_insert_with(|| top.token.clone().into_bytes());
        }
    }
    tokens
}
