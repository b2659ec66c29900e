//! Completions: the call behind `/v1/completions`.

use futures::FutureExt;
use tenfold_billing::CallStatus;
use tenfold_engine::{Answer, CallContext};
use tenfold_kernel::Unit;
use tenfold_protocol::completion::{Completion, CompletionRequest};
use tenfold_protocol::embedding::Input;
use tenfold_protocol::usage::Usage;

use crate::admit::Size;
use crate::dispatch::primed;
use crate::{AnswerOf, Call, MeteredStream, Served, Serving, ServingError};

impl Serving {
    /// Goes on with a text, or fills a gap in it.
    ///
    /// # Errors
    /// [`ServingError`]; when it is returned, the client has read nothing and any event is durable.
    #[tracing::instrument(name = "serving.complete", level = "debug", skip_all, fields(project = %call.caller.project))]
    pub async fn complete(
        &self,
        call: &Call,
        request: CompletionRequest,
    ) -> Result<Served<Completion, Completion>, ServingError> {
        let answers = u64::from(request.n.unwrap_or(1)).max(u64::from(request.best_of.unwrap_or(1)));
        let (prompts, bytes) = input_size(&request.prompt);
        // The API's own default.
        let output = u64::from(request.max_tokens.unwrap_or(16));
        let suffix = request.suffix.as_ref().map_or(0, String::len) as u64;
        let size = Size {
            tokens: input_estimate(&request.prompt) + output * answers,
            prompt: bytes + suffix + prompts,
            output: Some(output),
            answers: answers * prompts,
            unit: Unit::InputTokens,
            chat: None,
        };
        let admission = self.admit(call, &request.model, size).await?;
        let include_usage = request.include_usage();
        let event = self.draft_event(call, &admission);
        let (target, opening) = self.opening(event, admission, Usage::generation_units);
        let context = CallContext { request_id: Some(call.request_id.as_str().to_owned()) };
        let (answer, mut settlement) = self
            .dispatch(&target.offered, opening, &context, |context, engine, model| {
                let mut request = request.clone();
                request.model = model;
                async move { primed(engine.complete(context, request).await?).await }.boxed()
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
}

/// How many inputs there are, and the most tokens that all of them are.
pub(crate) fn input_size(input: &Input) -> (u64, u64) {
    match input {
        Input::Text(text) => (1, text.len() as u64),
        Input::Texts(texts) => (texts.len() as u64, texts.iter().map(|t| t.len() as u64).sum()),
        Input::Tokens(tokens) => (1, tokens.len() as u64),
        Input::TokenLists(lists) => (lists.len() as u64, lists.iter().map(|l| l.len() as u64).sum()),
    }
}

/// A rough count of an input's tokens: four bytes to a token where it is text.
pub(crate) fn input_estimate(input: &Input) -> u64 {
    match input {
        Input::Text(text) => text.len() as u64 / 4,
        Input::Texts(texts) => texts.iter().map(|t| t.len() as u64 / 4).sum(),
        Input::Tokens(tokens) => tokens.len() as u64,
        Input::TokenLists(lists) => lists.iter().map(|l| l.len() as u64).sum(),
    }
}
