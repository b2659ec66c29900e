//! A platform of in-memory parts, with a first organisation, a clock that is moved by hand, and no models.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::Value;
use tenfold_accounts::{Accounts, RelyingParty};
use tenfold_billing::Billing;
use tenfold_billing::ledger::{AccountId, AccountKind, EntryKind, Move, Post, Source};
use tenfold_billing::memory::{
    MemoryAlerts, MemoryFunds, MemoryInvoices, MemoryLedger, MemoryLimits, MemoryPlans, MemoryPrices,
};
use tenfold_catalog::Catalog;
use tenfold_fleet::Fleet;
use tenfold_fleet::fake::FakeWorld;
use tenfold_fleet::memory::MemoryDeploymentStore;
use tenfold_http::{Config, Platform};
use tenfold_identity::{Bootstrap, Identity, MemoryStore};
use tenfold_kernel::{BoxError, Clock, Currency, MockClock, ResponseId, Rng, SeededRng, Timestamp};
use tenfold_serving::memory::{MemoryHost, MemoryServingStore};
use tenfold_serving::{
    BackgroundResponse, BackgroundResponses, OfferConfig, Offering, RentalConfig, Rentals, Serving,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::till::{self, FlakyPayments};

/// A Tuesday in November 2023, on a whole second.
pub(crate) const NOW: i64 = 1_700_000_000;

#[derive(Debug)]
pub(crate) struct House {
    pub(crate) router: Router,
    pub(crate) platform: Arc<Platform>,
    pub(crate) clock: Arc<MockClock>,
    pub(crate) made: Bootstrap,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) payments: Arc<FlakyPayments>,
    pub(crate) serving_store: Arc<MemoryServingStore>,
    pub(crate) host: Arc<MemoryHost>,
    _home: tempfile::TempDir,
}

/// No route here makes responses in the background.
#[derive(Debug)]
struct NoBackground;

#[async_trait]
impl BackgroundResponses for NoBackground {
    async fn enqueue(&self, _: BackgroundResponse) -> Result<(), BoxError> {
        Err("no background work here".into())
    }
    async fn cancel(&self, _: &ResponseId) -> Result<(), BoxError> {
        Err("no background work here".into())
    }
}

pub(crate) async fn house() -> House {
    // A second one in the same process is refused, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let home = tempfile::tempdir().unwrap();
    let clock = Arc::new(MockClock::new(Timestamp::from_secs(NOW)));
    let time = || Arc::clone(&clock) as Arc<dyn Clock>;
    let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(7));
    let tracker = TaskTracker::new();

    let ports = tenfold_identity::Ports::of(Arc::new(MemoryStore::new()));
    let identity = Identity::new(
        tenfold_identity::Config { pepper: [5; 32], exclusive: true, cache_size: 100 },
        ports.clone(),
        time(),
        Arc::clone(&rng),
    );
    let accounts = accounts(ports, time(), Arc::clone(&rng));
    let made = identity.bootstrap().await.unwrap().unwrap();
    let ledger = Arc::new(MemoryLedger::default());
    let billing = billing(&ledger, time(), Arc::clone(&rng));
    let (payments, checkout) = till::till(&billing);
    let world = Arc::new(FakeWorld::new(1 << 30));
    let fleet = Arc::new(Fleet::new(
        tenfold_fleet::Config::for_node("here"),
        tenfold_fleet::Ports {
            store: Arc::new(MemoryDeploymentStore::default()),
            launcher: Arc::clone(&world) as Arc<_>,
            connector: Arc::clone(&world) as Arc<_>,
            machine: world,
            clock: time(),
            rng: Arc::clone(&rng),
        },
        tracker.clone(),
    ));
    let serving_store = Arc::new(MemoryServingStore::default());
    let serving = Serving::new(
        tenfold_serving::Config {
            idempotency_ttl: Duration::from_hours(24),
            idempotency_limit_bytes: 1 << 20,
            response_chain_limit: 10,
        },
        tenfold_serving::Parts {
            fleet: Arc::clone(&fleet),
            billing: Arc::clone(&billing),
            responses: Arc::clone(&serving_store) as Arc<_>,
            idempotency: Arc::clone(&serving_store) as Arc<_>,
            background: Arc::new(NoBackground),
            clock: time(),
            rng: Arc::clone(&rng),
            tracker: tracker.clone(),
        },
    );
    let client = reqwest::Client::builder().build().unwrap();
    let catalog = Catalog::open(tenfold_catalog::Config::at(home.path()), client).unwrap();
    let catalog = Arc::new(catalog);
    let offering = Offering::new(
        OfferConfig {
            slots: 1,
            context_length: 1024,
            queue_limit: 10,
            queue_timeout: Duration::from_secs(1),
            upstream_concurrency: 10,
        },
        Arc::clone(&catalog),
        Arc::clone(&fleet),
        Arc::clone(&billing),
    );
    let host = Arc::new(MemoryHost::default());
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let rentals = rentals(&billing, &serving_store, &host, time(), Arc::clone(&rng));
    let platform = Arc::new(Platform {
        config: Config {
            body_limit_bytes: 1 << 20,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(5),
            max_connections: 100,
            shutdown_grace: Duration::from_secs(1),
            public_url: "https://us.example".to_owned(),
            is_https: true,
        },
        version: "0.0.0",
        identity: Arc::new(identity),
        accounts,
        console: Arc::new(crate::routes::console_files::Files),
        billing,
        checkout,
        has_mail_server: false,
        catalog,
        fleet,
        serving: Arc::new(serving),
        offering: Arc::new(offering),
        rentals,
        // Nobody changes it: it stays at its first value.
        starting: tokio::sync::watch::channel(None).1,
        clock: time(),
        rng,
        tracker,
        shutdown: CancellationToken::new(),
        metrics: recorder.handle(),
    });
    let router = tenfold_http::router(Arc::clone(&platform));
    House { router, platform, clock, made, ledger, payments, serving_store, host, _home: home }
}

