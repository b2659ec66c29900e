//! Admission: which deployment, within which limits, at which price.

use std::sync::Arc;
use std::time::Instant;

use tenfold_billing::{
    CallStatus, Demand, Event, Labels, Occasion, Payer, Quote, RateLimitState, Reservation,
};
use tenfold_engine::CallContext;
use tenfold_fleet::{Offered, Target as Behind};
use tenfold_kernel::{EventId, Unit, Units};
use tenfold_protocol::chat::ChatRequest;

use crate::dispatch::engine_model;
use crate::settle::{Opening, ToUnits};
use crate::{Call, Serving, ServingError};

/// A call that may go to a replica.
#[derive(Debug)]
pub(crate) struct Admission {
    offered: Offered,
    /// What the call holds of the caller's money and limits.
    reservation: Reservation,
    quote: Quote,
    most_output: Option<u32>,
    started: Instant,
}

/// Where an admitted call goes, and what its caller is told of the limits.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) offered: Offered,
    pub(crate) limits: RateLimitState,
    /// What an answer may have at most because no more is paid for, where the client set no bound and nothing else
    /// does.
    pub(crate) most_output: Option<u32>,
}

/// How large a call is, as far as it can be known before it runs.
#[derive(Debug)]
pub(crate) struct Size<'a> {
    /// Tokens, as limits by the minute count them: about as many as they will be.
    pub(crate) tokens: u64,
    /// Tokens of the prompt at most: a token is a byte at least.
    pub(crate) prompt: u64,
    /// Tokens of an answer at most, where the client said so.
    pub(crate) output: Option<u64>,
    /// How many answers.
    pub(crate) answers: u64,
    /// As what tokens of the prompt are charged.
    pub(crate) unit: Unit,
    /// The conversation, to count its tokens where that matters.
    pub(crate) chat: Option<&'a ChatRequest>,
}

/// What an upstream's answer may have at most where money is bounded and the client set no bound: nobody knows the
/// upstream's own.
const UPSTREAM_OUTPUT: u64 = 4096;

impl Serving {
    /// What is offered as `model`, if the caller's project may know of it.
    pub(crate) fn visible(&self, call: &Call, model: &str) -> Result<Offered, ServingError> {
        let is_visible = |offered: &Offered| {
            offered.deployment.project.as_ref().is_none_or(|project| *project == call.caller.project)
        };
        self.fleet
            .offered(model)
            .filter(is_visible)
            .ok_or_else(|| ServingError::ModelNotFound { model: model.chars().take(128).collect() })
    }

    /// Admits a call to `model`: holds what it may cost at most, and its place within limits.
    pub(crate) async fn admit(
        &self,
        call: &Call,
        model: &str,
        size: Size<'_>,
    ) -> Result<Admission, ServingError> {
        let started = self.clock.monotonic();
        let offered = self.visible(call, model)?;
        let name = &offered.deployment.name;
        let service_tier = size.chat.and_then(|chat| chat.service_tier.clone());
        let occasion = Occasion { service_tier, asked_at: call.asked_at, ..Occasion::default() };
        let quote = self.billing.quote(&call.caller.organization, name, &occasion).await?;
        let caller = &call.caller;
        let payer = Payer {
            organization: &caller.organization,
            project: &caller.project,
            api_key: &caller.api_key,
            user: caller.user.as_ref(),
        };
        let is_bounded = self.billing.is_bounded(payer, name, &quote).await?;
        let (most, most_output) =
            if is_bounded { self.most(call, &offered, &size).await? } else { (Units::new(), None) };
        let demand = Demand { tokens: size.tokens, most };
        let reservation = self.billing.reserve(payer, name, &quote, &demand).await?;
        Ok(Admission { offered, reservation, quote, most_output, started })
    }

    /// What a call uses at most, and the bound that keeps its answers to it where they have no other.
    async fn most(
        &self,
        call: &Call,
        offered: &Offered,
        size: &Size<'_>,
    ) -> Result<(Units, Option<u32>), ServingError> {
        let (prompt, output, bound) = match (&offered.deployment.target, size.output) {
            (Behind::Model(model), output) => {
                let prompt = match size.chat {
                    Some(request) => self.count_prompt(call, offered, request.clone()).await?,
                    None => size.prompt,
                };
                // What the context has room for; a prompt that does not fit is refused by the engine.
                let room = model.context_length.unwrap_or(u64::MAX).saturating_sub(prompt);
                (prompt, output.unwrap_or(room).min(room), None)
            }
            (Behind::Upstreams(_), Some(output)) => (size.prompt, output, None),
            (Behind::Upstreams(_), None) => {
                (size.prompt, UPSTREAM_OUTPUT, u32::try_from(UPSTREAM_OUTPUT).ok())
            }
        };
        let mut most = Units::new().with(Unit::Requests, 1).with(size.unit, prompt);
        if size.unit != Unit::EmbeddingTokens {
            most = most.with(Unit::OutputTokens, output.saturating_mul(size.answers));
        }
        Ok((most, bound))
    }

    async fn count_prompt(
        &self,
        call: &Call,
        offered: &Offered,
        mut request: ChatRequest,
    ) -> Result<u64, ServingError> {
        let lease = self.fleet.acquire(&offered.deployment, &[]).await?;
        request.model = engine_model(offered, &lease);
        let context = CallContext { request_id: Some(call.request_id.as_str().to_owned()) };
        Ok(lease.engine.count_tokens(&context, request).await?)
    }

    /// The event of an admitted call, with everything that is known before it ends.
    pub(crate) fn draft_event(&self, call: &Call, admission: &Admission) -> Event {
        let now = self.clock.now();
        Event {
            id: EventId::generate(self.rng.as_ref()),
            idempotency_key: call.event_key.clone().unwrap_or_else(|| call.request_id.as_str().to_owned()),
            request_id: call.request_id.clone(),
            created_at: now,
            completed_at: now,
            organization: call.caller.organization.clone(),
            project: call.caller.project.clone(),
            api_key: call.caller.api_key.clone(),
            user: call.caller.user.clone(),
            service_account: call.caller.service_account.clone(),
            operation: call.operation,
            deployment: admission.offered.deployment.name.clone(),
            model_version: admission.offered.version(),
            replica: None,
            node: None,
            status: CallStatus::Failed,
            error_code: None,
            units: Units::new(),
            usage_known: false,
            cost: None,
            price_version: admission.quote.version(),
            queue_ms: 0,
            first_token_ms: None,
            duration_ms: 0,
            batch: false,
            service_tier: None,
            labels: Labels::default(),
            energy: None,
        }
    }

    /// Splits an admission into where the call goes and what its settlement is opened with.
    pub(crate) fn opening(&self, event: Event, admission: Admission, to_units: ToUnits) -> (Target, Opening) {
        let Admission { offered, reservation, quote, most_output, started } = admission;
        let target = Target { offered, limits: reservation.state(), most_output };
        let opening = Opening {
            billing: Arc::clone(&self.billing),
            clock: Arc::clone(&self.clock),
            tracker: self.tracker.clone(),
            quote,
            reservation,
            event,
            started,
            to_units,
        };
        (target, opening)
    }
}
