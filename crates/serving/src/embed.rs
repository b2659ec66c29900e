//! Embeddings: the call behind `/v1/embeddings`.

use futures::FutureExt;
use tenfold_billing::{CallStatus, RateLimitState};
use tenfold_engine::CallContext;
use tenfold_protocol::embedding::{EmbeddingRequest, EmbeddingResponse};
use tenfold_protocol::usage::Usage;

use crate::complete::input_estimate;
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
        let admission = self.admit(call, &request.model, input_estimate(&request.input)).await?;
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
