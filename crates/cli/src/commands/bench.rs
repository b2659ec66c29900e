//! `bench`: measures a model under load.

use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use reqwest::Method;
use serde_json::{Value, json};

use super::Session;
use crate::args::BenchArgs;
use crate::client::{Access, Client};
use crate::failure::Failure;
use crate::terminal::printable;

/// How long one call may take before it counts as failed.
const CALL_TIMEOUT: Duration = Duration::from_mins(10);
/// The most gaps between tokens that are kept: a quarter of a gigabyte is not needed for percentiles.
const MAX_GAPS: usize = 4_000_000;

/// What one call showed.
#[derive(Debug, Default)]
struct Call {
    took: Duration,
    first_token: Option<Duration>,
    gaps: Vec<Duration>,
    input_tokens: u64,
    output_tokens: u64,
}

/// What all calls showed.
#[derive(Debug, Default)]
struct Load {
    calls: Vec<Duration>,
    first_tokens: Vec<Duration>,
    gaps: Vec<Duration>,
    input_tokens: u64,
    output_tokens: u64,
    failures: Vec<Failure>,
}

impl Load {
    fn take(&mut self, result: Result<Call, Failure>) {
        match result {
            Err(failure) => self.failures.push(failure),
            Ok(call) => {
                self.calls.push(call.took);
                self.first_tokens.extend(call.first_token);
                let room = MAX_GAPS.saturating_sub(self.gaps.len());
                self.gaps.extend(call.gaps.into_iter().take(room));
                self.input_tokens = self.input_tokens.saturating_add(call.input_tokens);
                self.output_tokens = self.output_tokens.saturating_add(call.output_tokens);
            }
        }
    }
}

pub(super) async fn run(args: &BenchArgs, session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    // One call first: it loads the model, and a load that cannot work ends here.
    call(&client, args, 0).await?;
    let mut load = Load::default();
    let mut numbers = 1..=args.requests;
    let mut running = FuturesUnordered::new();
    let begun = Instant::now();
    running
        .extend(numbers.by_ref().take(args.concurrency as usize).map(|number| call(&client, args, number)));
    while let Some(result) = running.next().await {
        load.take(result);
        running.extend(numbers.next().map(|number| call(&client, args, number)));
    }
    let took = begun.elapsed();
    let report = report(args, &mut load, took);
    if json {
        terminal.json(&report)?;
    } else {
        print(terminal, args, &report)?;
    }
    if let Some(first) = load.failures.first() {
        let message =
            format!("{} of {} calls failed, the first one so: {first}", load.failures.len(), args.requests);
        return Err(Failure::Failed { message });
    }
    Ok(())
}

async fn call(client: &Client, args: &BenchArgs, number: u32) -> Result<Call, Failure> {
    let mut body = json!({
        "model": args.model,
        "messages": [{"role": "user", "content": prompt(number, args.prompt_tokens)}],
        "max_completion_tokens": args.max_tokens,
        "stream": args.stream,
    });
    if args.stream {
        body["stream_options"] = json!({"include_usage": true});
    }
    let request = client
        .request(Method::POST, &["v1", "chat", "completions"], &[], Access::Call)?
        .json(&body)
        .timeout(CALL_TIMEOUT);
    let begun = Instant::now();
    let mut call = Call::default();
    if args.stream {
        let mut last: Option<Instant> = None;
        client
            .events(request, |chunk| {
                count(&mut call, &chunk);
                let delta = &chunk["choices"][0]["delta"];
                let token = ["content", "reasoning_content"]
                    .iter()
                    .any(|name| delta[name].as_str().is_some_and(|text| !text.is_empty()))
                    || delta["tool_calls"].is_array();
                if token {
                    let now = Instant::now();
                    match last.replace(now) {
                        None => call.first_token = Some(now - begun),
                        Some(before) => call.gaps.push(now - before),
                    }
                }
                Ok(())
            })
            .await?;
    } else {
        let response = client.send(request).await?;
        let answer: Value = response.json().await.map_err(|e| Failure::Answer { reason: e.to_string() })?;
        count(&mut call, &answer);
    }
    call.took = begun.elapsed();
    Ok(call)
}

