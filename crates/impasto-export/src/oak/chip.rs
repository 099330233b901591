//! A painter in the shape that the Myriad X compiler likes.
//!
//! Bytes come in and go out (1/255 and 255 are folded into the ends). Every window pads with zeros, since
//! any other border is a full copy on the chip; zeros leave a visible rim, so the camera gives a larger
//! image and the rim is cut off the picture. A layer in front of a norm may be scaled by a power of two,
//! so that 16-bit floats hold its values.

use super::head::fold_yuv420;
use super::{Head, OakOptions};
use crate::error::ExportError;
use crate::onnx::lower::{Manner, lowered};
use crate::onnx::proto::GraphProto;
use crate::onnx::{Size, checked};
use crate::pixels::pixel_map;
use impasto_core::lower::Folded;
use impasto_core::reference::ReferenceEngine;
use impasto_core::weights::Precision;
use impasto_core::{
    Conditions, Engine, Field, Image, Model, Network, NodeId, Op, Padding, Plan, Tensor, Weights,
};
use std::sync::Arc;

/// Sides of the picture must be multiples of this.
pub const MULTIPLE_PX: usize = 16;
/// Width cut off each side where the table's borders are not zeros: zero padding is visible up to here.
pub const RIM_PX: usize = 32;
/// Largest image that is tried, in px.
const MOST_PX: usize = 1280 * 736;
/// Values that 16-bit floats hold with room for sums (they end at 65,504).
pub const SAFE_PEAK: f32 = 1000.0;
/// From here on a sum of squares or a product surely overflows.
const HOPELESS_PEAK: f32 = 30_000.0;

/// The table for the chip, and sizes in px.
#[derive(Clone, Debug)]
pub struct Chip {
    /// Takes bytes RGB, gives bytes RGB or planes, as [`Head`] says; zero padding everywhere.
    pub network: Network,
    /// Its weights.
    pub weights: Arc<Weights>,
    /// Form of the output.
    pub head: Head,
    /// Width and height of the picture that comes back.
    pub picture: (usize, usize),
    /// Cut off each side of the image.
    pub rim: usize,
    /// The largest value found anywhere, and the layer that makes it.
    pub peak: (f32, String),
    /// Layers scaled down in front of a norm.
    pub scaled: Vec<String>,
}

impl Chip {
    /// Width and height of the image that the camera gives.
    pub fn image(&self) -> (usize, usize) {
        (self.picture.0 + 2 * self.rim, self.picture.1 + 2 * self.rim)
    }

    /// The noise field under the image: under the picture it lies as it does where there is no rim.
    pub fn field(&self) -> Field {
        Field { origin: [-(self.rim as i32); 2], ..Field::default() }
    }

    /// Shape of the output: `[channels, height, width]`.
    pub fn output(&self) -> [usize; 3] {
        let (width, height) = self.picture;
        match self.head {
            Head::Rgb => [3, height, width],
            Head::Yuv420 => [6, height / 2, width / 2],
        }
    }

    /// The graph that is compiled: `image` `[1, 3, H, W]`, `style`, output `picture`.
    pub fn graph(&self) -> Result<GraphProto, ExportError> {
        let (width, height) = self.image();
        let manner = Manner {
            input: "image",
            output: "picture",
            size: Size::Fixed { width, height },
            precision: Precision::F32,
            plain_norms: true,
            rim: if self.head == Head::Yuv420 { self.rim / 2 } else { self.rim },
            field: self.field(),
            style: None,
        };
        lowered(&Folded::new(&self.network, &self.weights), manner)
    }

    /// Prepares `model` for the chip. `style` is one of its styles, to find how large values become.
    pub fn new(model: &Model, style: &[f32], options: &OakOptions) -> Result<Self, ExportError> {
        Self::with(model, &model.weights, style, options)
    }

    /// The same with weights of its own, such as those of a tuned style.
    pub fn with(
        model: &Model,
        weights: &Weights,
        style: &[f32],
        options: &OakOptions,
    ) -> Result<Self, ExportError> {
        let painter = &model.painter;
        let bordered =
            |op: &Op| matches!(op, Op::Conv { kernel: 2.., padding, .. } if *padding != Padding::Zero);
        let needs_rim = painter.nodes.iter().any(|node| bordered(&node.op));
        let rim = options.rim_px.unwrap_or(if needs_rim { RIM_PX } else { 0 });
        check_size(options, rim, painter.multiple)?;

        let mut folded = checked(painter, weights)?;
        folded.fold_scales_everywhere();
        folded.map_input(&pixel_map(1.0 / 255.0, false));
        folded.map_output(&pixel_map(255.0, false));
        let (scaled, peak) = bound(&mut folded, style)?;
        if options.head == Head::Yuv420 {
            fold_yuv420(&mut folded);
        }
        for node in &mut folded.network.nodes {
            if let Op::Conv { padding, .. } = &mut node.op {
                *padding = Padding::Zero;
            }
        }
        Ok(Self {
            weights: Arc::new(folded.weights()),
            network: folded.network,
            head: options.head,
            picture: (options.width, options.height),
            rim,
            peak,
            scaled,
        })
    }
}

