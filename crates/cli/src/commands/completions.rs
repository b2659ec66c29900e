//! `completions`: a script for a shell.

use crate::Context;
use crate::args::CompletionsArgs;
use crate::failure::Failure;

pub(super) fn run(args: &CompletionsArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let mut program = context.program.clone();
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, name, &mut script);
    context.terminal.out.write_all(&script)?;
    Ok(())
}
