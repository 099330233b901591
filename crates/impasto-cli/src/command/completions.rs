//! `impasto completions`: Tab in a shell.

use crate::Cli;
use crate::console::Console;
use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

/// Print the completions for a shell
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto completions bash > ~/.local/share/bash-completion/completions/impasto
  impasto completions zsh > ~/.zfunc/_impasto
  impasto completions fish > ~/.config/fish/completions/impasto.fish")]
pub struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints them.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "impasto", &mut script);
    console.bytes(&script)
}
