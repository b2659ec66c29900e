//! A load of chat calls: closed (as fast as answers come) or at a fixed rate. Prints one line of JSON.

#![expect(clippy::cast_precision_loss, reason = "rates and shares of counts far below 2^52")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Parser;
use tenfold_bench::{Input, find};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

#[derive(Parser, Clone)]
struct Args {
    /// `127.0.0.1:PORT`.
    #[arg(long)]
    address: String,
    /// The path.
    #[arg(long, default_value = "/v1/chat/completions")]
    path: String,
    /// The API key.
    #[arg(long, default_value = "none")]
    key: String,
    /// The model.
    #[arg(long, default_value = "mock")]
    model: String,
    /// Connections, each with one call at a time.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// How long.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Calls a second over all connections; zero for as many as come back.
    #[arg(long, default_value_t = 0.0)]
    rate: f64,
    /// Bytes of the prompt.
    #[arg(long, default_value_t = 800)]
    prompt_bytes: usize,
    /// Ask for a stream.
    #[arg(long)]
    stream: bool,
    /// Tokens to ask for.
    #[arg(long)]
    max_tokens: Option<u32>,
}

#[derive(Default)]
struct Seen {
    latencies: Vec<Duration>,
    first_bytes: Vec<Duration>,
    events: u64,
    bytes: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let host: std::net::SocketAddr = args.address.parse().context("--address")?;
    if !host.ip().is_loopback() {
        bail!("load goes to loopback addresses only");
    }
    let started = Instant::now();
    let end = started + Duration::from_secs_f64(args.seconds);
    let failures = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    let mut turns = pace(&args, started, end);
    for _ in 0..args.connections {
        tasks.spawn(connection(args.clone(), turns.pop(), end, Arc::clone(&failures)));
    }
    let mut seen = Seen::default();
    while let Some(done) = tasks.join_next().await {
        let part = done?;
        seen.latencies.extend(part.latencies);
        seen.first_bytes.extend(part.first_bytes);
        seen.events += part.events;
        seen.bytes += part.bytes;
    }
    let elapsed = started.elapsed().as_secs_f64();
    print(&serde_json::json!({
        "requests": seen.latencies.len(), "failures": failures.load(Ordering::Relaxed),
        "requests_per_second": seen.latencies.len() as f64 / elapsed,
        "events_per_second": seen.events as f64 / elapsed,
        "p50_ms": percentile(&mut seen.latencies, 0.50), "p99_ms": percentile(&mut seen.latencies, 0.99),
        "first_byte_p50_ms": percentile(&mut seen.first_bytes, 0.50),
        "first_byte_p99_ms": percentile(&mut seen.first_bytes, 0.99),
    }));
    Ok(())
}

/// At a fixed rate, each connection's turns, evenly spread. By a thread of its own: the runtime's timers tick once in
/// a millisecond, so that calls would come in bursts of as many as fall into one.
fn pace(args: &Args, started: Instant, end: Instant) -> Vec<mpsc::UnboundedReceiver<()>> {
    if args.rate <= 0.0 {
        return Vec::new();
    }
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..args.connections).map(|_| mpsc::unbounded_channel()).unzip();
    let interval = Duration::from_secs_f64(1.0 / args.rate);
    std::thread::spawn(move || {
        let mut due = started;
        for sender in senders.iter().cycle() {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            // A connection that has ended takes no more turns.
            let _ = sender.send(());
            due += interval;
            if due >= end {
                break;
            }
        }
    });
    receivers
}

async fn connection(
    args: Args,
    mut turns: Option<mpsc::UnboundedReceiver<()>>,
    end: Instant,
    failures: Arc<AtomicU64>,
) -> Seen {
    let mut seen = Seen::default();
    while Instant::now() < end {
        match calls(&args, turns.as_mut(), end, &mut seen).await {
            Ok(()) => break,
            Err(_) => {
                failures.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    seen
}

async fn calls(
    args: &Args,
    mut turns: Option<&mut mpsc::UnboundedReceiver<()>>,
    end: Instant,
    seen: &mut Seen,
) -> anyhow::Result<()> {
    let stream = TcpStream::connect(&args.address).await?;
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut input = Input::new(reader);
    let request = request(args);
    loop {
        if let Some(turns) = &mut turns
            && turns.recv().await.is_none()
        {
            return Ok(());
        }
        let sent = Instant::now();
        if sent >= end {
            return Ok(());
        }
        writer.write_all(&request).await?;
        let head = input.head().await?.context("the server closed the connection")?;
        let first = sent.elapsed();
        let (mut events, mut first_event) = (0, None);
        let bytes = input
            .body(&head, |piece| {
                let mut rest = piece;
                while let Some(at) = find(rest, b"data: ") {
                    events += 1;
                    first_event.get_or_insert_with(|| sent.elapsed());
                    rest = &rest[at + 6..];
                }
            })
            .await?;
        if !head.line.contains(" 200") {
            bail!("{}", head.line);
        }
        seen.latencies.push(sent.elapsed());
        seen.first_bytes.push(first_event.unwrap_or(first));
        seen.events += events;
        seen.bytes += bytes as u64;
    }
}

fn request(args: &Args) -> Vec<u8> {
    let prompt = "tell me more about it ".repeat(args.prompt_bytes / 22 + 1);
    let mut body = serde_json::json!({
        "model": args.model,
        "messages": [{"role": "user", "content": &prompt[..args.prompt_bytes]}],
        "stream": args.stream,
    });
    if args.stream {
        body["stream_options"] = serde_json::json!({"include_usage": true});
    }
    if let Some(max) = args.max_tokens {
        body["max_tokens"] = max.into();
    }
    let body = body.to_string();
    format!(
        "POST {} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        args.path, args.address, args.key, body.len()
    )
    .into_bytes()
}

fn percentile(values: &mut [Duration], share: f64) -> Option<f64> {
    values.sort_unstable();
    let last = values.len().checked_sub(1)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index within the list")]
    let at = (last as f64 * share).round() as usize;
    Some(values[at].as_secs_f64() * 1e3)
}

#[expect(clippy::print_stdout, reason = "the result of a command")]
fn print(line: &serde_json::Value) {
    println!("{line}");
}
