//! Decoding speed of this engine beside llama.cpp called directly.
//!
//! ```text
//! cargo run -p tenfold-engine-gguf --example decode_bench -- MODEL.gguf [THREADS [POLL [ROUNDS [FLASH_ATTENTION]]]]
//! ```
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use tenfold_engine::{Answer, CallContext, Engine};
use tenfold_engine_gguf::{GgufConfig, GgufEngine};
use tenfold_kernel::{SystemClock, SystemRng};
use tenfold_protocol::completion::CompletionRequest;

type Outcome<T> = Result<T, Box<dyn Error>>;

const TOKENS: u32 = 64;
const PROMPT: &str = "Write a short story about a lighthouse keeper who finds a map.";

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("name a GGUF file")?);
    let threads: u32 = arguments.next().map_or(Ok(2), |text| text.parse())?;
    let poll: u32 = arguments.next().map_or(Ok(GgufConfig::new("", "").poll), |text| text.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let flash_attention: bool = arguments.next().map_or(Ok(true), |text| text.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let config = GgufConfig {
        threads: Some(threads),
        poll,
        flash_attention,
        context_length: Some(2048),
        ..GgufConfig::new(&path, "m")
    };
    let engine = GgufEngine::load(config.clone(), Arc::new(SystemClock), Arc::new(SystemRng))?;
    // The engine has started llama.cpp, which is started once.
    let backend = std::mem::ManuallyDrop::new(LlamaBackend {});
    let model = LlamaModel::load_from_file(&backend, &path, &LlamaModelParams::default())?;

    println!(
        "{threads} threads, poll {poll}, {TOKENS} tokens an answer; median and best of {rounds} rounds, tokens a second"
    );
    let (mut bare, mut one, mut eight) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        bare.push(decode_by_hand(&backend, &model, threads)?);
        one.push(runtime.block_on(decode(&engine, 1))?);
        eight.push(runtime.block_on(decode(&engine, 8))?);
    }
    let (bare, one, eight) = (figures(bare), figures(one), figures(eight));
    println!("llama.cpp directly, 1 stream  {:7.1} {:7.1}", bare.0, bare.1);
    println!(
        "engine, 1 stream              {:7.1} {:7.1}   ratio {:.3} {:.3}",
        one.0,
        one.1,
        one.0 / bare.0,
        one.1 / bare.1
    );
    println!("engine, 8 streams             {:7.1} {:7.1}", eight.0, eight.1);

    let system: String = "Be brief, and say why. ".repeat(180);
    let (cold, warm) = runtime.block_on(async {
        let cold = first_token(&engine, &format!("{system} Who are you?")).await?;
        let warm = first_token(&engine, &format!("{system} What is water?")).await?;
        Outcome::Ok((cold, warm))
    })?;
    println!(
        "first token, ~1,000-token prefix: cold {cold:?}, warm {warm:?}, ratio {:.3}",
        warm.as_secs_f64() / cold.as_secs_f64()
    );
    Ok(())
}

/// The median and the best.
fn figures(mut speeds: Vec<f64>) -> (f64, f64) {
    speeds.sort_by(f64::total_cmp);
    (speeds[speeds.len() / 2], speeds.last().copied().unwrap_or(0.0))
}

/// Greedy, one sequence, nothing of ours; the time of the prompt is not counted.
fn decode_by_hand(backend: &LlamaBackend, model: &LlamaModel, threads: u32) -> Outcome<f64> {
    let threads = i32::try_from(threads)?;
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(2048))
        .with_n_threads(threads)
        .with_n_threads_batch(threads);
    let mut context = model.new_context(backend, params)?;
    let mut batch = LlamaBatch::new(512, 1);
    let prompt = model.vocab().tokenize(PROMPT.as_bytes(), true, false);
    batch.add_sequence(&prompt, 0, false)?;
    context.decode(&mut batch)?;
    let start = Instant::now();
    for (_, position) in (0..TOKENS).zip(i32::try_from(prompt.len())?..) {
        let logits = context.get_logits_ith(batch.n_tokens() - 1);
        let best = (0..)
            .zip(logits)
            .fold((0, f32::MIN), |a, (at, logit)| if *logit > a.1 { (at, *logit) } else { a });
        batch.clear();
        batch.add(LlamaToken(best.0), position, &[0], true)?;
        context.decode(&mut batch)?;
    }
    Ok(f64::from(TOKENS) / start.elapsed().as_secs_f64())
}

fn request(prompt: &str, max_tokens: u32) -> Outcome<CompletionRequest> {
    Ok(serde_json::from_value(serde_json::json!({
        "model": "m", "prompt": prompt, "max_tokens": max_tokens, "temperature": 0, "stream": true,
        "logit_bias": {"0": -100, "2": -100},
    }))?)
}

/// Tokens a second from the first token on, of all streams together.
async fn decode(engine: &GgufEngine, streams: usize) -> Outcome<f64> {
    let answers = (0..streams).map(|index| async move {
        let request = request(&format!("{PROMPT} {index}"), TOKENS + 1)?;
        let Answer::Stream(mut stream) = engine.complete(&CallContext::default(), request).await? else {
            return Err("no stream".into());
        };
        stream.next().await.ok_or("no chunk")??;
        let start = Instant::now();
        while let Some(chunk) = stream.next().await {
            chunk?;
        }
        Outcome::Ok((start, Instant::now()))
    });
    let spans = futures::future::join_all(answers).await.into_iter().collect::<Outcome<Vec<_>>>()?;
    let start = spans.iter().map(|span| span.0).min().ok_or("no stream")?;
    let end = spans.iter().map(|span| span.1).max().ok_or("no stream")?;
    let tokens = f64::from(TOKENS) * f64::from(u32::try_from(streams)?);
    Ok(tokens / (end - start).as_secs_f64())
}

async fn first_token(engine: &GgufEngine, prompt: &str) -> Outcome<Duration> {
    let start = Instant::now();
    let Answer::Stream(mut stream) = engine.complete(&CallContext::default(), request(prompt, 2)?).await?
    else {
        return Err("no stream".into());
    };
    stream.next().await.ok_or("no chunk")??;
    Ok(start.elapsed())
}
