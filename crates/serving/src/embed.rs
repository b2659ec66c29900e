//! Embeddings: the call behind `/v1/embeddings`.

use futures::FutureExt;
use tenfold_billing::{CallStatus, RateLimitState};
use tenfold_engine::CallContext;
use tenfold_kernel::Unit;
use tenfold_protocol::embedding::{EmbeddingRequest, EmbeddingResponse};
use tenfold_protocol::usage::Usage;

use crate::admit::Size;
use crate::complete::{input_estimate, input_size};
use crate::{Call, Serving, ServingError};

impl Serving {
    /// Embeds texts.
    ///
    /// # Errors
    /// [`ServingError`]; when it is returned, any event is durable.
    #[tracing::instrument(name = "serving.embed", level = "debug", skip_all, fields(project = %call.caller.project))]
    pub async fn embed(
        &self,
        call: &Call,
        request: EmbeddingRequest,
    ) -> Result<(EmbeddingResponse, RateLimitState), ServingError> {
        let (inputs, bytes) = input_size(&request.input);
        let size = Size {
            tokens: input_estimate(&request.input),
            // Each input may get a token at its beginning and one at its end.
            prompt: bytes + 2 * inputs,
            output: Some(0),
            answers: 0,
            unit: Unit::EmbeddingTokens,
            chat: None,
        };
        let admission = self.admit(call, &request.model, size).await?;
        let event = self.draft_event(call, &admission);
        let (target, opening) = self.opening(event, admission, Usage::embedding_units);
        let context = CallContext { request_id: Some(call.request_id.as_str().to_owned()) };
        let (mut response, mut settlement) = self
            .dispatch(&target.offered, opening, &context, |context, engine, model| {
                let mut request = request.clone();
                request.model = model;
                async move { engine.embed(context, request).await }.boxed()
            })
            .await?;
        settlement.observe(response.usage.as_ref(), false);
        target.offered.name().as_ref().clone_into(&mut response.model);
        settlement.finish(CallStatus::Completed, None).await?;
        Ok((response, target.limits))
    }
}
