//! What every handler is given.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tenfold_accounts::Accounts;
use tenfold_billing::Billing;
use tenfold_billing::checkout::Checkout;
use tenfold_catalog::Catalog;
use tenfold_fleet::Fleet;
use tenfold_identity::Identity;
use tenfold_kernel::{Clock, Rng};
use tenfold_serving::{Offering, Rentals, Serving};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::routes::console_files::ConsoleFiles;

/// Limits of the edge.
#[derive(Debug, Clone)]
pub struct Config {
    /// The largest body that is read, in bytes.
    pub body_limit_bytes: usize,
    /// How long a client may take to send its headers.
    pub header_timeout: Duration,
    /// How long a client may take to send its body.
    pub body_timeout: Duration,
    /// Connections that are served at once; more wait in the kernel's queue.
    pub max_connections: usize,
    /// How long streams may go on after a shutdown was asked for.
    pub shutdown_grace: Duration,
    /// Where people reach the platform with a browser, without a slash at its end.
    pub public_url: String,
    /// Whether that is with TLS: then cookies go no other way.
    pub is_https: bool,
}

/// The parts, plugged together by the binary. Cloning is one reference count.
pub type App = Arc<Platform>;

/// The parts.
#[derive(Debug)]
pub struct Platform {
    /// Limits of the edge.
    pub config: Config,
    /// The version in `/healthz` and the API description.
    pub version: &'static str,
    /// Who calls.
    pub identity: Arc<Identity>,
    /// Who is signed in to the console.
    pub accounts: Arc<Accounts>,
    /// The console itself.
    pub console: Arc<dyn ConsoleFiles>,
    /// Meters, prices, limits, reports.
    pub billing: Arc<Billing>,
    /// Paying in.
    pub checkout: Arc<Checkout>,
    /// Whether there is a mail server for alerts.
    pub has_mail_server: bool,
    /// Models that may be offered.
    pub catalog: Arc<Catalog>,
    /// Deployments and replicas.
    pub fleet: Arc<Fleet>,
    /// The way of one call.
    pub serving: Arc<Serving>,
    /// Makes and takes away deployments.
    pub offering: Arc<Offering>,
    /// Replicas by the second.
    pub rentals: Arc<Rentals>,
    /// What the first start is still busy with; nothing when the platform is ready.
    pub starting: tokio::sync::watch::Receiver<Option<String>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// What runs beside requests and is awaited at the end.
    pub tracker: TaskTracker,
    /// Cancelled when the platform is asked to stop.
    pub shutdown: CancellationToken,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
}
