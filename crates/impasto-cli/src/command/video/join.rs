//! `impasto video join`: one film of its parts.

use super::args::JoinArgs;
use crate::console::Console;
use crate::interrupt;
use anyhow::{Context, Result};
use impasto_media::still::mark;
use impasto_media::video::{self, InputOptions, Output, OutputOptions, Parts};

/// Joins the parts.
pub fn run(args: &JoinArgs, console: &Console) -> Result<()> {
    let parts = Parts::open(&args.parts)?;
    let film = args.film.as_deref().unwrap_or(parts.film());
    let input = video::open(film, &InputOptions { backend: args.backend.into(), ..Default::default() })
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
        xmp: mark_of(parts.fingerprint()),
    };
    let _whole = interrupt::hold();
    let info = input.source.info().clone();
    let output = Output::of_parts(&parts, &args.output, &info, &input, &options)?;
    output.notes().iter().for_each(|note| console.note(note));
    output.complete()?;
    console.note(format!("{} frames of {} parts", parts.frames(), args.parts.len()));
    console.result(args.output.display().to_string())
}

/// The mark that the parts' film has in one run: model and style stand in the request.
fn mark_of(request: &str) -> Option<String> {
    let request: serde_json::Value = serde_json::from_str(request).ok()?;
    let [model, style] = request["mark"].as_array()?.as_slice() else { return None };
    Some(mark::packet(model.as_str()?, style.as_str()?))
}
