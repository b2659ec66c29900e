//! A worker: one model in a process of its own, on a private Unix socket.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tenfold_engine::Engine;
use tenfold_engine_gguf::{GgufConfig, GgufEngine};
use tenfold_fleet::WorkerSpec;
use tenfold_kernel::{SystemClock, SystemRng};

use crate::config::Environment;
use crate::logging;

/// How a worker is started. What it runs comes as a line of JSON on its standard input.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen.
    #[arg(long)]
    socket: PathBuf,
    /// Threads that compute; 0 for one for each core.
    #[arg(long, default_value_t = 0)]
    threads: u32,
    /// Attention whose numbers do not depend on what else runs.
    #[arg(long)]
    no_flash_attention: bool,
}

/// Serves until standard input closes: the platform holds its other end, and the system closes it when the
/// platform is no more.
pub(crate) fn run(environment: &Environment, args: &Args) -> anyhow::Result<()> {
    logging::init(environment)?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("failed to read what to run")?;
    let spec: WorkerSpec = serde_json::from_str(&line).context("failed to understand what to run")?;
    let config = GgufConfig {
        context_length: spec.context_length.map(u32::try_from).transpose().context("context_length")?,
        slots: spec.max_concurrency,
        threads: (args.threads > 0).then_some(args.threads),
        flash_attention: !args.no_flash_attention,
        chat_template: spec.chat_template.clone(),
        ..GgufConfig::new(&spec.path, &spec.model)
    };
    let engine = GgufEngine::load(config, Arc::new(SystemClock), Arc::new(SystemRng))
        .with_context(|| format!("failed to load {}", spec.model))?;
    let engine: Arc<dyn Engine> = Arc::new(engine);
    // The model has threads of its own; HTTP needs one.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        for adapter in spec.adapters {
            let name = adapter.name.clone();
            engine
                .load_adapter(adapter)
                .await
                .with_context(|| format!("failed to load the adapter {name}"))?;
        }
        let listener = tenfold_engine::server::bind(&args.socket).context("failed to listen")?;
        tenfold_engine::server::serve(engine, listener, platform_is_gone()).await.context("failed to serve")
    })
}

/// Waits until standard input closes.
async fn platform_is_gone() {
    let waiting = tokio::task::spawn_blocking(|| {
        let mut buffer = [0; 64];
        while matches!(std::io::stdin().read(&mut buffer), Ok(read) if read > 0) {}
    });
    // An end by panic is an end too.
    drop(waiting.await);
}
