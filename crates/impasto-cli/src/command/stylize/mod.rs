//! `impasto stylize`: photos times styles.

mod args;
mod finish;
mod found;
mod naming;
mod paint;
mod place;
mod plan;

pub use args::Args;
pub use naming::beside;
pub use paint::Studio;
pub use plan::{Job, Plan};

use crate::console::Console;
use anyhow::Result;

/// Says what the words mean, then paints.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    let plan = plan::Plan::from_args(args)?;
    paint::run(&plan, console)
}
