//! `impasto video`: one film in one look.

mod args;
mod join;
mod look;
mod paint;
mod painter;
mod progress;

pub use args::Args;

use crate::console::Console;
use anyhow::Result;

/// Says what the words mean, then paints.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    match args {
        Args::Join(words) => {
            words.check()?;
            join::run(words, console)
        }
        Args::Paint(words) => {
            words.check()?;
            paint::run(words, console)
        }
    }
}
