//! Which network is meant, and where its file lies.

use crate::folder;
use anyhow::{Context, Result, anyhow, bail};
use impasto::{Model, builtin};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the classic model is made; the end of messages that miss it.
const MAKE_CLASSIC: &str = "make it once with: impasto import vgg_normalised.pth decoder.pth -o classic.safetensors \
    (see `impasto import --help` for where these files come from)";

/// The model of that name or file; without one, `light` where this build has it, else `classic`.
pub fn load(word: Option<&str>) -> Result<Arc<Model>> {
    match word {
        Some(word) => builtin::model(word).map_or_else(|| from_disk(word), Ok),
        None => builtin::model("light").map_or_else(|| from_disk("classic"), Ok),
    }
}

fn from_disk(word: &str) -> Result<Arc<Model>> {
    let path = find(word)?;
    if is_torch(&path) {
        bail!(
            "{} is a PyTorch file, not a model of Impasto; make one of it and its partner: \
             impasto import VGG.pth DECODER.pth -o classic.safetensors",
            path.display()
        );
    }
    let model = Model::load(&path).with_context(|| format!("cannot use the model {}", path.display()))?;
    Ok(Arc::new(model))
}

/// Whether the file begins as those of `torch.save` do: a zip archive or a pickle.
fn is_torch(path: &Path) -> bool {
    let mut head = [0; 9];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && (head.starts_with(b"PK\x03\x04") || (head[0] == 0x80 && head[1] <= 5 && head[8] != b'{'))
}

/// The file that a model's name or path stands for.
fn find(word: &str) -> Result<PathBuf> {
    let candidates = candidates(word);
    if let Some(found) = candidates.iter().find(|path| path.is_file()) {
        return Ok(found.clone());
    }
    let looked = candidates.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and ");
    Err(match word {
        "classic" => anyhow!("the classic model was not found; looked for {looked}; {MAKE_CLASSIC}"),
        "light" => anyhow!(
            "this build has no light model inside, and none was found; looked for {looked}; \
             use --model classic or --model FILE"
        ),
        file if Path::new(file).is_dir() => {
            anyhow!("{file} is a folder, not a model file; name a file in it")
        }
        file => anyhow!("there is no model file {file}; check the spelling, or {MAKE_CLASSIC}"),
    })
}

/// Where the file may lie, in the order of preference.
pub fn candidates(word: &str) -> Vec<PathBuf> {
    if !matches!(word, "light" | "classic") {
        return vec![PathBuf::from(word)];
    }
    let file = format!("{word}.safetensors");
    let mut paths = vec![PathBuf::from(&file)];
    paths.extend(folder::config().map(|folder| folder.join(file)));
    paths
}
