//! Checks of the tree itself: `cargo xtask tidy`.
//!
//! * Arrows: which crate may depend on which, read from `cargo metadata`.
//! * Sizes: no source file over 1,000 lines; over 500 is said.
//! * Names: no drawers (`utils.rs`, `helpers.rs`, ...), no `mod.rs`.

mod arrows;
mod files;

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    let task = std::env::args().nth(1);
    if task.as_deref() != Some("tidy") {
        report("usage: cargo xtask tidy");
        return Ok(ExitCode::from(2));
    }
    let mut faults = arrows::faults()?;
    faults.extend(files::faults()?);
    for fault in &faults {
        report(fault);
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[expect(clippy::print_stderr, reason = "a command line tool")]
fn report(line: &str) {
    eprintln!("{line}");
}
