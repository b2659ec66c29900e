//! How fast the money of calls becomes durable: `cargo run -p tenfold-store --example ledger_rate -- PLACE ...`.
//!
//! Arguments: a folder for an SQLite database or a `postgres://` URL; how many calls; how many at a time; how many
//! organisations pay for them; after how many calls a line is printed. A call is a hold on a balance before, and the
//! event with its entries after. Prints a line of JSON for each part, one for the proof of the ledger, and one for the
//! close of the month that all of it is in.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]
#![expect(clippy::cast_precision_loss, reason = "a measurement is not exact")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tenfold_billing::ledger::{AccountId, AccountKind, EntryKind, Move, Post, Reserve, Settle, Source};
use tenfold_billing::{Billing, Event, Ledger, LedgerReader, Ports, ProcessStore, conformance};
use tenfold_kernel::{
    Clock, Currency, EventId, MockClock, Money, OrganizationId, RequestId, SystemClock, SystemRng,
};
use tenfold_store::{Config, LedgerWriter, Store};
use tokio_util::task::TaskTracker;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(worker_threads = 2)]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().unwrap_or_else(|| ".".to_owned());
    let mut number = |default: usize| arguments.next().map_or(Ok(default), |text| text.parse());
    let (count, at_once, payers, part) = (number(100_000)?, number(64)?, number(10)?, number(100_000)?);

    let folder = tempfile::tempdir_in(if place.contains("://") { "." } else { &place })?;
    let url = if place.contains("://") {
        place
    } else {
        format!("sqlite://{}", folder.path().join("tenfold.db").display())
    };
    let config = Config { pool_size: 8, acquire_timeout: Duration::from_secs(30) };
    let store = Store::connect(&url, &config).await?;
    let tracker = TaskTracker::new();
    let ledger = LedgerWriter::start(store.clone(), Arc::new(SystemClock), &tracker);
    ledger.beat("rate", SystemClock.now(), SystemClock.now()).await?;
    let like = Arc::new(conformance::sample_event(&SystemRng));
    let payers: Arc<[OrganizationId]> = (0..payers).map(|_| OrganizationId::generate(&SystemRng)).collect();
    for payer in payers.iter() {
        ledger.post(paid(payer)).await?;
    }

    let mut done = 0;
    while done < count {
        // The first part is small, so that an almost empty ledger stands beside a full one.
        let calls = if done == 0 { part.min(10_000) } else { part - done % part }.min(count - done);
        let (began, cpu) = (Instant::now(), cpu_micros()?);
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..at_once {
            let (ledger, like, payers) = (Arc::clone(&ledger), Arc::clone(&like), Arc::clone(&payers));
            tasks.spawn(async move {
                let mut took = Vec::new();
                for n in 0..calls / at_once {
                    took.push(one_call(&ledger, &like, &payers[(task + n) % payers.len()]).await?);
                }
                Outcome::Ok(took)
            });
        }
        let mut took = Vec::new();
        while let Some(task) = tasks.join_next().await {
            took.extend(task??);
        }
        let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu_micros()? - cpu);
        done += calls;
        took.sort_unstable();
        let at = |share: usize| took[(took.len() - 1) * share / 100].as_secs_f64() * 1e3;
        println!(
            "{{\"calls\": {done}, \"calls_per_second\": {:.0}, \"cpu_micros\": {:.1}, \"p50_ms\": {:.2}, \"p99_ms\": {:.2}}}",
            took.len() as f64 / seconds,
            cpu / took.len() as f64,
            at(50),
            at(99),
        );
    }
    let began = Instant::now();
    let verified = store.verify(SystemClock.now()).await?;
    println!(
        "{{\"entries\": {}, \"faults\": {}, \"verified_in_seconds\": {:.1}}}",
        verified.entries,
        verified.faults.len(),
        began.elapsed().as_secs_f64()
    );
    println!("{}", close_month(&store, &ledger, done).await?);
    ledger.close().await;
    Ok(())
}

/// Makes the invoice of every payer when the month is over, as the platform does.
async fn close_month(store: &Store, ledger: &Arc<LedgerWriter>, calls: usize) -> Outcome<String> {
    let store = Arc::new(store.clone());
    let ports = Ports {
        ledger: ledger.clone(),
        reader: store.clone(),
        funds: store.clone(),
        plans: store.clone(),
        alerts: store.clone(),
        invoices: store.clone(),
        usage: store.clone(),
        prices: store.clone(),
        limits: store,
        clock: Arc::new(MockClock::new(SystemClock.now().plus(Duration::from_hours(24 * 32)))),
        rng: Arc::new(SystemRng),
    };
    let billing = Billing::new(ports, tenfold_billing::Config::default());
    let (began, before) = (Instant::now(), resident_mib()?);
    let invoices = billing.close_due().await?;
    Ok(format!(
        "{{\"closed_calls\": {calls}, \"invoices\": {invoices}, \"closed_in_seconds\": {:.2}, \"more_mib\": {}}}",
        began.elapsed().as_secs_f64(),
        resident_mib()?.saturating_sub(before),
    ))
}

/// The most memory that this process had until now, in MiB.
fn resident_mib() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    let kib = line.split_whitespace().nth(1).map_or(Ok(0), str::parse::<u64>)?;
    Ok(kib / 1024)
}

fn account(payer: &OrganizationId, kind: &AccountKind) -> AccountId {
    AccountId::new(payer, kind, Currency::USD)
}

fn paid(payer: &OrganizationId) -> Post {
    Post {
        transaction: format!("paid:{payer}").into(),
        kind: EntryKind::TopUp,
        organization: payer.clone(),
        project: None,
        currency: Currency::USD,
        moves: vec![Move {
            from: vec![Source::unbounded(account(payer, &AccountKind::Cash("manual".into())))],
            to: account(payer, &AccountKind::Balance),
            nanos: i64::MAX / 4,
        }],
        reverses: None,
        memo: None,
        now: SystemClock.now(),
    }
}

/// A call's money: how long it waited for both.
async fn one_call(ledger: &LedgerWriter, like: &Event, payer: &OrganizationId) -> Outcome<Duration> {
    let now = SystemClock.now();
    let request_id = RequestId::generate_at(now, &SystemRng);
    let key = request_id.as_str().to_owned();
    let balance = Source::funds(account(payer, &AccountKind::Balance));
    let reserve = Reserve {
        id: format!("hold_{key}").into(),
        process: "rate".into(),
        organization: payer.clone(),
        currency: Currency::USD,
        nanos: 10,
        checks: Vec::new(),
        covers: Vec::new(),
        covers_only: false,
        sources: vec![balance.clone()],
        now,
    };
    let began = Instant::now();
    let hold = ledger.reserve(reserve).await?.hold;
    let event = Event {
        id: EventId::generate(&SystemRng),
        request_id,
        idempotency_key: key,
        organization: payer.clone(),
        cost: Some(Money::new(3, Currency::USD)),
        created_at: now,
        completed_at: now,
        ..like.clone()
    };
    let sources = vec![balance, Source::unbounded(account(payer, &AccountKind::Receivable))];
    ledger.settle(Settle { event, hold: Some(hold), sources }).await?;
    Ok(began.elapsed())
}

/// User and system time of this process, from the kernel's clock ticks of 10 ms.
fn cpu_micros() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |index: usize| fields.get(index).map_or(Ok(0), |field| field.parse::<u32>());
    Ok(f64::from(ticks(11)? + ticks(12)?) * 10_000.0)
}
