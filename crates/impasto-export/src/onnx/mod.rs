//! A model as ONNX, opset 13: one file that paints, one that turns a painting into a style.
//!
//! The painter takes `image` `[1, 3, H, W]` and `style` `[1, n, 1, 1]` and gives `picture` `[1, 3, H, W]`,
//! not clamped. The encoder takes `image` and gives `style`. All three are 32-bit floats. A style is the
//! vector of a `.style` file of the same model; mixing styles is arithmetic on it.
//!
//! [`export_styled_onnx`] writes the painter with one style in it, which takes `image` alone: what programs take that know one picture in and
//! one out, such as OpenCV and ffmpeg's filters. Only there are tuned styles exact, which change weights as well.

mod check;
mod field;
mod graph;
pub(crate) mod lower;
pub mod proto;

pub use check::check;

use crate::error::ExportError;
use crate::pixels::pixel_map;
use impasto_core::atomic::{self, AtomicFile};
use impasto_core::lower::Folded;
use impasto_core::weights::Precision;
use impasto_core::{Field, Model, Network, Op, Style, Weights};
use lower::{Manner, lowered};
use prost::Message;
use proto::{GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The set of operators that is used.
pub const OPSET: i64 = 13;
/// The file format that goes with it.
const IR_VERSION: i64 = 7;

/// Height and width of the pictures that a file takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Always these, in px.
    Fixed {
        /// Width in px.
        width: usize,
        /// Height in px.
        height: usize,
    },
    /// Any, known at run time. Where the table reflects a border, no side of a feature map may be
    /// shorter than the border.
    Dynamic,
}

/// Values of black and white in pictures, going in and coming out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Range {
    /// `0..1`, as in our own tensors.
    #[default]
    Unit,
    /// `0..255`, folded into the first and last layer.
    Bytes,
}

/// Order of the three channels of pictures, going in and coming out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColourOrder {
    /// Red first, as in our own tensors.
    #[default]
    Rgb,
    /// Blue first, as OpenCV has it; folded into the first and last layer.
    Bgr,
}

/// Settings of ONNX files.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnnxOptions {
    /// Size of the photos that the painter takes.
    pub size: Size,
    /// Size of the paintings that the encoder takes.
    pub encoder_size: Size,
    /// Number type of weights; the graph computes in 32 bits either way.
    pub precision: Precision,
    /// Range of pictures.
    pub range: Range,
    /// Channel order of pictures.
    pub order: ColourOrder,
    /// The noise field of painters that have one; at a dynamic size its origin is always `[0, 0]`.
    pub field: Field,
}

impl Default for OnnxOptions {
    fn default() -> Self {
        Self {
            size: Size::Dynamic,
            encoder_size: Size::Dynamic,
            precision: Precision::F32,
            range: Range::Unit,
            order: ColourOrder::Rgb,
            field: Field::default(),
        }
    }
}

/// Bytes of the two files of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnnxFiles {
    /// Takes `image` and `style`, gives `picture`.
    pub painter: Vec<u8>,
    /// Takes `image`, gives `style`.
    pub encoder: Vec<u8>,
}

impl OnnxFiles {
    /// Path at which [`OnnxFiles::save`] puts the encoder: `light.onnx` has `light.encoder.onnx` beside it.
    pub fn encoder_path(path: &Path) -> PathBuf {
        path.with_extension("encoder.onnx")
    }

    /// Writes the painter to `path` and the encoder beside it. Both are whole on the disk before the first takes its name.
    pub fn save(&self, path: &Path) -> Result<(), ExportError> {
        let files = [(path.to_path_buf(), &self.painter), (Self::encoder_path(path), &self.encoder)];
        let mut written = Vec::new();
        for (path, bytes) in files {
            let mut file = AtomicFile::create(&path).map_err(ExportError::io(&path))?;
            file.write_all(bytes).map_err(ExportError::io(&path))?;
            written.push((path, file));
        }
        for (path, file) in written {
            file.commit().map_err(ExportError::io(&path))?;
        }
        Ok(())
    }
}

/// Writes `model` as ONNX.
pub fn export_onnx(model: &Model, options: &OnnxOptions) -> Result<OnnxFiles, ExportError> {
    let metadata = metadata(model, options);
    let painter = painter_graph(&model.painter, &model.weights, options)?;
    let encoder = encoder_graph(&model.encoder, &model.weights, options)?;
    let doc = |what: &str| format!("{what} of Impasto's model {} {}", model.name, model.id());
    Ok(OnnxFiles {
        painter: file(painter, &doc("Painter"), &metadata),
        encoder: file(encoder, &doc("Style encoder"), &metadata),
    })
}

