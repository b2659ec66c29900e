//! Serving on engines that say what they are told, with a log of events that a test can hold back.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tenfold_billing::ledger::{Hold, Post, Posted, Reserve, Reserved, Settle};
use tenfold_billing::memory::{
    MemoryAlerts, MemoryFunds, MemoryInvoices, MemoryLedger, MemoryLimits, MemoryPlans, MemoryPrices,
};
use tenfold_billing::{Billing, BillingError, Event, Ledger, Operation, Ports, SetPrices, Terms};
use tenfold_engine::Engine;
use tenfold_engine::fake::FakeEngine;
use tenfold_fleet::memory::MemoryDeploymentStore;
use tenfold_fleet::{EngineConnector, Fleet, NewDeployment, Target, Upstream, fake::FakeWorld};
use tenfold_kernel::{
    Access, ApiKeyId, BoxError, Caller, Currency, MockClock, OrganizationId, ProjectId, RequestId,
    ResponseId, Role, SeededRng, Timestamp, Unit,
};
use tenfold_protocol::chat::{ChatMessage, ChatRequest, MessageRole};
use tenfold_serving::memory::MemoryServingStore;
use tenfold_serving::{BackgroundResponse, BackgroundResponses, Call, Config, Parts, Serving};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// Engines by address.
#[derive(Debug, Default)]
pub(crate) struct Engines(HashMap<String, Arc<FakeEngine>>);

impl EngineConnector for Engines {
    fn worker(&self, _: &Path) -> Result<Arc<dyn Engine>, BoxError> {
        Err("there are no workers here".into())
    }

    fn upstream(&self, upstream: &Upstream) -> Result<Arc<dyn Engine>, BoxError> {
        let engine = self.0.get(&upstream.base_url).ok_or("no such engine")?;
        Ok(Arc::<FakeEngine>::clone(engine))
    }
}

/// A ledger that settles a call when a permit is there.
#[derive(Debug)]
pub(crate) struct GatedEvents {
    pub(crate) written: Arc<MemoryLedger>,
    pub(crate) gate: Semaphore,
}

#[async_trait]
impl Ledger for GatedEvents {
    async fn reserve(&self, reserve: Reserve) -> Result<Reserved, BillingError> {
        self.written.reserve(reserve).await
    }

    async fn settle(&self, settle: Settle) -> Result<(), BillingError> {
        self.gate.acquire().await.map_err(|_| BillingError::Closed)?.forget();
        self.written.settle(settle).await
    }

    fn release(&self, hold: Hold) {
        self.written.release(hold);
    }

    async fn post(&self, post: Post) -> Result<Posted, BillingError> {
        self.written.post(post).await
    }
}

/// Background work, as it was queued.
#[derive(Debug, Default)]
pub(crate) struct Background(pub(crate) Mutex<Vec<BackgroundResponse>>);

#[async_trait]
impl BackgroundResponses for Background {
    async fn enqueue(&self, work: BackgroundResponse) -> Result<(), BoxError> {
        self.0.lock().unwrap().push(work);
        Ok(())
    }

    async fn cancel(&self, id: &ResponseId) -> Result<(), BoxError> {
        self.0.lock().unwrap().retain(|work| work.id != *id);
        Ok(())
    }
}

pub(crate) struct Rig {
    pub(crate) serving: Arc<Serving>,
    pub(crate) billing: Arc<Billing>,
    pub(crate) events: Arc<GatedEvents>,
    pub(crate) background: Arc<Background>,
    pub(crate) clock: Arc<MockClock>,
    pub(crate) rng: Arc<SeededRng>,
    pub(crate) tracker: TaskTracker,
}

impl Rig {
    /// A deployment `x` over `engines`, one at `http://0`, the next at `http://1`, at 2,000 nano-dollars an
    /// input token and 3,000 an output token. Events are written at once.
    pub(crate) async fn new(engines: Vec<Arc<FakeEngine>>) -> Self {
        let rig = Self::gated(engines).await;
        rig.events.gate.add_permits(10_000);
        rig
    }

