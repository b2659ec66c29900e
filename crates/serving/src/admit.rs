//! Admission: which deployment, within which limits, at which price.

use std::sync::Arc;
use std::time::Instant;

use tenfold_billing::{Admission as LimitAdmission, CallStatus, Event, Labels, Quote, RateLimitState};
use tenfold_fleet::Offered;
use tenfold_kernel::{EventId, Units};

use crate::settle::{Opening, ToUnits};
use crate::{Call, Serving, ServingError};

/// A call that may go to a replica.
#[derive(Debug)]
pub(crate) struct Admission {
    offered: Offered,
    /// Holds the call's place within the caller's limits.
    limits: LimitAdmission,
    quote: Quote,
    started: Instant,
}

/// Where an admitted call goes, and what its caller is told of the limits.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) offered: Offered,
    pub(crate) limits: RateLimitState,
}

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

    /// Admits a call to `model` that will use about `estimated_tokens`.
    pub(crate) async fn admit(
        &self,
        call: &Call,
        model: &str,
        estimated_tokens: u64,
    ) -> Result<Admission, ServingError> {
        let started = self.clock.monotonic();
        let offered = self.visible(call, model)?;
        let name = &offered.deployment.name;
        let limits = self.billing.check_limits(&call.caller.project, name, estimated_tokens).await?;
        let quote = self.billing.quote(name).await?;
        Ok(Admission { offered, limits, quote, started })
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
        let Admission { offered, limits, quote, started } = admission;
        let target = Target { offered, limits: limits.state };
        let opening = Opening {
            billing: Arc::clone(&self.billing),
            clock: Arc::clone(&self.clock),
            tracker: self.tracker.clone(),
            quote,
            limits,
            event,
            started,
            to_units,
        };
        (target, opening)
    }
}
