//! MicroAST (Wang et al., AAAI 2023), after its code at EndyWon/MicroAST: two small encoders, a modulator that
//! turns style features into a gain and a skip gain per channel, and a decoder with two AdaIN sites.
//!
//! A modulated convolution is `w * conv(x) + b * x` with `w`, `b` per channel: two [`SiteKind::Modulate`] sites of
//! bias 0. Its bilinear upsampling is nearest upsampling followed by a depthwise `[1 2 1] / 4` in both
//! directions over a repeated edge, which is the same to the last bit of the formula. A convolution's mean over the
//! picture is taken with `MeanStd`, and a 1x1 convolution of zeros and ones puts it in its place.
//!
//! [`SiteKind::Modulate`]: impasto_core::SiteKind::Modulate

use super::renamed;
use impasto_core::classic::EPS;
use impasto_core::model::StrengthKind;
use impasto_core::{Model, ModelError, Network, NetworkBuilder, NodeId, Op, Padding, Weights};

/// Channels of the features at a quarter of the picture's size.
const CHANNELS: usize = 64;

/// MicroAST as a model named `microast`, from the tensors of its four files, named `content_encoder.*`, `style_encoder.*`,
/// `modulator.*` and `decoder.*`.
pub fn microast(original: &Weights) -> Result<Model, ModelError> {
    let mut weights = renamed(original, |name| Some(name.replace(".conv_layer", "")));
    for (name, channels) in [("decoder.dec3.0", CHANNELS), ("decoder.dec3.5", 32)] {
        insert_blur(&mut weights, name, channels);
    }
    for name in SIGNALS {
        insert_placing(&mut weights, &format!("{name}.place"));
    }
    Model::new(
        "microast",
        painter(),
        encoder(),
        weights,
        StrengthKind::Features,
        "MIT",
        serde_json::json!({"source": "EndyWon/MicroAST"}),
    )
}

/// The modulator's outputs: gains and skip gains for features 1 and 2.
const SIGNALS: [&str; 4] =
    ["modulator.weight1.0", "modulator.bias1.0", "modulator.weight2.0", "modulator.bias2.0"];

fn insert_blur(weights: &mut Weights, name: &str, channels: usize) {
    let taps = [0.25f32, 0.5, 0.25];
    let window: Vec<f32> = taps.iter().flat_map(|v| taps.map(|u| u * v)).collect();
    weights.insert(format!("{name}.weight"), vec![channels, 1, 3, 3], window.repeat(channels));
    weights.insert(format!("{name}.bias"), vec![channels], vec![0.0; channels]);
}

/// From `[mean, std]` to `[0, mean]`: a site's bias and gain.
fn insert_placing(weights: &mut Weights, name: &str) {
    let mut matrix = vec![0.0; 4 * CHANNELS * CHANNELS];
    for c in 0..CHANNELS {
        matrix[(CHANNELS + c) * 2 * CHANNELS + c] = 1.0;
    }
    weights.insert(format!("{name}.weight"), vec![2 * CHANNELS, 2 * CHANNELS, 1, 1], matrix);
    weights.insert(format!("{name}.bias"), vec![2 * CHANNELS], vec![0.0; 2 * CHANNELS]);
}

/// A convolution of `groups` groups over a reflected border.
fn grouped(
    b: &mut NetworkBuilder,
    name: &str,
    input: NodeId,
    channels: usize,
    stride: usize,
    groups: usize,
) -> NodeId {
    let op = Op::Conv { input, out_channels: channels, kernel: 3, stride, groups, padding: Padding::Reflect };
    b.push(name, op)
}

fn conv_relu(b: &mut NetworkBuilder, name: &str, input: NodeId, channels: usize, kernel: usize) -> NodeId {
    let x = b.conv(name, input, channels, kernel, 1, Padding::Reflect);
    b.relu(x)
}

fn grouped_relu(
    b: &mut NetworkBuilder,
    name: &str,
    input: NodeId,
    channels: usize,
    stride: usize,
    groups: usize,
) -> NodeId {
    let x = grouped(b, name, input, channels, stride, groups);
    b.relu(x)
}

/// Features 1 and 2 of an encoder whose convolutions are named `name.*`.
fn push_encoder(b: &mut NetworkBuilder, name: &str) -> [NodeId; 2] {
    let layer = |i: usize| format!("{name}.enc1.{i}");
    let x = b.input(3);
    let x = conv_relu(b, &layer(0), x, 16, 9);
    let x = grouped_relu(b, &layer(2), x, 32, 2, 16);
    let x = conv_relu(b, &layer(4), x, 32, 1);
    let x = grouped_relu(b, &layer(6), x, CHANNELS, 2, 32);
    let x = conv_relu(b, &layer(8), x, CHANNELS, 1);
    let first = push_residual(b, &layer(10), x);
    [first, push_residual(b, &format!("{name}.enc2.0"), first)]
}

