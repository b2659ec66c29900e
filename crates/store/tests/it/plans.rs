//! What plans, invoices and limits of calls do on both databases, with three processes on each.

use std::sync::Arc;
use std::time::Duration;

use tenfold_billing::{Billing, Config, Ports, conformance};
use tenfold_kernel::{MockClock, SeededRng, Timestamp};
use tenfold_store::{LedgerWriter, Store};
use tokio_util::task::TaskTracker;

use crate::{postgres, sqlite};

async fn every_suite(stores: &[Store]) {
    // Wednesday, 2026-11-25, noon in UTC.
    let clock = Arc::new(MockClock::new(Timestamp(1_795_608_000_000)));
    let (tracker, rng) = (TaskTracker::new(), Arc::new(SeededRng::new(8)));
    let writers: Vec<_> =
        stores.iter().map(|store| LedgerWriter::start(store.clone(), clock.clone(), &tracker)).collect();
    let process = |(store, writer): (&Store, &Arc<LedgerWriter>)| {
        let store = Arc::new(store.clone());
        let ports = Ports {
            ledger: writer.clone(),
            reader: store.clone(),
            funds: store.clone(),
            plans: store.clone(),
            alerts: store.clone(),
            invoices: store.clone(),
            usage: store.clone(),
            prices: store.clone(),
            limits: store,
            clock: clock.clone(),
            rng: rng.clone(),
        };
        Arc::new(Billing::new(ports, Config { cache_age: Some(Duration::ZERO), ..Config::default() }))
    };
    let processes: Vec<Arc<Billing>> = stores.iter().zip(&writers).map(process).collect();
    // Before the clock moves.
    conformance::an_invoice_sums_to_the_ledger_of_its_month(&processes[0], &clock, &*rng).await;
    conformance::a_statement_has_the_lines_of_the_invoice_of_its_month(&processes[0], &clock, &*rng).await;
    conformance::a_statement_by_a_label_adds_up_to_what_was_charged(&processes[0], &clock, &*rng).await;
    conformance::a_month_is_closed_once(&processes, &clock, &*rng).await;
    conformance::a_credit_note_is_never_more_than_its_invoice(&processes[0], &clock, &*rng).await;
    conformance::what_is_written_late_is_on_the_next_invoice(&processes[0], &clock, &*rng).await;
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
    let stores = processes.iter().zip(stores).map(|(billing, store)| {
        let store = Arc::new(store.clone());
        (Arc::clone(billing), store.clone() as Arc<_>, store as Arc<_>)
    });
    let till = conformance::Till::new(stores.collect(), &clock, &*rng);
    conformance::a_shortfall_is_charged_once(&till).await;
    conformance::a_charge_whose_answer_was_lost_is_made_once(&till).await;
    conformance::charges_that_fail_are_made_again_and_then_no_more(&till).await;
    conformance::a_payment_that_takes_days_is_waited_for(&till).await;
    conformance::a_month_is_charged_no_more_than_its_limit(&till).await;
    conformance::an_invoice_is_paid_once_and_owed_again_when_the_money_goes_back(&till).await;
    let verified = processes[0].verify().await.unwrap();
    assert_eq!(verified.faults, Vec::<String>::new());
    for writer in writers {
        writer.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_on_sqlite() {
    let (store, _folder) = sqlite::store().await;
    every_suite(&[store]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_of_three_processes_on_one_postgres() {
    let url = postgres::database();
    let mut stores = Vec::new();
    for _ in 0..3 {
        stores.push(Store::connect(&url, &sqlite::config()).await.unwrap());
    }
    every_suite(&stores).await;
}
