//! `impasto video`: one film in one look.

mod args;
mod paint;
mod painter;
mod progress;

pub use args::Args;

use crate::console::Console;
use anyhow::Result;

/// Says what the words mean, then paints.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    args.check()?;
    paint::run(args, console)
}
