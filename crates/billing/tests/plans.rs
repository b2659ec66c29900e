//! What plans, invoices and limits of calls do, in memory.

use std::sync::Arc;
use std::time::Duration;

use tenfold_billing::memory::{
    MemoryAlerts, MemoryFunds, MemoryInvoices, MemoryLedger, MemoryLimits, MemoryPayments, MemoryPlans,
    MemoryPrices,
};
use tenfold_billing::{Billing, Config, Ports, conformance};
use tenfold_kernel::{MockClock, SeededRng, Timestamp};

#[tokio::test]
async fn memory_keeps_plans_as_every_store_does() {
    // Wednesday, 2026-11-25, noon in UTC.
    let clock = Arc::new(MockClock::new(Timestamp(1_795_608_000_000)));
    let rng = Arc::new(SeededRng::new(8));
    let ledger = Arc::new(MemoryLedger::default());
    let ports = Ports {
        ledger: ledger.clone(),
        reader: ledger.clone(),
        funds: Arc::new(MemoryFunds::default()),
        alerts: Arc::new(MemoryAlerts::default()),
        invoices: Arc::new(MemoryInvoices::new(ledger.clone())),
        plans: Arc::new(MemoryPlans::default()),
        usage: ledger,
        prices: Arc::new(MemoryPrices::default()),
        limits: Arc::new(MemoryLimits::default()),
        clock: clock.clone(),
        rng: rng.clone(),
    };
    let process = || {
        let config = Config { cache_age: Some(Duration::ZERO), ..Config::default() };
        Arc::new(Billing::new(ports.clone(), config))
    };
    let processes = [process(), process(), process()];
    // Before the clock moves.
    conformance::an_invoice_sums_to_the_ledger_of_its_month(&processes[0], &clock, &*rng).await;
    conformance::a_statement_has_the_lines_of_the_invoice_of_its_month(&processes[0], &clock, &*rng).await;
    conformance::a_statement_by_a_label_adds_up_to_what_was_charged(&processes[0], &clock, &*rng).await;
    conformance::a_month_is_closed_once(&processes, &clock, &*rng).await;
    conformance::a_credit_note_is_never_more_than_its_invoice(&processes[0], &clock, &*rng).await;
    conformance::taxes_of_credit_notes_add_up_to_the_invoices(&processes[0], &clock, &*rng).await;
    conformance::an_allowance_pays_before_the_balance(&processes[0], &clock, &*rng).await;
    conformance::a_plan_that_stops_refuses_and_says_when_there_is_more(&processes[0], &clock, &*rng).await;
    conformance::a_period_is_charged_once(&processes, &clock, &*rng).await;
    conformance::a_change_of_plans_is_prorated(&processes[0], &clock, &*rng).await;
    conformance::a_limit_of_every_scope_refuses_the_next_call_and_names_itself(&processes[0], &clock, &*rng)
        .await;
    conformance::processes_share_one_limit(&processes, &*rng).await;
    conformance::a_soft_limit_counts_and_refuses_nothing(&processes[0], &*rng).await;
    conformance::a_limit_counts_what_was_used_in_the_end(&processes[0], &*rng).await;
    conformance::a_day_of_calls_ends_at_the_organisations_midnight(&processes[0], &clock, &*rng).await;
    // Last, since months go by.
    let payments = Arc::new(MemoryPayments::default());
    let stores =
        processes.iter().map(|billing| (Arc::clone(billing), payments.clone() as _, payments.clone() as _));
    let till = conformance::Till::new(stores.collect(), &clock, &*rng);
    conformance::a_shortfall_is_charged_once(&till).await;
    conformance::a_charge_whose_answer_was_lost_is_made_once(&till).await;
    conformance::charges_that_fail_are_made_again_and_then_no_more(&till).await;
    conformance::a_payment_that_takes_days_is_waited_for(&till).await;
    conformance::a_month_is_charged_no_more_than_its_limit(&till).await;
    conformance::an_invoice_is_paid_once_and_owed_again_when_the_money_goes_back(&till).await;
}
