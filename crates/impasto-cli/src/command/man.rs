//! `impasto man`: the manual pages, made from the same words as `--help`.

use crate::console::Console;
use crate::failure::wrong_use;
use crate::{Cli, interrupt};
use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_mangen::Man;
use impasto_media::atomic;
use std::fs;
use std::path::PathBuf;

/// Print the manual, or write a page for every command
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto man | man -l -
  impasto man stylize | man -l -
  impasto man -o ~/.local/share/man/man1")]
pub struct Args {
    /// A command; without it, the program.
    #[arg(conflicts_with = "output")]
    command: Option<String>,
    /// Write all pages into this folder.
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

/// A page's file name and its text.
type Page = (String, Vec<u8>);

/// Prints or writes them.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    let pages = pages()?;
    if let Some(folder) = &args.output {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        for (name, text) in &pages {
            let path = folder.join(name);
            let _whole = interrupt::hold();
            let shown = || format!("cannot write {}", path.display());
            atomic::write(&path, text).with_context(shown)?;
            console.result(path.display().to_string())?;
        }
        return Ok(());
    }
    let wanted = args.command.as_ref().map_or("impasto.1".into(), |command| format!("impasto-{command}.1"));
    let page = pages.into_iter().find(|(name, _)| *name == wanted);
    let (_, text) = page.ok_or_else(|| wrong_use("there is no such command; `impasto --help` lists them"))?;
    console.bytes(&text)
}

fn pages() -> Result<Vec<Page>> {
    let mut program = Cli::command();
    program.build();
    let mut pages = vec![page("impasto".into(), program.clone())?];
    for command in program.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help") {
        pages.push(page(format!("impasto-{}", command.get_name()), command.clone())?);
    }
    Ok(pages)
}

fn page(name: String, command: clap::Command) -> Result<Page> {
    let mut text = Vec::new();
    // `build` has given every command its full name to show.
    Man::new(command).render(&mut text)?;
    Ok((format!("{name}.1"), text))
}
