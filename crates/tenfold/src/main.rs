//! The `tenfold` binary: the platform (`serve`), its workers (`worker`), and the command line that talks to it.

mod background;
mod config;
mod credentials;
mod engines;
mod first_start;
mod heartbeat;
mod logging;
mod notifications;
mod payments;
mod periodic;
mod rental;
mod serve;
mod worker;

use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use tenfold_kernel::SystemClock;

use crate::config::Environment;

/// Tenfold: models as a service, on your own machines.
#[derive(Debug, Parser)]
#[command(name = "tenfold", version, arg_required_else_help = true, after_help = tenfold_cli::EXIT_CODES)]
struct Args {
    #[command(flatten)]
    global: tenfold_cli::Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Start the platform
    #[command(
        long_about = "Start the platform.\n\nState lives in TENFOLD_HOME (./.tenfold); the address is TENFOLD_LISTEN \
            (127.0.0.1:8080); DATABASE_URL is a PostgreSQL to use instead of SQLite. Other settings are in \
            TENFOLD_HOME/tenfold.toml.",
        after_help = "Examples:\n  tenfold serve\n  TENFOLD_LISTEN=127.0.0.1:9000 TENFOLD_HOME=/srv/tenfold tenfold serve"
    )]
    Serve,
    /// Run one model in this process, for the platform that started it.
    #[command(hide = true)]
    Worker(worker::Args),
    #[command(flatten)]
    Client(tenfold_cli::Command),
}

fn main() -> ExitCode {
    // A second default would be a fault of ours; the first one stays then, and it is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let environment = Environment::read();
    let Args { global, command } = Args::parse();
    match command {
        Command::Serve => finish(serve::run(&environment)),
        Command::Worker(args) => finish(worker::run(&environment, &args)),
        Command::Client(command) => client(tenfold_cli::Args { global, command }),
    }
}

/// Runs a command that talks to a platform.
fn client(args: tenfold_cli::Args) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(10)).build();
    let (runtime, http) = match (runtime, http) {
        (Ok(runtime), Ok(http)) => (runtime, http),
        (Err(error), _) => return finish(Err(error.into())),
        (_, Err(error)) => return finish(Err(error.into())),
    };
    let context = tenfold_cli::Context {
        http,
        terminal: tenfold_cli::Terminal::of_process(),
        clock: &SystemClock,
        program: Args::command(),
    };
    runtime.block_on(tenfold_cli::run(args, context))
}

#[expect(clippy::print_stderr, reason = "the last word of a command that failed")]
fn finish(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tenfold: {error:#}");
            ExitCode::FAILURE
        }
    }
}