fn count(call: &mut Call, answer: &Value) {
    let tokens = |name: &str| answer["usage"][name].as_u64();
    call.input_tokens = tokens("prompt_tokens").unwrap_or(call.input_tokens);
    call.output_tokens = tokens("completion_tokens").unwrap_or(call.output_tokens);
}

/// A text of about so many tokens that begins differently for each call, so that no call finds its prompt cached.
fn prompt(number: u32, tokens: u32) -> String {
    const WORDS: [&str; 8] = ["river", "stone", "light", "house", "green", "paper", "north", "music"];
    let mut text = format!("{number}:");
    for place in 0..tokens.saturating_sub(2) {
        let mixed = place.wrapping_mul(2_654_435_761).wrapping_add(number) >> 7;
        text.push(' ');
        text.push_str(WORDS[mixed as usize % WORDS.len()]);
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "rates are shown with two decimals")]
fn report(args: &BenchArgs, load: &mut Load, took: Duration) -> Value {
    let seconds = took.as_secs_f64().max(1e-9);
    let rate = |count: u64| (count as f64 / seconds * 100.0).round() / 100.0;
    json!({
        "object": "bench",
        "model": args.model,
        "concurrency": args.concurrency,
        "stream": args.stream,
        "requests": load.calls.len(),
        "failed": load.failures.len(),
        "seconds": (seconds * 1_000.0).round() / 1_000.0,
        "requests_per_second": rate(load.calls.len() as u64),
        "input_tokens": load.input_tokens,
        "output_tokens": load.output_tokens,
        "output_tokens_per_second": rate(load.output_tokens),
        "request_ms": percentiles(&mut load.calls),
        "first_token_ms": percentiles(&mut load.first_tokens),
        "between_tokens_ms": percentiles(&mut load.gaps),
    })
}

/// Percentiles by the nearest rank, in milliseconds; nothing for no samples.
fn percentiles(samples: &mut [Duration]) -> Value {
    samples.sort_unstable();
    let Some(most) = samples.last() else { return Value::Null };
    let millis = |time: &Duration| (time.as_secs_f64() * 100_000.0).round() / 100.0;
    let at = |percent: usize| {
        let rank = (samples.len() * percent).div_ceil(100).clamp(1, samples.len());
        samples.get(rank - 1).map(millis)
    };
    json!({"p50": at(50), "p90": at(90), "p95": at(95), "p99": at(99), "max": millis(most)})
}

fn print(terminal: &mut crate::Terminal, args: &BenchArgs, report: &Value) -> Result<(), Failure> {
    terminal.line(&format!(
        "{}: {} calls, {} at once, {}",
        printable(&args.model),
        report["requests"],
        args.concurrency,
        if args.stream { "streamed" } else { "whole answers" }
    ))?;
    let line = |name: &str, value: String| format!("  {name:<22}{value}");
    terminal.line(&line("requests/s", report["requests_per_second"].to_string()))?;
    terminal.line(&line("output tokens/s", report["output_tokens_per_second"].to_string()))?;
    terminal.line(&line(
        "tokens in / out",
        format!("{} / {}", report["input_tokens"], report["output_tokens"]),
    ))?;
    let rows = [
        ("request", "request_ms"),
        ("first token", "first_token_ms"),
        ("between tokens", "between_tokens_ms"),
    ];
    for (name, key) in rows {
        let Some(times) = report[key].as_object() else { continue };
        let shown: Vec<String> = times.iter().map(|(name, value)| format!("{name} {value}")).collect();
        terminal.line(&line(&format!("{name} (ms)"), shown.join("   ")))?;
    }
    if report["failed"] != 0 {
        terminal.line(&line("failed", report["failed"].to_string()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_the_nearest_rank() {
        let mut samples: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        let found = percentiles(&mut samples);
        assert_eq!(found, json!({"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "max": 100.0}));
        let one = percentiles(&mut [Duration::from_micros(1_500)]);
        assert_eq!(one["p99"], json!(1.5));
        assert_eq!(percentiles(&mut []), Value::Null);
    }

    #[test]
    fn prompts_differ_from_their_first_word_on() {
        assert_ne!(prompt(1, 8).split(' ').next(), prompt(2, 8).split(' ').next());
        assert_eq!(prompt(1, 100).split(' ').count(), 99);
    }
}
