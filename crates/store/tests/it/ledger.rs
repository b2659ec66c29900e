//! The ledger on both databases: every suite, races of several processes, and a process that is killed.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection as _;
use tenfold_billing::ledger::{AccountId, AccountKind, EntryKind, Hold, Move, Post, Reserve, Settle, Source};
use tenfold_billing::{
    Event, FundsStore, Grant, Ledger, LedgerReader, Mode, ProcessStore, Profile, SpendLimit, SpendScope,
    SpendWindow, conformance, zone,
};
use tenfold_kernel::{
    Clock, Currency, EventId, MockClock, Money, OrganizationId, RequestId, Rng, SeededRng, SystemClock,
    SystemRng, Timestamp,
};
use tenfold_store::{LedgerWriter, Store};
use tokio_util::task::TaskTracker;

use crate::{postgres, sqlite};

async fn every_suite(stores: &[Store]) {
    let (tracker, rng) = (TaskTracker::new(), SeededRng::new(5));
    let writers: Vec<_> = stores
        .iter()
        .map(|store| LedgerWriter::start(store.clone(), Arc::new(MockClock::new(Timestamp(0))), &tracker))
        .collect();
    let (writer, reader) = (&writers[0], &stores[0]);
    conformance::calls_are_charged_in_the_order_of_funding(&**writer, reader, &rng).await;
    conformance::transactions_are_entered_once(&**writer, reader, &rng).await;
    conformance::limits_hold_what_runs(&**writer, reader, &rng).await;
    conformance::the_dead_hold_nothing(&**writer, reader, &**writer, &rng).await;
    let ledgers: Vec<Arc<dyn Ledger>> = writers.iter().map(|w| Arc::clone(w) as Arc<dyn Ledger>).collect();
    conformance::a_balance_pays_for_what_it_pays_for(&ledgers, reader, &rng).await;
    for writer in writers {
        writer.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_on_sqlite() {
    let (store, _folder) = sqlite::store().await;
    every_suite(&[store]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_on_postgres() {
    every_suite(&[postgres::store().await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_of_three_processes_on_one_postgres() {
    let url = postgres::database();
    let mut stores = Vec::new();
    for _ in 0..3 {
        stores.push(Store::connect(&url, &sqlite::config()).await.unwrap());
    }
    every_suite(&stores).await;
}

/// A connection that breaks between two transactions costs nobody an answer.
#[tokio::test]
async fn the_ledger_outlives_its_connections() {
    let url = postgres::database();
    let store = Store::connect(&url, &sqlite::config()).await.unwrap();
    let tracker = TaskTracker::new();
    let writer = LedgerWriter::start(store.clone(), Arc::new(SystemClock), &tracker);
    writer.post(paid("first")).await.unwrap();
    let mut other = sqlx::AnyConnection::connect(&url).await.unwrap();
    let kill = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let killed: i64 = sqlx::query_scalar(kill).fetch_one(&mut other).await.unwrap();
    assert!(killed > 0);
    writer.post(paid("second")).await.unwrap();
    assert_eq!(store.accounts(&org()).await.unwrap().len(), 2);
    writer.close().await;
    // Neither does it keep one from being closed.
    store.close().await;
}

/// How organisations pay comes back as it was set; a limit that is set in the middle of its window begins with what
/// was spent in it.
async fn funds_are_kept(store: Store) {
    let rng = SeededRng::new(9);
    let event = conformance::sample_event(&rng);
    let org = event.organization.clone();
    assert_eq!(store.profile(&org).await.unwrap(), None);
    for mode in
        [Mode::Prepaid, Mode::Postpaid { credit_limit: None }, Mode::Postpaid { credit_limit: Some(7) }]
    {
        let profile = Profile { mode, zone: zone("Asia/Kolkata").unwrap(), currency: Some(Currency::CNY) };
        store.put_profile(&org, &profile).await.unwrap();
        assert_eq!(store.profile(&org).await.unwrap(), Some(profile));
    }
    let grant = |id: &str, expires_at: Option<i64>| Grant {
        id: id.into(),
        organization: org.clone(),
        currency: Currency::USD,
        nanos: 5,
        expires_at: expires_at.map(Timestamp),
        created_at: Timestamp(1),
    };
    for one in [grant("g1", None), grant("g2", Some(50)), grant("g3", Some(20)), grant("g4", Some(10))] {
        store.put_grant(&one).await.unwrap();
    }
    let live = store.grants(&org, Timestamp(10)).await.unwrap();
    assert_eq!(live, [grant("g3", Some(20)), grant("g2", Some(50)), grant("g1", None)]);

    let tracker = TaskTracker::new();
    let writer = LedgerWriter::start(store.clone(), Arc::new(MockClock::new(Timestamp(0))), &tracker);
    conformance::write(&*writer, event.clone()).await.unwrap();
    let limit = |scope, window, nanos| SpendLimit {
        id: format!("limit_{nanos}").into(),
        scope,
        window,
        currency: Currency::USD,
        nanos,
        is_hard: true,
        created_at: Timestamp(nanos),
    };
    let (cost, at) = (event.cost.unwrap().nanos, event.created_at);
    let scopes = [
        (SpendScope::Organization, cost),
        (SpendScope::Project(event.project.clone()), cost),
        (SpendScope::ApiKey(event.api_key.clone()), cost),
        (SpendScope::User(event.user.clone().unwrap()), cost),
        (SpendScope::Model(event.deployment.clone()), cost),
        (SpendScope::Model("another".into()), 0),
    ];
    for (n, (scope, spent)) in scopes.into_iter().enumerate() {
        let one = limit(scope, SpendWindow::Month, 100 + i64::try_from(n).unwrap());
        let window = one.window.span(at, &zone("UTC").unwrap());
        store.put_spend_limit(&org, &one, window).await.unwrap();
        let counters = store.counters(&[one.counter(&org)]).await.unwrap();
        assert_eq!((counters[0].1.used, counters[0].1.start), (spent, window.0.0), "{one:?}");
    }
    let replaced = limit(SpendScope::Organization, SpendWindow::Month, 999);
    store.put_spend_limit(&org, &replaced, (Timestamp(0), Timestamp(1))).await.unwrap();
    let all = store.spend_limits(&org).await.unwrap();
    assert_eq!((all.len(), all.last()), (6, Some(&replaced)));
    assert!(store.delete_spend_limit(&org, "limit_999").await.unwrap());
    assert!(!store.delete_spend_limit(&org, "limit_999").await.unwrap());
    assert_eq!(store.counters(&[replaced.counter(&org)]).await.unwrap(), []);
    writer.close().await;
}

#[tokio::test]
async fn funds_on_sqlite() {
    let (store, _folder) = sqlite::store().await;
    funds_are_kept(store).await;
}

#[tokio::test]
async fn funds_on_postgres() {
    funds_are_kept(postgres::store().await).await;
}

const ROUNDS: usize = 100;
const COST: i64 = 3;

fn org() -> OrganizationId {
    OrganizationId::parse("org_crash").unwrap()
}

fn account(kind: &AccountKind) -> AccountId {
    AccountId::new(&org(), kind, Currency::USD)
}

/// Not a test: the process that is killed. It reads the database's URL from its standard input, then makes calls of
/// many clients without end, and prints the key of each that was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the test below"]
async fn calls_until_it_is_killed() {
    let mut url = String::new();
    std::io::stdin().read_to_string(&mut url).unwrap();
    if url.is_empty() {
        return;
    }
    let store = Store::connect(&url, &sqlite::config()).await.unwrap();
    let tracker = TaskTracker::new();
    let writer = LedgerWriter::start(store, Arc::new(MockClock::new(Timestamp(0))), &tracker);
    let process = RequestId::generate(&SystemRng);
    let now = SystemClock.now();
    writer.beat(process.as_str(), now, now).await.unwrap();
    writer.post(paid("paid")).await.unwrap();
    for _ in 0..32 {
        let (writer, process) = (writer.clone(), process.clone());
        tracker.spawn(async move {
            loop {
                one_call(&writer, process.as_str()).await;
            }
        });
    }
    std::future::pending::<()>().await;
}

fn paid(transaction: &str) -> Post {
    Post {
        transaction: transaction.into(),
        kind: EntryKind::TopUp,
        organization: org(),
        project: None,
        currency: Currency::USD,
        moves: vec![Move {
            from: vec![Source::unbounded(account(&AccountKind::Cash("manual".into())))],
            to: account(&AccountKind::Balance),
            nanos: 1_000_000_000,
        }],
        reverses: None,
        memo: None,
        now: SystemClock.now(),
    }
}

/// A call that is charged, or left, or tried again with its key as a client does whose answer got lost.
async fn one_call(writer: &Arc<LedgerWriter>, process: &str) {
    let request_id = RequestId::generate(&SystemRng);
    let key = request_id.as_str().to_owned();
    let sources = vec![Source::funds(account(&AccountKind::Balance))];
    let all = vec![sources[0].clone(), Source::unbounded(account(&AccountKind::Receivable))];
    let reserve = |n: usize| Reserve {
        id: format!("hold_{key}_{n}").into(),
        process: process.into(),
        organization: org(),
        currency: Currency::USD,
        nanos: 10,
        checks: Vec::new(),
        covers: Vec::new(),
        covers_only: false,
        sources: sources.clone(),
        now: SystemClock.now(),
    };
    let event = Event {
        id: EventId::generate(&SystemRng),
        request_id,
        idempotency_key: key.clone(),
        organization: org(),
        cost: Some(Money::new(COST, Currency::USD)),
        ..conformance::sample_event(&SystemRng)
    };
    let mut dice = [0; 1];
    SystemRng.fill(&mut dice);
    let hold: Hold = writer.reserve(reserve(0)).await.unwrap().hold;
    if dice[0] % 4 == 0 {
        return writer.release(hold);
    }
    let settle = |hold| Settle { event: event.clone(), hold: Some(hold), sources: all.clone() };
    writer.settle(settle(hold)).await.unwrap();
    // One write to the pipe: a line is whole or is not there.
    std::io::stdout().write_all(format!("acknowledged {key}\n").as_bytes()).unwrap();
    if dice[0] % 4 == 1 {
        let hold = writer.reserve(reserve(1)).await.unwrap().hold;
        writer.settle(settle(hold)).await.unwrap();
    }
}

#[tokio::test]
async fn a_ledger_that_is_killed_again_and_again_is_never_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("tenfold.db").display());
    let rng = SeededRng::new(11);
    let mut acknowledged = HashSet::new();
    for _ in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "ledger::calls_until_it_is_killed", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(url.as_bytes()).unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut take = |line: String| {
            // The test harness writes to the same pipe, and its words may stand before the first of ours.
            if let Some((_, key)) = line.split_once("acknowledged ") {
                assert!(acknowledged.insert(key.to_owned()), "{key} was acknowledged twice");
            }
        };
        // From the first call on, at any moment.
        lines.by_ref().take_while(|line| !line.contains("acknowledged ")).for_each(drop);
        let mut wait = [0; 1];
        rng.fill(&mut wait);
        std::thread::sleep(Duration::from_millis(u64::from(wait[0]) / 4));
        child.kill().unwrap();
        child.wait().unwrap();
        lines.for_each(&mut take);
    }
    assert!(acknowledged.len() > ROUNDS * 10, "{}", acknowledged.len());

    let store = Store::connect(&url, &sqlite::config()).await.unwrap();
    let tracker = TaskTracker::new();
    let writer = LedgerWriter::start(store.clone(), Arc::new(MockClock::new(Timestamp(0))), &tracker);
    let now = SystemClock.now();
    writer.beat("after", now, now).await.unwrap();
    let verified = store.verify(now).await.unwrap();
    assert_eq!(verified.faults, Vec::<String>::new());
    assert_eq!(verified.holds, 0, "nothing is held for the dead");
    let accounts = store.accounts(&org()).await.unwrap();
    let has = |kind: &AccountKind| accounts.iter().find(|(id, _)| *id == account(kind)).unwrap().1;
    let charged = i64::try_from(verified.charged_events).unwrap() * COST;
    assert_eq!(has(&AccountKind::Revenue).balance, charged);
    assert_eq!(has(&AccountKind::Balance).balance, 1_000_000_000 - charged);
    assert_eq!(has(&AccountKind::Balance).held, 0);
    for key in &acknowledged {
        let entries = store.transaction(&org(), key).await.unwrap();
        assert_eq!(entries.iter().map(|entry| entry.money.nanos).sum::<i64>(), COST, "{key}");
    }
    writer.close().await;
}