fn check_size(options: &OakOptions, rim: usize, multiple: usize) -> Result<(), ExportError> {
    let OakOptions { width, height, .. } = *options;
    let refuse = |why: String| Err(ExportError::OakSize { width, height, why });
    if width == 0 || height == 0 || !width.is_multiple_of(MULTIPLE_PX) || !height.is_multiple_of(MULTIPLE_PX)
    {
        return refuse(format!("both sides must be multiples of {MULTIPLE_PX}"));
    }
    let (image_width, image_height) = (width.saturating_add(2 * rim), height.saturating_add(2 * rim));
    if image_width.saturating_mul(image_height) > MOST_PX {
        return refuse(format!(
            "with a rim of {rim} px it works on {image_width}x{image_height} px, and {MOST_PX} px is the most"
        ));
    }
    if !image_width.is_multiple_of(multiple)
        || !image_height.is_multiple_of(multiple)
        || !rim.is_multiple_of(2)
    {
        return refuse(format!(
            "with a rim of {rim} px it works on {image_width}x{image_height} px, which must be even multiples of {multiple}"
        ));
    }
    Ok(())
}

/// Runs the table once on a small test picture and scales layers in front of norms whose values are large.
fn bound(folded: &mut Folded<'_>, style: &[f32]) -> Result<(Vec<String>, (f32, String)), ExportError> {
    let tensors = tensors(folded, style)?;
    let peaks: Vec<f32> = tensors.iter().map(peak).collect();
    let mut scaled = Vec::new();
    let mut largest = (0.0, String::new());
    for (id, mut value) in peaks.into_iter().enumerate().skip(1) {
        let node = folded.network.nodes[id].clone();
        let conv_before_norm = matches!(node.op, Op::Conv { .. }) && only_norms_read(folded, id);
        if conv_before_norm && value > SAFE_PEAK {
            let down = 2f32.powi(-((value / SAFE_PEAK).log2().ceil() as i32));
            scale_before_norms(folded, id, down);
            value *= down;
            scaled.push(node.name.clone());
        }
        if value > largest.0 {
            largest = (value, node.name);
        }
    }
    if largest.0.is_nan() || largest.0 > HOPELESS_PEAK {
        return Err(ExportError::Oak(format!(
            "layer `{}` reaches {:.0}, more than 16-bit floats hold; the model would have to be trained with \
             smaller activations",
            largest.1, largest.0
        )));
    }
    Ok((scaled, largest))
}

fn peak(t: &Tensor) -> f32 {
    t.data().iter().fold(0.0, |peak: f32, v| if v.is_nan() { f32::NAN } else { peak.max(v.abs()) })
}

fn only_norms_read(folded: &Folded<'_>, id: usize) -> bool {
    let readers = &folded.network.live_readers()[id];
    !readers.is_empty() && readers.iter().all(|&r| matches!(folded.network.nodes[r].op, Op::AdaIn { .. }))
}

/// Side of the test picture in px; the plain engine walks it, so it is small.
const PROBE_PX: usize = 32;

/// Result of each row over a test picture in bytes: ramps with stripes.
fn tensors(folded: &Folded<'_>, style: &[f32]) -> Result<Vec<Tensor>, ExportError> {
    let picture = Image::from_fn(PROBE_PX, PROBE_PX, |x, y| {
        let stripe = if (x / 4 + y / 2) % 2 == 0 { 255 } else { 0 };
        [(8 * x) as u8, stripe, 255 - (8 * y) as u8]
    });
    let unit = picture.to_tensor();
    let bytes = Tensor::new(unit.shape(), unit.data().iter().map(|v| 255.0 * v).collect());
    let weights = Arc::new(folded.weights());
    let run = || -> Result<Vec<Tensor>, impasto_core::EngineError> {
        ReferenceEngine.prepare(&folded.network, &weights, PROBE_PX, PROBE_PX)?;
        let mut plan = ReferenceEngine.plan(&folded.network, &weights, PROBE_PX, PROBE_PX)?;
        let mut out = Tensor::zeros(plan.output_shape());
        plan.run(&bytes, &Conditions::new(style), &mut out)?;
        Ok(plan.tensors().to_vec())
    };
    run().map_err(|e| ExportError::Oak(e.to_string()))
}

/// Multiplies a convolution by `factor`; the norms after it then divide by it again, if their eps is
/// multiplied by its square.
fn scale_before_norms(folded: &mut Folded<'_>, conv: NodeId, factor: f32) {
    folded.edit(conv, |weight, bias| {
        weight.values.iter_mut().chain(&mut bias.values).for_each(|v| *v *= factor);
    });
    for node in &mut folded.network.nodes {
        if let Op::AdaIn { input, eps, .. } = &mut node.op
            && *input == conv
        {
            *eps *= factor * factor;
        }
    }
}
