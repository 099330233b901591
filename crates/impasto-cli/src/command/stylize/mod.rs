//! `impasto stylize`: photos times styles.

mod args;
mod naming;
mod paint;
mod plan;

pub use args::Args;

use crate::console::Console;
use anyhow::Result;

/// Says what the words mean, then paints.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    let plan = plan::Plan::from_args(args)?;
    paint::run(&plan, console)
}
