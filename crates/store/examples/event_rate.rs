//! How fast events become durable, and what they cost: `cargo run --release -p tenfold-store --example event_rate`.
//!
//! Arguments: a folder for the SQLite database or a `postgres://` URL, how many events, how many calls at a time.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]
#![expect(clippy::cast_precision_loss, reason = "a measurement is not exact")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tenfold_billing::{Event, conformance};
use tenfold_kernel::{Clock, EventId, RequestId, SystemClock, SystemRng};
use tenfold_store::{Config, LedgerWriter, Store};
use tokio_util::task::TaskTracker;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().unwrap_or_else(|| ".".to_owned());
    let count: usize = arguments.next().map_or(Ok(200_000), |n| n.parse())?;
    let at_once: usize = arguments.next().map_or(Ok(64), |n| n.parse())?;

    let folder = tempfile::tempdir_in(if place.contains("://") { "." } else { &place })?;
    let url = if place.contains("://") {
        place
    } else {
        format!("sqlite://{}", folder.path().join("tenfold.db").display())
    };
    let config = Config { pool_size: 8, acquire_timeout: Duration::from_secs(30) };
    let store = Store::connect(&url, &config).await?;
    let tracker = TaskTracker::new();
    let log = LedgerWriter::start(store, &tracker);
    let like = Arc::new(conformance::sample_event(&SystemRng));

    let (began, cpu) = (Instant::now(), cpu_micros()?);
    let tasks = TaskTracker::new();
    for _ in 0..at_once {
        let (log, like) = (log.clone(), like.clone());
        tasks.spawn(async move {
            for _ in 0..count / at_once {
                if let Err(error) = conformance::write(&*log, another(&like)).await {
                    println!("{error}");
                }
            }
        });
    }
    tasks.close();
    tasks.wait().await;
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu_micros()? - cpu);

    // What making the events costs, to take it off.
    let before = cpu_micros()?;
    for _ in 0..count {
        std::hint::black_box(another(&like));
    }
    let making = cpu_micros()? - before;
    let per = |micros: f64| micros / count as f64;
    println!(
        "{at_once} at a time: {:.0} events/s, {:.1} µs of CPU an event ({:.1} of it to make the event)",
        count as f64 / seconds,
        per(cpu),
        per(making),
    );
    log.close().await;
    Ok(())
}

fn another(like: &Event) -> Event {
    let request_id = RequestId::generate_at(SystemClock.now(), &SystemRng);
    let key = request_id.as_str().to_owned();
    Event { id: EventId::generate(&SystemRng), request_id, idempotency_key: key, ..like.clone() }
}

/// User and system time of this process, from the kernel's clock ticks of 10 ms.
fn cpu_micros() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |index: usize| fields.get(index).map_or(Ok(0), |field| field.parse::<u32>());
    Ok(f64::from(ticks(11)? + ticks(12)?) * 10_000.0)
}
