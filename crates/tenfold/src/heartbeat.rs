//! Says that this process runs, and gives back what those held that do not any more.

use std::sync::Arc;
use std::time::Duration;

use tenfold_billing::{BillingError, ProcessStore};
use tenfold_kernel::{Clock, Timestamp};
use tokio_util::sync::CancellationToken;

/// How often a process says that it runs.
const INTERVAL: Duration = Duration::from_secs(10);

/// Says it once, and releases the holds of all that have been silent for `lease`.
pub(crate) async fn beat(
    processes: &dyn ProcessStore,
    process: &str,
    clock: &dyn Clock,
    lease: Duration,
) -> Result<(), BillingError> {
    let now = clock.now();
    let lease = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
    let released = processes.beat(process, now, Timestamp(now.0.saturating_sub(lease))).await?;
    if released > 0 {
        tracing::info!(holds = released, "released what processes held that are gone");
    }
    Ok(())
}

/// Says it again and again until `shutdown`.
pub(crate) async fn run(
    processes: Arc<dyn ProcessStore>,
    process: Arc<str>,
    clock: Arc<dyn Clock>,
    lease: Duration,
    shutdown: CancellationToken,
) {
    while shutdown.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
        if let Err(error) = beat(processes.as_ref(), &process, clock.as_ref(), lease).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot say that this process runs");
        }
    }
}
