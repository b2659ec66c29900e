//! Logs: to standard error, as text or JSON lines. Never what was asked or answered, never a key.

use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::config::Environment;

/// Starts logging as the environment says.
pub(crate) fn init(environment: &Environment) -> anyhow::Result<()> {
    let filter = environment.log.as_deref().unwrap_or("info");
    let filter =
        EnvFilter::try_new(filter).with_context(|| format!("TENFOLD_LOG={filter} is not a filter"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match environment.log_format.as_deref() {
        None | Some("text") => builder.init(),
        Some("json") => builder.json().init(),
        Some(other) => anyhow::bail!("TENFOLD_LOG_FORMAT={other} is not `text` or `json`"),
    }
    Ok(())
}
