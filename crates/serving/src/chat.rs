//! Chat completions: the call behind `/v1/chat/completions`, `/v1/responses` and `/v1/messages`.

use std::collections::BTreeMap;

use futures::FutureExt;
use tenfold_billing::{CallStatus, Labels};
use tenfold_engine::{Answer, CallContext};
use tenfold_kernel::Unit;
use tenfold_protocol::chat::{ChatChunk, ChatCompletion, ChatRequest};
use tenfold_protocol::content::{Content, ContentPart};
use tenfold_protocol::usage::Usage;

use crate::admit::Size;
use crate::dispatch::{engine_model, primed};
use crate::{AnswerOf, Call, MeteredStream, Served, Serving, ServingError};

impl Serving {
    /// Answers a conversation.
    ///
    /// # Errors
    /// [`ServingError`]; when it is returned, the client has read nothing and any event is durable.
    #[tracing::instrument(name = "serving.chat", level = "debug", skip_all, fields(project = %call.caller.project))]
    pub async fn chat(
        &self,
        call: &Call,
        request: ChatRequest,
    ) -> Result<Served<ChatCompletion, ChatChunk>, ServingError> {
        let admission = self.admit(call, &request.model, size(&request)).await?;
        let include_usage = request.include_usage();
        let mut event = self.draft_event(call, &admission);
        event.service_tier.clone_from(&request.service_tier);
        event.labels = labels(&request)?;
        let (target, opening) = self.opening(event, admission, Usage::generation_units);
        let context = CallContext { request_id: Some(call.request_id.as_str().to_owned()) };
        let (answer, mut settlement) = self
            .dispatch(&target.offered, opening, &context, |context, engine, model| {
                let mut request = request.clone();
                request.model = model;
                if let Some(most) = target.most_output {
                    request.max_completion_tokens = Some(most);
                }
                async move { primed(engine.chat(context, request).await?).await }.boxed()
            })
            .await?;
        let answer = match answer {
            Answer::Whole(mut whole) => {
                settlement.observe(whole.usage.as_ref(), true);
                target.offered.name().as_ref().clone_into(&mut whole.model);
                settlement.finish(CallStatus::Completed, None).await?;
                AnswerOf::Whole(whole)
            }
            Answer::Stream(chunks) => {
                AnswerOf::Stream(MeteredStream::new(chunks, settlement, target.offered.name(), include_usage))
            }
        };
        Ok(Served { answer, limits: target.limits })
    }

    /// Counts the tokens of a conversation's prompt. Nothing is generated, and no event is left.
    ///
    /// # Errors
    /// [`ServingError`].
    pub async fn count_tokens(&self, call: &Call, mut request: ChatRequest) -> Result<u64, ServingError> {
        let offered = self.visible(call, &request.model)?;
        let lease = self.fleet.acquire(&offered.deployment, &[]).await?;
        request.model = engine_model(&offered, &lease);
        let context = CallContext { request_id: Some(call.request_id.as_str().to_owned()) };
        Ok(lease.engine.count_tokens(&context, request).await?)
    }
}

/// How large a conversation is. For limits on tokens a minute, which are put right at settlement, a token is four
/// bytes; for money it is one byte, and each message has some that the template adds.
pub(crate) fn size(request: &ChatRequest) -> Size<'_> {
    const TEMPLATE: u64 = 64;
    let bytes: usize = request.messages.iter().filter_map(|m| m.content.as_ref()).map(content_bytes).sum();
    let answers = u64::from(request.n.unwrap_or(1));
    let output = request.max_output_tokens().map(u64::from);
    let all = serde_json::to_vec(request).map_or(u64::MAX, |json| json.len() as u64);
    Size {
        tokens: bytes as u64 / 4 + output.unwrap_or(0) * answers,
        prompt: all.saturating_add(TEMPLATE * (request.messages.len() as u64 + 1)),
        output,
        answers,
        unit: Unit::InputTokens,
        chat: Some(request),
    }
}

fn content_bytes(content: &Content) -> usize {
    match content {
        Content::Text(text) => text.len(),
        Content::Parts(parts) => {
            parts.iter().map(|part| if let ContentPart::Text { text } = part { text.len() } else { 0 }).sum()
        }
    }
}

/// The caller's own labels, as the event keeps them.
fn labels(request: &ChatRequest) -> Result<Labels, ServingError> {
    let Some(metadata) = &request.metadata else { return Ok(Labels::default()) };
    let mut labels = BTreeMap::new();
    for (name, value) in metadata {
        let Some(value) = value.as_str() else {
            return Err(ServingError::Invalid {
                message: format!("Invalid value for `metadata.{name}`: labels are strings."),
                param: Some(format!("metadata.{name}")),
            });
        };
        labels.insert(name.clone(), value.to_owned());
    }
    Ok(Labels::new(labels)?)
}
