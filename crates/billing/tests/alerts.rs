//! Spend alerts and ended credit, in memory.

use std::sync::Arc;
use std::time::Duration;

use tenfold_billing::memory::{
    MemoryAlerts, MemoryFunds, MemoryInvoices, MemoryLedger, MemoryLimits, MemoryPlans, MemoryPrices,
};
use tenfold_billing::{Billing, Config, Ports, conformance};
use tenfold_kernel::{MockClock, SeededRng, Timestamp};

#[tokio::test]
async fn alerts_in_memory() {
    let clock = Arc::new(MockClock::new(Timestamp(1_700_000_000_000)));
    let ledger = Arc::new(MemoryLedger::default());
    let ports = Ports {
        ledger: ledger.clone(),
        reader: ledger.clone(),
        funds: Arc::new(MemoryFunds::default()),
        plans: Arc::new(MemoryPlans::default()),
        alerts: Arc::new(MemoryAlerts::default()),
        invoices: Arc::new(MemoryInvoices::new(ledger.clone())),
        usage: ledger,
        prices: Arc::new(MemoryPrices::default()),
        limits: Arc::new(MemoryLimits::default()),
        clock: clock.clone(),
        rng: Arc::new(SeededRng::new(1)),
    };
    let process = || Billing::new(ports.clone(), Config::default());
    let processes = [process(), process(), process()];
    let (rng, advance) = (SeededRng::new(9), |by: Duration| clock.advance(by));
    conformance::an_alert_is_sent_once_for_its_month_however_many_processes_look(&processes, &advance, &rng)
        .await;
    conformance::a_delivery_that_nobody_takes_is_given_up(&processes[0], &advance, &rng).await;
    conformance::an_alert_counts_what_limits_count(&processes[0], &rng).await;
    conformance::credit_that_was_not_used_in_time_is_gone_and_what_is_held_is_not(&processes, &advance, &rng)
        .await;
}
