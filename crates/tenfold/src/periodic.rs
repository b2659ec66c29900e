//! What is done now and then, beside calls. Several processes may do all of it at once.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use tenfold_accounts::Accounts;
use tenfold_billing::Billing;
use tenfold_billing::checkout::Checkout;
use tenfold_identity::Identity;
use tenfold_kernel::BoxError;
use tenfold_notify::Outside;
use tenfold_serving::{Rentals, Serving};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const PERIOD: Duration = Duration::from_secs(30);
/// How often rentals are looked after.
const RENTAL_PERIOD: Duration = Duration::from_secs(10);
/// How often it is looked whether too little is left of a balance.
const RECHARGE_PERIOD: Duration = Duration::from_secs(5);
/// How often it is looked whether a month is over somewhere.
const CLOSING_PERIOD: Duration = Duration::from_mins(10);

/// What there is to look after.
#[derive(Debug)]
pub(crate) struct Periodic {
    pub(crate) serving: Arc<Serving>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) billing: Arc<Billing>,
    pub(crate) checkout: Arc<Checkout>,
    pub(crate) rentals: Arc<Rentals>,
    pub(crate) notifier: Outside,
}

impl Periodic {
    /// Looks after all of it until the platform stops.
    pub(crate) fn start(self, tracker: &TaskTracker, shutdown: &CancellationToken) {
        let Self { serving, identity, accounts, billing, checkout, rentals, notifier } = self;
        if checkout.providers().next().is_some() {
            tracker.spawn(recharging(checkout, shutdown.clone()));
        }
        tracker.spawn(renting(rentals, shutdown.clone()));
        tracker.spawn(notifications(Arc::clone(&billing), notifier, shutdown.clone()));
        tracker.spawn(closing(Arc::clone(&billing), shutdown.clone()));
        tracker.spawn(housekeeping(serving, identity, accounts, billing, shutdown.clone()));
    }
}

/// Forgets expired idempotency keys, writes down uses of keys, renews subscriptions and takes ended credit back.
async fn housekeeping(
    serving: Arc<Serving>,
    identity: Arc<Identity>,
    accounts: Arc<Accounts>,
    billing: Arc<Billing>,
    shutdown: CancellationToken,
) {
    while goes_on(PERIOD, &shutdown).await {
        report("expired keys could not be forgotten", serving.forget_expired_keys().await);
        report("ended sessions could not be forgotten", accounts.sweep().await);
        report("uses of keys could not be written", identity.flush_uses().await);
        report("subscriptions could not be renewed", billing.renew_due().await);
        report("ended credit could not be taken back", billing.expire_grants().await);
    }
}

/// Tells spend alerts. Apart from the rest, since receivers may be slow.
async fn notifications(billing: Arc<Billing>, notifier: Outside, shutdown: CancellationToken) {
    while goes_on(PERIOD, &shutdown).await {
        report("spend alerts could not be looked at", billing.alerts_due().await);
        report("spend alerts could not be sent", billing.deliver_due(&notifier).await);
    }
}

/// Recharges balances. Apart from the rest, since providers may be slow.
async fn recharging(checkout: Arc<Checkout>, shutdown: CancellationToken) {
    while goes_on(RECHARGE_PERIOD, &shutdown).await {
        report("balances could not be recharged", checkout.recharge_due().await);
    }
}

/// Charges the seconds of rented replicas, the last ones before the platform stops.
async fn renting(rentals: Arc<Rentals>, shutdown: CancellationToken) {
    while goes_on(RENTAL_PERIOD, &shutdown).await {
        report("rentals could not be looked after", rentals.look().await);
    }
    report("the last seconds of rentals could not be charged", rentals.leave().await);
}

/// Makes invoices of months that are over.
async fn closing(billing: Arc<Billing>, shutdown: CancellationToken) {
    while goes_on(CLOSING_PERIOD, &shutdown).await {
        report("invoices could not be made", billing.close_due().await);
    }
}

/// Waits for the next turn; says whether there is one.
async fn goes_on(period: Duration, shutdown: &CancellationToken) -> bool {
    tokio::select! {
        () = tokio::time::sleep(period) => true,
        () = shutdown.cancelled() => false,
    }
}

fn report<T, E: Into<BoxError>>(what: impl Display, done: Result<T, E>) {
    if let Err(error) = done {
        let error = anyhow::Error::from_boxed(error.into());
        tracing::warn!(error = %format!("{error:#}"), "{what}");
    }
}
