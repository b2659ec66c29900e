//! The platform: every part made and plugged together, in the order of the arrows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tenfold_accounts::{Accounts, RelyingParty};
use tenfold_billing::checkout::{Checkout, CheckoutConfig};
use tenfold_billing::{Billing, RateLimits};
use tenfold_catalog::Catalog;
use tenfold_fleet::{Fleet, LocalMachine, ProcessLauncher};
use tenfold_http::Platform;
use tenfold_http::routes::console_files::ConsoleFiles;
use tenfold_identity::Identity;
use tenfold_jobs::{Handler, Jobs, Runner};
use tenfold_kernel::{Clock, Currency, Rng, SystemClock, SystemRng, base62};
use tenfold_serving::{OfferConfig, Offering, Serving};
use tenfold_store::{Backend, LedgerWriter, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Environment, Settings, private_folder};
use crate::periodic::Periodic;
use crate::{background, credentials, engines, first_start, heartbeat, logging};

/// How long a process may be silent before what it holds is given back.
const HOLD_LEASE: Duration = Duration::from_mins(1);

/// Runs the platform until it is asked to stop.
pub(crate) fn run(environment: &Environment) -> anyhow::Result<()> {
    logging::init(environment)?;
    let settings = Settings::load(environment)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("failed to start")?;
    runtime.block_on(platform(environment, settings))
}

async fn platform(environment: &Environment, settings: Settings) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let rng: Arc<dyn Rng> = Arc::new(SystemRng);
    let tracker = TaskTracker::new();
    let shutdown = CancellationToken::new();
    let _lock = only_one(&settings.home)?;
    // Bound first: an address that is taken is told before anything is made.
    let listener = tokio::net::TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("failed to listen on {}; set TENFOLD_LISTEN to another", settings.listen))?;
    let listen = listener.local_addr().context("failed to listen")?;

    let store = Arc::new(open(&settings).await?);
    // SQLite is ours alone, so what was read may be remembered; others may write to a PostgreSQL.
    let exclusive = store.backend() == Backend::Sqlite;

    let identity = Arc::new(identity(&settings, &store, exclusive, &clock, &rng)?);
    first_start::found(&identity, &settings.home, listen).await?;

    let public_url = settings.public_url(listen)?;
    let accounts = Arc::new(accounts(&settings, &public_url, &store, &clock, &rng)?);

    let (ledger, process) = ledger(&store, exclusive, &clock, rng.as_ref(), &tracker, &shutdown).await?;
    let billing = Arc::new(billing(&settings, &store, &ledger, &process, exclusive, &clock, &rng));
    let checkout = Arc::new(checkout(&settings, &store, &billing, &clock, &rng)?);
    let catalog = Arc::new(catalog(&settings)?);
    let fleet = Arc::new(fleet(environment, &settings, &store, &clock, &rng, &tracker)?);
    fleet.load().await.context("failed to load deployments")?;

    let jobs = Arc::new(Jobs::new(Arc::clone(&store) as _, Arc::clone(&clock), Arc::clone(&rng)));
    let parts = tenfold_serving::Parts {
        fleet: Arc::clone(&fleet),
        billing: Arc::clone(&billing),
        responses: Arc::clone(&store) as _,
        idempotency: Arc::clone(&store) as _,
        background: Arc::new(background::Queue { jobs: Arc::clone(&jobs) }),
        clock: Arc::clone(&clock),
        rng: Arc::clone(&rng),
        tracker: tracker.clone(),
    };
    let serving = Arc::new(Serving::new(serving_config(), parts));
    if exclusive {
        serving.release_locks_of_earlier_run().await.context("failed to release idempotency keys")?;
    }
    let offering = Arc::new(offering(&settings, &catalog, &fleet, &billing));
    let rentals = settings.file.rental.rentals(process, (&billing, &store, &offering), &clock, &rng);
    tracker.spawn(runner(jobs, Arc::clone(&serving)).run(shutdown.clone()));
    let notifier = settings.file.notifications.notifier(&settings.home)?;
    let has_mail_server = notifier.mailer.is_some();
    Periodic {
        serving: Arc::clone(&serving),
        identity: Arc::clone(&identity),
        accounts: Arc::clone(&accounts),
        billing: Arc::clone(&billing),
        checkout: Arc::clone(&checkout),
        rentals: Arc::clone(&rentals),
        notifier,
    }
    .start(&tracker, &shutdown);

    let metrics = metrics(&tracker, &shutdown)?;

    let (starting_tx, starting) = tokio::sync::watch::channel(Some("starting".to_owned()));
    let app = Arc::new(Platform {
        config: settings.file.http.to_config(&public_url),
        version: env!("CARGO_PKG_VERSION"),
        identity: Arc::clone(&identity),
        accounts,
        console: Arc::new(Console),
        billing,
        checkout,
        has_mail_server,
        catalog: Arc::clone(&catalog),
        fleet: Arc::clone(&fleet),
        serving,
        offering: Arc::clone(&offering),
        rentals,
        starting,
        clock,
        rng,
        tracker: tracker.clone(),
        shutdown: shutdown.clone(),
        metrics,
    });
    let router = tenfold_http::router(Arc::clone(&app));
    tracing::info!(%listen, home = %settings.home.display(), "tenfold is listening");
    let server = tenfold_http::server::serve(Arc::clone(&app), router, listener);
    let default_model = settings.file.models.default.clone();
    let prepare = async {
        tokio::select! {
            () = first_start::offer(&catalog, &offering, &default_model, &starting_tx) => {
                first_start::print(&format!(
                    "Tenfold is ready: http://{listen}/v1   (console: {public_url}/console/, docs: http://{listen}/docs)"
                ));
            }
            () = shutdown.cancelled() => {}
        }
    };
    let stop = async {
        asked_to_stop().await?;
        tracing::info!("stopping: streams that are under way may end");
        shutdown.cancel();
        anyhow::Ok(())
    };
    let (served, (), stopped) = tokio::join!(server, prepare, stop);
    served.context("failed to serve")?;
    stopped?;
    end(&fleet, &tracker, &ledger, &identity, &store).await
}