/// Writes the painter of `model` with `style` folded in, tuned or not: the file takes `image` alone and gives `picture`.
pub fn export_styled_onnx(
    model: &Model,
    style: &Style,
    options: &OnnxOptions,
) -> Result<Vec<u8>, ExportError> {
    style.check(model)?;
    let weights = style_weights(model, style)?;
    let graph = graph_of(&model.painter, &weights, options, Some(style.vector()))?;
    let mut metadata = metadata(model, options);
    metadata.retain(|(key, _)| key != "impasto.style_length");
    metadata.push(("impasto.style".into(), style.provenance.name.clone()));
    metadata.push(("impasto.style_source".into(), style.provenance.source.clone()));
    let doc = format!(
        "Painter of Impasto's model {} {} in the style {}",
        model.name,
        model.id(),
        style.provenance.name
    );
    Ok(file(graph, &doc, &metadata))
}

/// The weights that the painter paints a style with: those of the model, with what a tuned style adds.
pub(crate) fn style_weights(model: &Model, style: &Style) -> Result<Arc<Weights>, ExportError> {
    match style.update() {
        None => Ok(model.weights.clone()),
        Some(update) => Ok(Arc::new(update.applied(&model.weights, 1.0)?)),
    }
}

/// Writes one file, which appears whole or not at all.
pub fn save(path: &Path, bytes: &[u8]) -> Result<(), ExportError> {
    atomic::write(path, bytes).map_err(ExportError::io(path))
}

/// A painter, or any other table, with input `image` and output `picture`.
pub fn painter_graph(
    network: &Network,
    weights: &Weights,
    options: &OnnxOptions,
) -> Result<GraphProto, ExportError> {
    graph_of(network, weights, options, None)
}

/// The same with `style` in it, or as a second input where there is none.
fn graph_of(
    network: &Network,
    weights: &Weights,
    options: &OnnxOptions,
    style: Option<&[f32]>,
) -> Result<GraphProto, ExportError> {
    let mut folded = checked(network, weights)?;
    folded.fold_scales_everywhere();
    take_pixels(&mut folded, options)?;
    if options.range == Range::Bytes || options.order == ColourOrder::Bgr {
        let gain = if options.range == Range::Bytes { 255.0 } else { 1.0 };
        folded.map_output(&pixel_map(gain, options.order == ColourOrder::Bgr));
    }
    let manner = Manner {
        input: "image",
        output: "picture",
        size: options.size,
        precision: options.precision,
        plain_norms: false,
        rim: 0,
        field: options.field,
        style,
    };
    lowered(&folded, manner)
}

/// A style encoder, with input `image` and output `style`.
pub fn encoder_graph(
    network: &Network,
    weights: &Weights,
    options: &OnnxOptions,
) -> Result<GraphProto, ExportError> {
    let mut folded = checked(network, weights)?;
    folded.fold_scales_everywhere();
    take_pixels(&mut folded, options)?;
    let manner = Manner {
        input: "image",
        output: "style",
        size: options.encoder_size,
        precision: options.precision,
        plain_norms: false,
        rim: 0,
        field: options.field,
        style: None,
    };
    lowered(&folded, manner)
}

pub(crate) fn checked<'a>(network: &Network, weights: &'a Weights) -> Result<Folded<'a>, ExportError> {
    network.check()?;
    network.check_weights(weights)?;
    Ok(Folded::new(network, weights))
}

/// Makes the table take pictures as `options` say.
pub(crate) fn take_pixels(folded: &mut Folded<'_>, options: &OnnxOptions) -> Result<(), ExportError> {
    if options.range == Range::Unit && options.order == ColourOrder::Rgb {
        return Ok(());
    }
    match folded.network.nodes[0].op {
        Op::Input { channels: 3 } => {}
        Op::Input { channels } => {
            return Err(ExportError::NotAPicture { network: folded.network.name.clone(), channels });
        }
        _ => unreachable!("the table is sound"),
    }
    let gain = if options.range == Range::Bytes { 1.0 / 255.0 } else { 1.0 };
    folded.map_input(&pixel_map(gain, options.order == ColourOrder::Bgr));
    Ok(())
}

/// The bytes of a file around `graph`, with text by key.
pub fn file(graph: GraphProto, doc: &str, metadata: &[(String, String)]) -> Vec<u8> {
    let entry =
        |(key, value): &(String, String)| StringStringEntryProto { key: key.clone(), value: value.clone() };
    let model = ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: "impasto".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: doc.into(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: Some(OPSET) }],
        metadata_props: metadata.iter().map(entry).collect(),
    };
    model.encode_to_vec()
}

/// Metadata of a model's file: name, id, rights, and how pictures are meant.
pub(crate) fn metadata(model: &Model, options: &OnnxOptions) -> Vec<(String, String)> {
    let pairs = [
        ("impasto.version", env!("CARGO_PKG_VERSION").to_string()),
        ("impasto.model", model.name.clone()),
        ("impasto.model_id", model.id().to_string()),
        ("impasto.strength", serde_json::json!(model.strength).as_str().unwrap_or_default().to_string()),
        ("impasto.style_length", model.painter.style_len().to_string()),
        ("impasto.range", if options.range == Range::Bytes { "0..255" } else { "0..1" }.to_string()),
        ("impasto.order", if options.order == ColourOrder::Bgr { "BGR" } else { "RGB" }.to_string()),
        ("license", model.license.clone()),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
}
