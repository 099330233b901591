//! Cost of a network on the chip: counted where it can be counted, estimated where it says so.

use super::Head;
use super::chip::{Chip, SAFE_PEAK};
use crate::onnx::proto::GraphProto;
use impasto_core::{Op, TableError};
use serde::Serialize;

/// Milliseconds for 1e9 operations of the convolution hardware at 6 SHAVEs (estimate).
const MS_PER_GFLOP: f64 = 3.2;
/// Bytes that SHAVE code moves in a millisecond (estimate).
const SHAVE_BYTES_PER_MS: f64 = 2.5e6;
/// Usable part of USB 2, in MB/s.
const USB2_MB_PER_SECOND: f64 = 35.0;
/// Frames per second that cameras give.
const CAMERA_FPS: f64 = 30.0;

/// Cost of a frame.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Budget {
    /// Width and height of the picture that comes back, px.
    pub picture: (usize, usize),
    /// Width and height that the network works on, px.
    pub image: (usize, usize),
    /// Multiplications and additions of all convolutions, in 1e9.
    pub gflop: f64,
    /// Weights as 16-bit floats, in 1e6 bytes.
    pub weights_mb: f64,
    /// Traffic of all operations in 16-bit floats, in 1e6 bytes.
    pub moved_mb: f64,
    /// Operations that run as SHAVE code instead of convolution hardware: kind and how often.
    pub shave_stages: Vec<(String, usize)>,
    /// Traffic of those, in 1e6 bytes.
    pub shave_mb: f64,
    /// Estimated frames per second, good to a factor of 2; never measured on a camera.
    pub frames_per_second: f64,
    /// The picture over USB at 30 frames per second or the estimate, whichever is less, in 1e6 bytes per second.
    pub usb_mb_per_second: f64,
    /// The largest value found in a run on a test picture, and its layer.
    pub peak: (f32, String),
    /// Remarks to know before use.
    pub warnings: Vec<String>,
}

impl Budget {
    /// Counts what `chip` costs; `graph` is its graph.
    pub fn of(chip: &Chip, graph: &GraphProto) -> Result<Self, TableError> {
        let (width, height) = chip.image();
        let shapes = chip.network.shapes(height, width)?;
        let (mut moved, mut shave, mut flop, mut padded) = (0usize, 0usize, 0.0, 0.0);
        for (node, out) in chip.network.nodes.iter().zip(&shapes) {
            let inputs = node.op.inputs();
            let bytes = 2 * (out.len() + inputs.iter().map(|&i| shapes[i].len()).sum::<usize>());
            match node.op {
                Op::Input { .. } => {}
                // A ReLU is part of the convolution before it.
                Op::Relu { .. } => {}
                Op::Conv { input, kernel, groups, .. } => {
                    let inner = shapes[input].channels;
                    let per_value = (2 * kernel * kernel) as f64;
                    flop += per_value * (out.len() * (inner / groups)) as f64;
                    // Depthwise blocks are expanded to dense ones, and channels come in sixteens.
                    let inner = if inner > 4 { inner.next_multiple_of(16) } else { inner };
                    padded += per_value * (out.channels.next_multiple_of(16) * out.area() * inner) as f64;
                    moved += bytes;
                }
                Op::MaxPool2 { .. }
                | Op::AvgPool2 { .. }
                | Op::Upsample2 { .. }
                | Op::Add { .. }
                | Op::AdaIn { .. }
                | Op::Modulate { .. }
                | Op::Noise { .. }
                | Op::MeanStd { .. }
                | Op::Concat { .. }
                | Op::Scale { .. } => {
                    moved += bytes;
                    shave += bytes;
                }
            }
        }
        let ms = padded / 1e9 * MS_PER_GFLOP + shave as f64 / SHAVE_BYTES_PER_MS;
        let frames_per_second = 1000.0 / ms;
        let frame_bytes = 2 * chip.output().iter().product::<usize>();
        let usb = frame_bytes as f64 * frames_per_second.min(CAMERA_FPS) / 1e6;
        let mut budget = Self {
            picture: chip.picture,
            image: chip.image(),
            gflop: flop / 1e9,
            weights_mb: 2.0 * chip.weights.parameters() as f64 / 1e6,
            moved_mb: moved as f64 / 1e6,
            shave_stages: shave_stages(graph),
            shave_mb: shave as f64 / 1e6,
            frames_per_second,
            usb_mb_per_second: usb,
            peak: chip.peak.clone(),
            warnings: vec![],
        };
        budget.warnings = budget.warnings(chip);
        Ok(budget)
    }

    fn warnings(&self, chip: &Chip) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.frames_per_second < CAMERA_FPS {
            warnings.push("slower than a camera: choose a smaller --size or a smaller model".to_string());
        }
        if self.usb_mb_per_second > USB2_MB_PER_SECOND / 2.0 && chip.head == Head::Rgb {
            warnings.push("too near what USB 2 carries: --yuv420 halves it".to_string());
        }
        if self.peak.0 > SAFE_PEAK {
            let (value, layer) = &self.peak;
            warnings.push(format!(
                "layer `{layer}` reaches {value:.0}; above {SAFE_PEAK} 16-bit sums lose precision"
            ));
        }
        let depthwise = |op: &Op| matches!(op, Op::Conv { groups: 2.., .. });
        if chip.network.nodes.iter().any(|node| depthwise(&node.op)) {
            warnings.push("grouped convolutions are expanded to dense ones on this chip".to_string());
        }
        warnings
    }
}

/// Operations of the graph that are neither convolutions nor free.
fn shave_stages(graph: &GraphProto) -> Vec<(String, usize)> {
    const FREE: [&str; 5] = ["Conv", "Relu", "MaxPool", "Split", "Identity"];
    let mut stages: Vec<(String, usize)> = Vec::new();
    for node in graph.node.iter().filter(|n| !FREE.contains(&n.op_type.as_str())) {
        match stages.iter_mut().find(|(kind, _)| *kind == node.op_type) {
            Some((_, count)) => *count += 1,
            None => stages.push((node.op_type.clone(), 1)),
        }
    }
    stages
}

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stages: Vec<String> = self.shave_stages.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        let rim = (self.image.0 - self.picture.0) / 2;
        writeln!(
            f,
            "picture      {}x{} px, cut out of {}x{} px (a rim of {rim} px hides the zero padding)",
            self.picture.0, self.picture.1, self.image.0, self.image.1
        )?;
        writeln!(f, "operations   {:.2} GFLOP a frame", self.gflop)?;
        writeln!(f, "weights      {:.2} MB", self.weights_mb)?;
        writeln!(
            f,
            "moved        {:.1} MB a frame, {:.1} of it by SHAVE code",
            self.moved_mb, self.shave_mb
        )?;
        writeln!(f, "SHAVE code   {}", if stages.is_empty() { "none".into() } else { stages.join(", ") })?;
        writeln!(f, "largest value {:.0} in `{}`, on a test picture", self.peak.0, self.peak.1)?;
        writeln!(
            f,
            "speed        {:.0} frames/s with 6 SHAVEs: an estimate, good to a factor of 2 ({:.0} to {:.0}); never measured on a camera",
            self.frames_per_second,
            self.frames_per_second / 2.0,
            self.frames_per_second * 2.0
        )?;
        write!(
            f,
            "USB          {:.1} MB/s for the picture (USB 2 carries about {USB2_MB_PER_SECOND})",
            self.usb_mb_per_second
        )?;
        self.warnings.iter().try_for_each(|warning| write!(f, "\nwarning      {warning}"))
    }
}