/// Ends everything, each part after those that need it.
async fn end(
    fleet: &Fleet,
    tracker: &TaskTracker,
    ledger: &LedgerWriter,
    identity: &Identity,
    store: &Store,
) -> anyhow::Result<()> {
    fleet.shutdown().await;
    tracker.close();
    if tokio::time::timeout(Duration::from_secs(10), tracker.wait()).await.is_err() {
        tracing::warn!("some work did not end in time");
    }
    ledger.close().await;
    identity.flush_uses().await.context("failed to write when keys were last used")?;
    store.close().await;
    Ok(())
}

async fn open(settings: &Settings) -> anyhow::Result<Store> {
    let config = tenfold_store::Config {
        pool_size: settings.file.database.pool_size,
        acquire_timeout: Duration::from_secs(10),
    };
    Store::connect(&settings.database_url, &config).await.context("failed to open the database")
}

/// One platform to a folder: a second one would hand out the same SQLite database twice.
fn only_one(home: &Path) -> anyhow::Result<std::fs::File> {
    let path = home.join("lock");
    let file = std::fs::File::create(&path).with_context(|| format!("failed to write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            bail!(
                "another platform runs in {}; stop it, or set TENFOLD_HOME to another folder",
                home.display()
            )
        }
        Err(std::fs::TryLockError::Error(error)) => Err(error).context("failed to lock TENFOLD_HOME"),
    }
}

/// The console that is in the binary.
#[derive(Debug)]
struct Console;

impl ConsoleFiles for Console {
    fn file(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        tenfold_console::file(path)
    }
}

fn accounts(
    settings: &Settings,
    public_url: &str,
    store: &Arc<Store>,
    clock: &Arc<dyn Clock>,
    rng: &Arc<dyn Rng>,
) -> anyhow::Result<Accounts> {
    const DAY: Duration = Duration::from_hours(24);
    let config = tenfold_accounts::Config {
        pepper: credentials::pepper(&settings.home, rng.as_ref())?,
        relying_party: RelyingParty::of_url(public_url),
        session_idle: DAY / 2,
        session_life: DAY * 7,
        invite_life: DAY * 7,
        hashes_at_once: 2,
    };
    let people = tenfold_identity::Ports::of(Arc::clone(store));
    let ports = tenfold_accounts::Ports::of(Arc::clone(store));
    Ok(Accounts::new(config, ports, people, Arc::clone(clock), Arc::clone(rng)))
}