fn push_residual(b: &mut NetworkBuilder, name: &str, x: NodeId) -> NodeId {
    let y = conv_relu(b, &format!("{name}.conv1"), x, CHANNELS, 3);
    let y = b.conv(&format!("{name}.conv2"), y, CHANNELS, 3, 1, Padding::Reflect);
    b.add(x, y)
}

/// `w * conv(x) + b * x`, whose `w` and `b` are sites of their own.
fn push_modulated(b: &mut NetworkBuilder, name: &str, x: NodeId) -> NodeId {
    let y = b.conv(name, x, CHANNELS, 3, 1, Padding::Reflect);
    let y = b.modulate(&format!("{name}.gain"), y, CHANNELS);
    let skip = b.modulate(&format!("{name}.skip"), x, CHANNELS);
    b.add(y, skip)
}

/// AdaIN, then a residual block of two modulated convolutions.
fn push_styled(b: &mut NetworkBuilder, name: &str, x: NodeId) -> NodeId {
    let x = b.adain_unbiased(&format!("{name}.adain"), x, CHANNELS, EPS);
    let y = push_modulated(b, &format!("{name}.conv1"), x);
    let y = b.relu(y);
    let y = push_modulated(b, &format!("{name}.conv2"), y);
    b.add(x, y)
}

fn push_bilinear(b: &mut NetworkBuilder, name: &str, input: NodeId, channels: usize) -> NodeId {
    let input = b.upsample2(input);
    let op = Op::Conv {
        input,
        out_channels: channels,
        kernel: 3,
        stride: 1,
        groups: channels,
        padding: Padding::Replicate,
    };
    b.push(name, op)
}

fn painter() -> Network {
    let mut b = NetworkBuilder::new("microast").fit_picture(1);
    let [_, x] = push_encoder(&mut b, "content_encoder");
    let x = push_styled(&mut b, "decoder.dec1", x);
    let x = push_styled(&mut b, "decoder.dec2", x);
    let layer = |i: usize| format!("decoder.dec3.{i}");
    let x = push_bilinear(&mut b, &layer(0), x, CHANNELS);
    let x = grouped_relu(&mut b, &layer(1), x, 32, 1, 32);
    let x = conv_relu(&mut b, &layer(3), x, 32, 1);
    let x = push_bilinear(&mut b, &layer(5), x, 32);
    let x = grouped_relu(&mut b, &layer(6), x, 16, 1, 16);
    let x = conv_relu(&mut b, &layer(8), x, 16, 1);
    b.conv(&layer(10), x, 3, 9, 1, Padding::Reflect);
    b.finish()
}

/// A site's `[0, mean of the convolution called name]`.
fn push_signal(b: &mut NetworkBuilder, name: &str, features: NodeId) -> NodeId {
    let x = grouped(b, name, features, CHANNELS, 1, CHANNELS);
    let x = b.mean_std(x, 0.0, false);
    b.conv(&format!("{name}.place"), x, 2 * CHANNELS, 1, 1, Padding::Zero)
}

fn encoder() -> Network {
    let mut b = NetworkBuilder::new("microast style encoder");
    let features = push_encoder(&mut b, "style_encoder");
    let mut parts = Vec::new();
    // The decoder's first block is driven by the second features.
    for i in [1, 0] {
        let statistics = b.mean_std(features[i], EPS, true);
        let gain = push_signal(&mut b, SIGNALS[2 * i], features[i]);
        let skip = push_signal(&mut b, SIGNALS[2 * i + 1], features[i]);
        parts.extend([statistics, gain, skip, gain, skip]);
    }
    b.concat(&parts);
    b.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sound_and_fit_each_other() {
        painter().check().unwrap();
        encoder().check().unwrap();
        assert_eq!(painter().style_len(), 2 * 5 * 2 * CHANNELS);
        assert_eq!(encoder().output_shape(64, 48).unwrap().len(), painter().style_len());
        // The paper's model has 6.4 GMAC a frame at 640x360, without the blurs that stand for bilinear upsampling.
        let blurs = 9 * (CHANNELS * 180 * 320 + 32 * 360 * 640) as u64;
        let gmac = (painter().macs(360, 640).unwrap() - blurs) as f64 / 1e9;
        assert!((gmac - 6.4).abs() < 0.2, "{gmac}");
    }
}
