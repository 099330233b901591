//! Which network is meant, and where its file lies.

use crate::folder;
use anyhow::{Context, Result, anyhow};
use impasto::{Model, builtin};
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
    let model = Model::load(&path).with_context(|| format!("cannot use the model {}", path.display()))?;
    Ok(Arc::new(model))
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
