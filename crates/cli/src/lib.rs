//! The command line: it speaks HTTP to a platform, and to nothing else.
//!
//! The binary flattens [`Command`] into its own parser and calls [`run`]; nothing in here reads a database or
//! starts a server. What a command prints goes through [`Terminal`], so that tests see exactly what people see:
//! results on standard output, everything else on standard error.
//!
//! Keys are sent to the address that they belong to: those of `credentials.json` only to its own `base_url`.

mod args;
mod client;
mod commands;
mod credentials;
mod failure;
mod money;
mod table;
mod terminal;

pub use args::{Args, By, Command, EXIT_CODES, Global, KeysCommand, ProjectsCommand};
pub use failure::Failure;
pub use terminal::Terminal;

use std::process::ExitCode;

use tenfold_kernel::Clock;

/// What a command works with.
pub struct Context<'a> {
    /// Makes requests: built by the binary, which chooses its TLS.
    pub http: reqwest::Client,
    /// Where input comes from and output goes.
    pub terminal: Terminal,
    /// Time.
    pub clock: &'a dyn Clock,
    /// The whole program's parser, for `completions`.
    pub program: clap::Command,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

/// Runs one command and says how it ended. A failure is printed on standard error, with the way out.
pub async fn run(args: Args, mut context: Context<'_>) -> ExitCode {
    let json = args.global.json;
    match commands::dispatch(args, &mut context).await {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(Failure::Output { source }) if source.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            failure.print(&mut context.terminal, json);
            ExitCode::from(failure.exit_code())
        }
    }
}
