//! `impasto video join`: one film of its parts.

use super::args::JoinArgs;
use crate::console::Console;
use crate::interrupt;
use anyhow::{Context, Result};
use impasto_media::video::{self, InputOptions, Output, OutputOptions, Parts};

/// Joins the parts.
pub fn run(args: &JoinArgs, console: &Console) -> Result<()> {
    let parts = Parts::open(&args.parts)?;
    let film = args.film.as_deref().unwrap_or(parts.film());
    let input = video::open(film, &InputOptions { backend: args.backend.into(), rate: None })
        .context("the film that the parts were painted from is needed; --film says where it is")?;
    let options = OutputOptions {
        quality: 80,
        sound: !args.no_sound,
        tags: !args.strip,
        resume: false,
        fingerprint: parts.fingerprint().into(),
        backend: args.backend.into(),
        encoder: None,
        section: None,
    };
    let _whole = interrupt::hold();
    let info = input.source.info().clone();
    let output = Output::of_parts(&parts, &args.output, &info, &input, &options)?;
    output.notes().iter().for_each(|note| console.note(note));
    output.complete()?;
    console.note(format!("{} frames of {} parts", parts.frames(), args.parts.len()));
    console.result(args.output.display().to_string())
}
