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
    for index in 0..args.connections {
        tasks.spawn(connection(args.clone(), index, started, end, Arc::clone(&failures)));
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

async fn connection(
    args: Args,
    index: usize,
    started: Instant,
    end: Instant,
    failures: Arc<AtomicU64>,
) -> Seen {
    let mut seen = Seen::default();
    // Spread over one interval, so that a fixed rate does not come in bursts.
    let interval = (args.rate > 0.0).then(|| Duration::from_secs_f64(args.connections as f64 / args.rate));
    let mut due = started + interval.unwrap_or_default().mul_f64(index as f64 / args.connections as f64);
    while Instant::now() < end {
        match calls(&args, interval, &mut due, end, &mut seen).await {
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
    interval: Option<Duration>,
    due: &mut Instant,
    end: Instant,
    seen: &mut Seen,
) -> anyhow::Result<()> {
    let stream = TcpStream::connect(&args.address).await?;
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut input = Input::new(reader);
    let request = request(args);
    loop {
        if let Some(interval) = interval {
            tokio::time::sleep_until((*due).into()).await;
            *due += interval;
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
