//! A process that is killed while it writes: what it acknowledged is there, once.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use sqlx::Row;
use tenfold_billing::{Event, conformance};
use tenfold_kernel::{EventId, MockClock, RequestId, SystemRng, Timestamp};
use tenfold_store::{LedgerWriter, Store};
use tokio_util::task::TaskTracker;

use crate::sqlite;

/// Not a test: the process that is killed. It reads the database's URL from its standard input, then writes events
/// without end from many tasks and prints the id of each that was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the test below"]
async fn appends_until_it_is_killed() {
    let mut url = String::new();
    std::io::stdin().read_to_string(&mut url).unwrap();
    if url.is_empty() {
        return;
    }
    let store = Store::connect(&url, &sqlite::config()).await.unwrap();
    let tracker = TaskTracker::new();
    let log = LedgerWriter::start(store, Arc::new(MockClock::new(Timestamp(0))), &tracker);
    let like = Arc::new(conformance::sample_event(&SystemRng));
    for _ in 0..64 {
        let (log, like) = (log.clone(), like.clone());
        tracker.spawn(async move {
            loop {
                let request_id = RequestId::generate(&SystemRng);
                let id = EventId::generate(&SystemRng);
                let key = request_id.as_str().to_owned();
                let event = Event { id: id.clone(), request_id, idempotency_key: key, ..(*like).clone() };
                conformance::write(&*log, event.clone()).await.unwrap();
                // One write to the pipe: a line is whole or is not there.
                std::io::stdout().write_all(format!("acknowledged {id}\n").as_bytes()).unwrap();
                // A retry of what was acknowledged, as a client does whose answer got lost.
                conformance::write(&*log, event).await.unwrap();
            }
        });
    }
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn every_acknowledged_event_survives_a_kill_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("tenfold.db").display());
    let mut acknowledged = HashSet::new();
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::appends_until_it_is_killed", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(url.as_bytes()).unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut take = |line: &str| {
            // The test harness writes to the same pipe, and its words may stand before the first of ours.
            if let Some((_, id)) = line.split_once("acknowledged ") {
                assert!(acknowledged.insert(id.to_owned()), "{id} was acknowledged twice");
            }
        };
        for line in lines.by_ref().take(500 * round) {
            take(&line);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it printed before the kill took it.
        lines.for_each(|line| take(&line));
    }
    assert!(acknowledged.len() >= 2_900);

    sqlx::any::install_default_drivers();
    drop(Store::connect(&url, &sqlite::config()).await.unwrap());
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    let rows =
        sqlx::query("SELECT id, COUNT(*) AS n FROM events GROUP BY id").fetch_all(&pool).await.unwrap();
    let written: HashSet<String> = rows.iter().map(|row| row.get("id")).collect();
    assert!(rows.iter().all(|row| row.get::<i64, _>("n") == 1), "an event is there once");
    let lost: Vec<_> = acknowledged.difference(&written).collect();
    assert!(lost.is_empty(), "{} acknowledged events are lost", lost.len());
}