fn identity(
    settings: &Settings,
    store: &Arc<Store>,
    exclusive: bool,
    clock: &Arc<dyn Clock>,
    rng: &Arc<dyn Rng>,
) -> anyhow::Result<Identity> {
    let config = tenfold_identity::Config {
        pepper: credentials::pepper(&settings.home, rng.as_ref())?,
        exclusive,
        cache_size: 10_000,
    };
    let ports = tenfold_identity::Ports::of(Arc::clone(store));
    Ok(Identity::new(config, ports, Arc::clone(clock), Arc::clone(rng)))
}

/// Starts the ledger under a name for this process, and gives back what processes hold that are gone.
async fn ledger(
    store: &Arc<Store>,
    exclusive: bool,
    clock: &Arc<dyn Clock>,
    rng: &dyn Rng,
    tracker: &TaskTracker,
    shutdown: &CancellationToken,
) -> anyhow::Result<(Arc<LedgerWriter>, Arc<str>)> {
    // Its task is on a tracker of its own: it ends after everything that has calls to settle.
    let ledger = LedgerWriter::start((**store).clone(), Arc::clone(clock), &TaskTracker::new());
    let process: Arc<str> = format!("proc_{}", base62(rng, 24)).into();
    // Nobody else writes to an SQLite database: whatever is held there is held by a process that is gone.
    let lease = if exclusive { Duration::ZERO } else { HOLD_LEASE };
    heartbeat::beat(ledger.as_ref(), &process, clock.as_ref(), lease)
        .await
        .context("failed to release holds")?;
    tracker.spawn(heartbeat::run(
        Arc::clone(&ledger) as _,
        Arc::clone(&process),
        Arc::clone(clock),
        HOLD_LEASE,
        shutdown.clone(),
    ));
    Ok((ledger, process))
}

fn billing(
    settings: &Settings,
    store: &Arc<Store>,
    ledger: &Arc<LedgerWriter>,
    process: &Arc<str>,
    exclusive: bool,
    clock: &Arc<dyn Clock>,
    rng: &Arc<dyn Rng>,
) -> Billing {
    let limit = |value: u64| (value > 0).then_some(value);
    let config = tenfold_billing::Config {
        currency: Currency::USD,
        default_limits: RateLimits {
            requests_per_minute: limit(settings.file.limits.requests_per_minute),
            tokens_per_minute: limit(settings.file.limits.tokens_per_minute),
            ..RateLimits::default()
        },
        process: Arc::clone(process),
        cache_age: (!exclusive).then_some(Duration::from_secs(1)),
    };
    let ports = tenfold_billing::Ports {
        ledger: Arc::clone(ledger) as _,
        reader: Arc::clone(store) as _,
        funds: Arc::clone(store) as _,
        plans: Arc::clone(store) as _,
        alerts: Arc::clone(store) as _,
        invoices: Arc::clone(store) as _,
        usage: Arc::clone(store) as _,
        prices: Arc::clone(store) as _,
        limits: Arc::clone(store) as _,
        clock: Arc::clone(clock),
        rng: Arc::clone(rng),
    };
    Billing::new(ports, config)
}

fn checkout(
    settings: &Settings,
    store: &Arc<Store>,
    billing: &Arc<Billing>,
    clock: &Arc<dyn Clock>,
    rng: &Arc<dyn Rng>,
) -> anyhow::Result<Checkout> {
    let payments = &settings.file.payments;
    let gateways = payments.gateways(&settings.home, clock, rng)?;
    let config = CheckoutConfig {
        public_url: payments.public_url()?,
        lifetime: Duration::from_hours(1),
        subject: "Tenfold balance".to_owned(),
    };
    let (orders, recharges) = (Arc::clone(store) as _, Arc::clone(store) as _);
    Ok(Checkout::new(Arc::clone(billing), orders, recharges, gateways, config))
}

fn offering(
    settings: &Settings,
    catalog: &Arc<Catalog>,
    fleet: &Arc<Fleet>,
    billing: &Arc<Billing>,
) -> Offering {
    Offering::new(offer_config(settings), Arc::clone(catalog), Arc::clone(fleet), Arc::clone(billing))
}

