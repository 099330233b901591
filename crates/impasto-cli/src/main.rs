//! The `impasto` program: what was typed, then what it means, then a run.
//!
//! Every command is one file (or folder) under `command/`: its `Args` are the words typed, and its `run` gives them
//! their meaning and carries it out. Results go to stdout, everything else to stderr.
#![forbid(unsafe_code)]

mod args;
mod camera;
mod command;
mod console;
mod deepener;
mod failure;
mod folder;
mod interrupt;
mod machine;
mod models;
mod page;
mod preset;
mod recorder;
mod sheet;
mod size;
mod styles;

use clap::{CommandFactory, FromArgMatches, Parser};
use std::process::ExitCode;

/// Paint photos, video and live cameras in the style of any painting.
#[derive(Parser)]
#[command(name = "impasto", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong use (130 after Ctrl-C).\n\
    Results go to standard output, progress and messages to standard error.")]
pub struct Cli {
    /// No progress and no notes; errors are still shown.
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: command::Command,
}

/// A decoder that panics over a damaged picture makes that picture fail, which is reported once, as an error.
fn quiet_decoders() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !impasto_media::still::is_decoding() {
            usual(info);
        }
    }));
}

fn main() -> ExitCode {
    quiet_decoders();
    interrupt::install();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

fn run() -> anyhow::Result<()> {
    let program = Cli::command();
    let words = preset::expanded(std::env::args_os().collect(), &program)?;
    // A wrong word ends the program here, with clap's message and exit code 2.
    let matches = program.clone().get_matches_from(words);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    preset::save(&matches, &program)?;
    cli.command.run(&console::Console::new(cli.quiet))
}
