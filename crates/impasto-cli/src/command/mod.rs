//! The commands, one file each.

mod bench;
mod completions;
mod demo;
mod doctor;
mod eval;
mod export;
mod import;
mod live;
mod man;
mod styles;
mod stylize;
mod train;
mod try_styles;
pub mod tune;
mod video;
mod watch;
mod web;

use crate::console::Console;
use anyhow::Result;
use clap::Subcommand;

/// What the program can do.
#[derive(Subcommand)]
pub enum Command {
    Stylize(stylize::Args),
    Video(video::Args),
    #[command(subcommand)]
    Styles(styles::Args),
    Try(try_styles::Args),
    Watch(watch::Args),
    Demo(demo::Args),
    Live(live::Args),
    Web(web::Args),
    Import(import::Args),
    Tune(tune::Args),
    Train(Box<train::Args>),
    Eval(eval::Args),
    Bench(bench::Args),
    /// One row of a bench, in a process of its own.
    #[command(hide = true)]
    BenchRow(bench::RowArgs),
    Export(export::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    /// Carries the command out.
    pub fn run(&self, console: &Console) -> Result<()> {
        match self {
            Command::Stylize(args) => stylize::run(args, console),
            Command::Video(args) => video::run(args, console),
            Command::Styles(args) => styles::run(args, console),
            Command::Try(args) => try_styles::run(args, console),
            Command::Watch(args) => watch::run(args, console),
            Command::Demo(args) => demo::run(args, console),
            Command::Live(args) => live::run(args, console),
            Command::Web(args) => web::run(args, console),
            Command::Import(args) => import::run(args, console),
            Command::Tune(args) => tune::run(args, console),
            Command::Train(args) => train::run(args, console),
            Command::Eval(args) => eval::run(args, console),
            Command::Bench(args) => bench::run(args, console),
            Command::BenchRow(args) => bench::run_row(args, console),
            Command::Export(args) => export::run(args, console),
            Command::Doctor(args) => doctor::run(args, console),
            Command::Completions(args) => completions::run(args, console),
            Command::Man(args) => man::run(args, console),
        }
    }
}