fn catalog(settings: &Settings) -> anyhow::Result<Catalog> {
    let models = &settings.file.models;
    let mut config = tenfold_catalog::Config::at(&settings.home);
    if let Some(sources) = &models.sources {
        config.sources.clone_from(sources);
    }
    if let Some(endpoint) = &models.hf_endpoint {
        config.hf_endpoint.clone_from(endpoint);
    }
    let http = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .build()
        .context("failed to make a client for downloads")?;
    Catalog::open(config, http).context("failed to read the catalogue")
}

fn fleet(
    environment: &Environment,
    settings: &Settings,
    store: &Arc<Store>,
    clock: &Arc<dyn Clock>,
    rng: &Arc<dyn Rng>,
    tracker: &TaskTracker,
) -> anyhow::Result<Fleet> {
    let engine = &settings.file.engine;
    let program = std::env::current_exe().context("failed to find this program")?;
    let mut arguments = vec!["worker".to_owned(), "--threads".to_owned(), engine.threads.to_string()];
    if !engine.flash_attention {
        arguments.push("--no-flash-attention".to_owned());
    }
    let run_folder = run_folder(&settings.home, rng.as_ref())?;
    let launcher = ProcessLauncher::new(program, arguments, run_folder, Arc::clone(rng), tracker.clone())
        .with_environment(environment.for_workers());
    let ports = tenfold_fleet::Ports {
        store: Arc::clone(store) as _,
        launcher: Arc::new(launcher),
        connector: Arc::new(engines::Connector { clock: Arc::clone(clock) }),
        machine: Arc::new(
            LocalMachine::new().map_err(|error| anyhow::anyhow!(error)).context("failed to read memory")?,
        ),
        clock: Arc::clone(clock),
        rng: Arc::clone(rng),
    };
    let config = tenfold_fleet::Config {
        memory_budget_bytes: NonZero::new(engine.memory_budget_bytes).map(NonZero::get),
        ..tenfold_fleet::Config::for_node("local")
    };
    Ok(Fleet::new(config, ports, tracker.clone()))
}

/// Where workers' sockets go. A socket's address is short, so a deep home has them among temporary files.
fn run_folder(home: &Path, rng: &dyn Rng) -> anyhow::Result<PathBuf> {
    let at_home = home.join("run");
    let folder = if at_home.as_os_str().len() < 80 {
        at_home
    } else {
        std::env::temp_dir().join(format!("tenfold-{}", base62(rng, 10)))
    };
    private_folder(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    Ok(folder)
}

fn offer_config(settings: &Settings) -> OfferConfig {
    let engine = &settings.file.engine;
    let context_length = if engine.context_length == 0 { 4096 } else { engine.context_length };
    OfferConfig {
        slots: engine.slots,
        context_length: u64::from(context_length),
        queue_limit: u32::try_from(engine.queue_limit).unwrap_or(u32::MAX),
        queue_timeout: Duration::from_secs(engine.queue_timeout_s),
        upstream_concurrency: 256,
    }
}

fn serving_config() -> tenfold_serving::Config {
    tenfold_serving::Config {
        idempotency_ttl: Duration::from_hours(24),
        idempotency_limit_bytes: 4 << 20,
        response_chain_limit: 200,
    }
}

/// What runs background jobs.
fn runner(jobs: Arc<Jobs>, serving: Arc<Serving>) -> Arc<Runner> {
    let handler: Arc<dyn Handler> = Arc::new(background::Worker { serving });
    let handlers = HashMap::from([(background::KIND.to_owned(), handler)]);
    Arc::new(Runner::new(jobs, tenfold_jobs::Config::default(), handlers))
}

/// Upper bounds of the buckets of durations, in seconds: from a refusal to a long answer.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0];

fn metrics(tracker: &TaskTracker, shutdown: &CancellationToken) -> anyhow::Result<PrometheusHandle> {
    let metrics = PrometheusBuilder::new()
        .set_buckets(&SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .context("failed to start metrics")?;
    tracker.spawn(tidy_metrics(metrics.clone(), shutdown.clone()));
    Ok(metrics)
}

/// Adds single observations up: without that they are kept until somebody asks for `/metrics`.
async fn tidy_metrics(metrics: PrometheusHandle, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => metrics.run_upkeep(),
            () = shutdown.cancelled() => return,
        }
    }
}

/// Waits for Ctrl-C or a polite signal.
async fn asked_to_stop() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for signals")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("failed to listen for signals"),
        _ = terminate.recv() => Ok(()),
    }
}
