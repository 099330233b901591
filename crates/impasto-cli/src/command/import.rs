//! `impasto import`: the classic model from the files people have.

use crate::console::Console;
use crate::failure::wrong_use;
use crate::interrupt;
use anyhow::{Context, Result, bail};
use impasto::{EngineChoice, EngineSetup, Image};
use impasto_core::model::Model;
use impasto_core::weights::Precision;
use impasto_import::{Pictures, import_classic};
use impasto_media::{atomic, folder, resize, still};
use std::fs;
use std::path::{Path, PathBuf};

/// Make the classic model of a VGG-19 and a decoder
///
/// Nothing in these files is executed: of a .pth, only the few instructions that a file of tensors needs are
/// understood, and everything else is refused by name.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto import vgg_normalised.pth decoder.pth -o classic.safetensors
      the two files that the releases page of naoto0804/pytorch-AdaIN on
      GitHub offers
  impasto import vgg19-dcbb9e9d.pth decoder.pth --pictures photos/ \\
      -o classic.safetensors
      torchvision's VGG-19 is not normalised; it is, on your pictures, so that
      each channel's mean is 1. The decoder must have been trained with such a
      VGG.

Impasto finds `classic` in the working directory and in its configuration
folder (`impasto doctor` tells where).")]
pub struct Args {
    /// VGG-19, .pth or .safetensors.
    #[arg(value_name = "VGG")]
    vgg: PathBuf,
    /// The decoder, .pth or .safetensors.
    #[arg(value_name = "DECODER")]
    decoder: PathBuf,
    /// The model to write.
    #[arg(short, long, value_name = "FILE.safetensors")]
    output: PathBuf,
    /// Photos on which a VGG that is not normalised becomes so; a few dozen are enough.
    #[arg(long, value_name = "FOLDER")]
    pictures: Option<PathBuf>,
}

/// Shorter side in px at which pictures are looked at for normalising.
const PICTURE_PX: usize = 256;
/// Enough for steady means; more would only take longer.
const MOST_PICTURES: usize = 200;

/// Imports.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    check(args)?;
    let images = args.pictures.as_deref().map_or(Ok(Vec::new()), |folder| pictures(folder, console))?;
    let engine = EngineSetup { choice: EngineChoice::Cpu, ..Default::default() }.strict()?;
    let pictures = Pictures { images: &images, engine: engine.as_ref() };
    let model = import_classic(&args.vgg, &args.decoder, Some(pictures))?;
    let _whole = interrupt::hold();
    atomic::write(&args.output, &model.to_bytes(Precision::F32)).with_context(|| {
        format!("cannot write {}; does its folder exist, and is there space?", args.output.display())
    })?;
    describe(&model, console);
    console.result(args.output.display().to_string())
}

fn check(args: &Args) -> Result<()> {
    let shown = args.output.display();
    if args.output.extension().is_none_or(|ending| ending != "safetensors") {
        let better = args.output.with_extension("safetensors");
        return Err(wrong_use(format!(
            "a model's file must end in .safetensors, such as {}",
            better.display()
        )));
    }
    for input in [&args.vgg, &args.decoder] {
        if !input.exists() {
            bail!(
                "there is no file {}; check the spelling (`impasto import --help` tells where it comes from)",
                input.display()
            );
        }
        if fs::canonicalize(input).ok() == fs::canonicalize(&args.output).ok() {
            return Err(wrong_use(format!("{shown} is read and would be overwritten; name another with -o")));
        }
    }
    Ok(())
}

/// The first pictures of the folder, small; one that cannot be read is told and left out.
fn pictures(folder: &Path, console: &Console) -> Result<Vec<Image>> {
    let mut images = Vec::new();
    for listed in folder::list_pictures(folder)?.into_iter().take(MOST_PICTURES) {
        match still::read(&listed.path) {
            Ok(still) => images.push(resize::resize_shorter_side(&still.image, PICTURE_PX)),
            Err(error) => console.note(format!("left out: {error}")),
        }
    }
    if images.is_empty() {
        bail!("there is no picture that can be read in {}", folder.display());
    }
    Ok(images)
}

fn describe(model: &Model, console: &Console) {
    let vgg = &model.training["imported"]["vgg"];
    let parameters = model.weights.parameters() as f64 / 1e6;
    console.note(format!("{} {}: {parameters:.1} million weights", model.name, model.id()));
    console.note(format!("encoder: {}", vgg["kind"].as_str().unwrap_or("VGG-19")));
    if vgg["normalised_on_pictures"].as_u64() > Some(0) {
        let (pictures, silent) = (&vgg["normalised_on_pictures"], &vgg["silent_channels"]);
        console.note(format!("normalised on {pictures} pictures; {silent} channels never answered"));
    }
}