fn accounts(people: tenfold_identity::Ports, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Arc<Accounts> {
    let config = tenfold_accounts::Config {
        pepper: [6; 32],
        relying_party: RelyingParty::of_url("https://us.example"),
        session_idle: Duration::from_hours(12),
        session_life: Duration::from_hours(7 * 24),
        invite_life: Duration::from_hours(7 * 24),
        hashes_at_once: 2,
    };
    let store = Arc::new(tenfold_accounts::MemoryStore::new(people.clone()));
    Arc::new(Accounts::new(config, tenfold_accounts::Ports::of(store), people, clock, rng))
}

fn rentals(
    billing: &Arc<Billing>,
    store: &Arc<MemoryServingStore>,
    host: &Arc<MemoryHost>,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
) -> Arc<Rentals> {
    let config = RentalConfig {
        device_class: "cpu".into(),
        minimum_seconds: 60,
        slice_seconds: 60,
        ahead: Duration::from_secs(15),
        lease: Duration::from_secs(30),
        most: 10,
        process: "one".into(),
    };
    let (store, host) = (Arc::clone(store) as Arc<_>, Arc::clone(host) as Arc<_>);
    Arc::new(Rentals::new(config, Arc::clone(billing), store, host, clock, rng))
}

fn billing(ledger: &Arc<MemoryLedger>, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Arc<Billing> {
    let ports = tenfold_billing::Ports {
        ledger: Arc::clone(ledger) as Arc<_>,
        reader: Arc::clone(ledger) as Arc<_>,
        funds: Arc::new(MemoryFunds::default()),
        plans: Arc::new(MemoryPlans::default()),
        alerts: Arc::new(MemoryAlerts::default()),
        invoices: Arc::new(MemoryInvoices::new(Arc::clone(ledger))),
        usage: Arc::clone(ledger) as Arc<_>,
        prices: Arc::new(MemoryPrices::default()),
        limits: Arc::new(MemoryLimits::default()),
        clock,
        rng,
    };
    Arc::new(Billing::new(ports, tenfold_billing::Config::default()))
}

impl House {
    /// Sends a request with a key and headers, and reads the answer as JSON.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request =
            request.body(body.map_or_else(Body::empty, |body| Body::from(body.to_string()))).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 22).await.unwrap();
        let json = serde_json::from_slice(&bytes).unwrap_or_else(|_| {
            panic!("{path} answers {status} with no JSON: {}", String::from_utf8_lossy(&bytes))
        });
        (status, json)
    }

    /// `GET` with the admin key; must succeed.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, json) = self.send(Method::GET, path, Some(self.admin()), &[], None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {json}");
        json
    }

    /// `POST` with the admin key; must succeed.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let (status, json) = self.send(Method::POST, path, Some(self.admin()), &[], Some(&body)).await;
        assert_eq!(status, StatusCode::OK, "{path}: {json}");
        json
    }

    /// `DELETE` with the admin key; must succeed.
    pub(crate) async fn delete(&self, path: &str) -> Value {
        let (status, json) = self.send(Method::DELETE, path, Some(self.admin()), &[], None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {json}");
        json
    }

    /// The status, `code` and `param` of a request with the admin key that must fail.
    pub(crate) async fn fails(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Option<String>, Option<String>) {
        let (status, json) = self.send(method, path, Some(self.admin()), &[], body.as_ref()).await;
        assert!(status.is_client_error(), "{path}: {status} {json}");
        let text = |field: &str| json["error"][field].as_str().map(str::to_owned);
        assert!(text("message").is_some_and(|message| !message.is_empty()), "{json}");
        (status.as_u16(), text("code"), text("param"))
    }

    /// The status of a call with this key.
    pub(crate) async fn status_of(&self, key: &str) -> u16 {
        self.send(Method::GET, "/v1/models", Some(key), &[], None).await.0.as_u16()
    }

    /// Takes so many dollars from the balance.
    pub(crate) async fn spend(&self, dollars: i64) {
        let account = |kind: &AccountKind| AccountId::new(&self.made.organization, kind, Currency::USD);
        let post = Post {
            transaction: "spent".into(),
            kind: EntryKind::Adjustment,
            organization: self.made.organization.clone(),
            project: None,
            currency: Currency::USD,
            moves: vec![Move {
                from: vec![Source::funds(account(&AccountKind::Balance))],
                to: account(&AccountKind::Revenue),
                nanos: dollars * 1_000_000_000,
            }],
            reverses: None,
            memo: None,
            now: self.clock.now(),
        };
        self.platform.billing.post(post).await.unwrap();
    }

    pub(crate) fn admin(&self) -> &str {
        self.made.admin_key.expose()
    }

    /// The path of the default project, with `rest` behind it.
    pub(crate) fn project(&self, rest: &str) -> String {
        format!("/v1/organization/projects/{}{rest}", self.made.project)
    }
}