    /// The same, with events that wait for permits.
    pub(crate) async fn gated(engines: Vec<Arc<FakeEngine>>) -> Self {
        let clock = Arc::new(MockClock::new(Timestamp(1_700_000_000_000)));
        let rng = Arc::new(SeededRng::new(1));
        let tracker = TaskTracker::new();
        let upstreams = (0..engines.len())
            .map(|n| Upstream { base_url: format!("http://{n}"), api_key: None, model: "fake".into() })
            .collect();
        let connector =
            Engines(engines.into_iter().enumerate().map(|(n, e)| (format!("http://{n}"), e)).collect());
        let world = Arc::new(FakeWorld::new(1 << 30));
        let ports = tenfold_fleet::Ports {
            store: Arc::new(MemoryDeploymentStore::default()),
            launcher: world.clone(),
            connector: Arc::new(connector),
            machine: world,
            clock: clock.clone(),
            rng: rng.clone(),
        };
        let fleet = Arc::new(Fleet::new(tenfold_fleet::Config::for_node("here"), ports, tracker.clone()));
        let events =
            Arc::new(GatedEvents { written: Arc::new(MemoryLedger::default()), gate: Semaphore::new(0) });
        let billing = Arc::new(Billing::new(
            Ports {
                ledger: events.clone(),
                reader: events.written.clone(),
                funds: Arc::new(MemoryFunds::default()),
                plans: Arc::new(MemoryPlans::default()),
                alerts: Arc::new(MemoryAlerts::default()),
                invoices: Arc::new(MemoryInvoices::new(events.written.clone())),
                usage: events.written.clone(),
                prices: Arc::new(MemoryPrices::default()),
                limits: Arc::new(MemoryLimits::default()),
                clock: clock.clone(),
                rng: rng.clone(),
            },
            tenfold_billing::Config::default(),
        ));
        fleet.deploy(NewDeployment::new("x", "fake@1", Target::Upstreams(upstreams))).await.unwrap();
        let store = Arc::new(MemoryServingStore::default());
        let background = Arc::new(Background::default());
        let config = Config {
            idempotency_ttl: Duration::from_hours(24),
            idempotency_limit_bytes: 1000,
            response_chain_limit: 3,
        };
        let serving = Arc::new(Serving::new(
            config,
            Parts {
                fleet,
                billing: billing.clone(),
                responses: store.clone(),
                idempotency: store,
                background: background.clone(),
                clock: clock.clone(),
                rng: rng.clone(),
                tracker: tracker.clone(),
            },
        ));
        let rig = Self { serving, billing, events, background, clock, rng, tracker };
        rig.set_price(1).await;
        rig
    }

    /// Puts so many times the usual price in force.
    pub(crate) async fn set_price(&self, times: i64) {
        let prices = [(Unit::InputTokens, 2_000_000_000), (Unit::OutputTokens, 3_000_000_000)];
        let prices = prices.map(|(unit, nanos)| (unit, (nanos * times).into()));
        let prices = SetPrices {
            deployment: "x".into(),
            currency: Currency::USD,
            terms: Terms { prices: prices.into(), ..Terms::default() },
            effective_at: None,
        };
        self.billing.set_prices(prices).await.unwrap();
    }

    /// Every event, when nothing is being recorded any more.
    pub(crate) async fn events(&self) -> Vec<Event> {
        self.tracker.close();
        // Supervisors of upstreams do not end; recordings do, in the order in which the runtime takes them.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        self.tracker.reopen();
        self.events.written.all()
    }
}

pub(crate) fn call(operation: Operation) -> Call {
    Call {
        caller: Caller {
            organization: OrganizationId::parse("org-1").unwrap(),
            project: ProjectId::parse("proj_1").unwrap(),
            api_key: ApiKeyId::parse("key_1").unwrap(),
            user: None,
            service_account: None,
            role: Role::Project,
            scopes: Vec::new(),
            access: Access::NONE,
        },
        request_id: RequestId::parse("req_1").unwrap(),
        event_key: None,
        operation,
        asked_at: None,
    }
}

pub(crate) fn ask(stream: bool) -> ChatRequest {
    ChatRequest {
        model: "x".into(),
        messages: vec![ChatMessage::text(MessageRole::User, "count to twelve")],
        stream: Some(stream),
        ..ChatRequest::default()
    }
}
