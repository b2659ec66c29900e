//! What `--help` says, and completion scripts.

use clap::CommandFactory;
use tenfold_cli::Args;

use crate::session::Session;

#[test]
fn help_is_as_it_was() {
    let mut program = Args::command().term_width(100);
    program.build();
    insta::assert_snapshot!("tenfold", program.render_long_help().to_string());
    let names: Vec<String> =
        program.get_subcommands().map(|c| c.get_name().to_owned()).filter(|name| name != "help").collect();
    for name in names {
        let help = program.find_subcommand_mut(&name).unwrap().render_long_help().to_string();
        insta::assert_snapshot!(name.clone(), help);
        assert!(help.contains("Example"), "{name} has no examples");
    }
}

#[test]
fn the_command_line_is_sound() {
    Args::command().debug_assert();
}

#[tokio::test]
async fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let done = Session::new().run(&["completions", shell]).await;
        assert_eq!((done.code, done.err.as_str()), (0, ""));
        assert!(done.out.contains("doctor"), "{shell}");
    }
}
