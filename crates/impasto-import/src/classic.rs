//! From files of weights to one checked model.

use std::path::Path;
use std::sync::Arc;

use impasto_core::Image;
use impasto_core::classic::{self, Variance};
use impasto_core::engine::Engine;
use impasto_core::model::{Model, StrengthKind};
use impasto_core::weights::Weights;
use serde_json::json;

use crate::TensorFile;
use crate::error::ImportError;
use crate::layout::{VggKind, read_decoder, read_vgg};
use crate::normalise::{layer_means, rescale};

const LICENSE: &str = "imported: VGG-19 by K. Simonyan and A. Zisserman is under CC BY 4.0; \
                       the decoder is under the terms of whoever published it";

/// Material to normalise a published VGG on: photos, and the engine that walks it over them.
#[derive(Clone, Copy)]
pub struct Pictures<'a> {
    /// A few dozen ordinary photos; about 256 px on the shorter side is enough.
    pub images: &'a [Image],
    /// Any engine.
    pub engine: &'a dyn Engine,
}

/// A VGG-19 up to relu4_1 that is ready for AdaIN: `conv0` (1x1, from RGB in `0..1`), `conv1_1` to `conv4_1`, and all
/// channels of mean activation 1.
#[derive(Clone, Debug)]
pub struct Vgg {
    /// The weights, by layer name.
    pub weights: Weights,
    /// The kind of network that the file held.
    pub kind: VggKind,
    /// On how many pictures it was normalised here; 0 when it came normalised.
    pub pictures: usize,
    /// Number of its channels that never answered to the pictures, and so could not be normalised.
    pub silent_channels: usize,
}

/// Reads a VGG-19. One that is not normalised needs `pictures`; one that is leaves them alone.
pub fn import_vgg(path: &Path, pictures: Option<Pictures>) -> Result<Vgg, ImportError> {
    let mut file = TensorFile::open(path).map_err(ImportError::file(path))?;
    let (kind, weights) = read_vgg(&mut file).map_err(ImportError::layout(path))?;
    if kind.is_normalised() {
        return Ok(Vgg { weights, kind, pictures: 0, silent_channels: 0 });
    }
    let pictures = pictures.filter(|pictures| !pictures.images.is_empty());
    let pictures = pictures.ok_or_else(|| ImportError::NeedsPictures { path: path.to_owned(), kind })?;
    let weights = Arc::new(weights);
    let means = layer_means(&weights, pictures.engine, pictures.images).map_err(ImportError::Engine)?;
    let mut weights = Arc::unwrap_or_clone(weights);
    let silent_channels = rescale(&mut weights, &means);
    Ok(Vgg { weights, kind, pictures: pictures.images.len(), silent_channels })
}

/// Reads a VGG-19 as it was published, normalised or not: to compare what comes of either.
pub fn import_plain_vgg(path: &Path) -> Result<(VggKind, Weights), ImportError> {
    let mut file = TensorFile::open(path).map_err(ImportError::file(path))?;
    read_vgg(&mut file).map_err(ImportError::layout(path))
}

/// Reads a decoder: `dec0` to `dec8`.
pub fn import_decoder(path: &Path) -> Result<Weights, ImportError> {
    let mut file = TensorFile::open(path).map_err(ImportError::file(path))?;
    read_decoder(&mut file).map_err(ImportError::layout(path))
}

/// Makes the classic model of a VGG and the decoder that was trained with it.
///
/// A decoder only understands the VGG it was trained with: those published with `vgg_normalised` give mud on
/// torchvision's VGG, normalised or not. This cannot be told from the files; the model's training record names both.
pub fn import_classic(vgg: &Path, decoder: &Path, pictures: Option<Pictures>) -> Result<Model, ImportError> {
    let encoder = import_vgg(vgg, pictures)?;
    let decoded = import_decoder(decoder)?;
    let record = json!({
        "imported": {
            "vgg": {
                "file": file_name(vgg),
                "kind": encoder.kind.to_string(),
                "normalised_on_pictures": encoder.pictures,
                "silent_channels": encoder.silent_channels,
                "checksum": encoder.weights.checksum(),
            },
            "decoder": { "file": file_name(decoder), "checksum": decoded.checksum() },
        }
    });
    let mut weights = encoder.weights;
    weights.extend(decoded);
    let (painter, encoder) = (classic::painter(Variance::default()), classic::encoder(Variance::default()));
    Model::new("classic", painter, encoder, weights, StrengthKind::Features, LICENSE, record)
        .map_err(ImportError::Model)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
