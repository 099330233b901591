//! The light network: a small fully convolutional AdaIN painter and its style encoder, as tables.
//!
//! The painter works mostly at 1/8 and 1/4 of the picture: a stem of stride-2 convolutions, residual blocks with a site
//! each, nearest upsampling, sums with the stem's features, replicated borders, plain ReLU. The encoder takes means and deviations
//! of a few convolutions' features of the painting, and a small perceptron makes the style vector of them.

use crate::network::{Network, NetworkBuilder, NodeId, Padding, SiteKind};

/// Added to variances.
pub const EPS: f32 = 1e-5;

/// The numbers that a light network is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct LightShape {
    /// Channels at 1/2, 1/4 and 1/8 of the picture.
    pub channels: [usize; 3],
    /// Residual blocks at 1/8, each with an AdaIN site.
    pub blocks: usize,
    /// Residual blocks at 1/4 on the way up, each with a gain and bias from the style.
    pub quarter_blocks: usize,
    /// Whether the stem's features at 1/2 are added on the way up, besides those at 1/4.
    pub half_skip: bool,
    /// Channels of the encoder's convolutions at 1/2, 1/4, 1/8 and 1/16 of the painting.
    pub encoder_channels: [usize; 4],
    /// Length of the encoder's code.
    pub code: usize,
    /// Whether the noise field is added at every site.
    pub field: bool,
}

/// Grains of the noise field's planes, in cells: three of white noise, and one of larger patches.
const GRAINS: [usize; 4] = [1, 1, 1, 4];

impl Default for LightShape {
    fn default() -> Self {
        Self {
            channels: [16, 48, 96],
            blocks: 2,
            quarter_blocks: 2,
            half_skip: false,
            encoder_channels: [32, 48, 64, 96],
            code: 256,
            field: true,
        }
    }
}

impl LightShape {
    /// A toy for tests and for training in a minute or two.
    pub fn tiny() -> Self {
        Self {
            channels: [16, 32, 32],
            blocks: 1,
            encoder_channels: [16, 32, 32, 32],
            code: 64,
            ..Self::default()
        }
    }
}

/// The painter: photo `[3, H, W]` to pastiche `[3, H, W]`, RGB in about `0..1`.
pub fn painter(shape: &LightShape) -> Network {
    let [half, quarter, eighth] = shape.channels;
    let mut b = NetworkBuilder::new("light-painter").fit_picture(8);
    let picture = b.input(3);
    let x = b.scale(picture, 4.0, -2.0);
    let at_half = stem(&mut b, "down1", x, half);
    let at_quarter = stem(&mut b, "down2", at_half, quarter);
    let x = b.conv("down3", at_quarter, eighth, 3, 2, Padding::Replicate);
    let at = |stride, channels, kind| Place { stride, channels, kind, field: shape.field };
    let [adain, modulate] = [SiteKind::AdaIn, SiteKind::Modulate];
    let x = at(8, eighth, adain).site(&mut b, "down3", x);
    let mut x = b.relu(x);
    for i in 1..=shape.blocks {
        x = block(&mut b, &format!("block{i}"), x, at(8, eighth, adain));
    }
    x = rise(&mut b, "up1", x, at(4, quarter, adain), Some(at_quarter));
    for i in 1..=shape.quarter_blocks {
        x = block(&mut b, &format!("quarter{i}"), x, at(4, quarter, modulate));
    }
    x = rise(&mut b, "up2", x, at(2, half, adain), shape.half_skip.then_some(at_half));
    let x = b.upsample2(x);
    let x = b.conv("paint", x, 3, 3, 1, Padding::Replicate);
    b.scale(x, 0.25, 0.5);
    b.finish()
}

/// A place in the table where a style enters.
#[derive(Clone, Copy)]
struct Place {
    /// Px of the picture for one position.
    stride: usize,
    channels: usize,
    kind: SiteKind,
    field: bool,
}

impl Place {
    /// The site named `site_NAME`, and behind it the noise field `noise_NAME` where the shape has one.
    fn site(self, b: &mut NetworkBuilder, name: &str, x: NodeId) -> NodeId {
        let site = format!("site_{name}");
        let x = match self.kind {
            SiteKind::Modulate => b.modulate(&site, x, self.channels),
            SiteKind::AdaIn | SiteKind::Noise => b.adain(&site, x, self.channels, EPS),
        };
        match self.field {
            true => b.noise(&format!("noise_{name}"), x, self.channels, self.stride, &GRAINS),
            false => x,
        }
    }
}

fn stem(b: &mut NetworkBuilder, name: &str, x: NodeId, channels: usize) -> NodeId {
    let x = b.conv(name, x, channels, 3, 2, Padding::Replicate);
    b.relu(x)
}

/// `x + conv(relu(site(conv(x))))`.
fn block(b: &mut NetworkBuilder, name: &str, x: NodeId, place: Place) -> NodeId {
    let y = b.conv(&format!("{name}_a"), x, place.channels, 3, 1, Padding::Replicate);
    let y = place.site(b, name, y);
    let y = b.relu(y);
    let y = b.conv(&format!("{name}_b"), y, place.channels, 3, 1, Padding::Replicate);
    b.add(x, y)
}

/// Upsampling, convolution, the sum with what the stem kept, a site.
fn rise(b: &mut NetworkBuilder, name: &str, x: NodeId, place: Place, skip: Option<NodeId>) -> NodeId {
    let x = b.upsample2(x);
    let mut x = b.conv(name, x, place.channels, 3, 1, Padding::Replicate);
    if let Some(skip) = skip {
        x = b.add(x, skip);
    }
    let x = place.site(b, name, x);
    b.relu(x)
}

/// The style encoder for [`painter`]: painting `[3, H, W]` to the style vector.
pub fn encoder(shape: &LightShape) -> Network {
    let mut b = NetworkBuilder::new("light-encoder");
    let picture = b.input(3);
    let mut x = b.scale(picture, 4.0, -2.0);
    let mut statistics = vec![b.mean_std(x, EPS, false)];
    for (i, &channels) in shape.encoder_channels.iter().enumerate() {
        let x1 = b.conv(&format!("look{}_a", i + 1), x, channels, 3, 2, Padding::Replicate);
        x = b.relu(x1);
        if i > 0 {
            let x2 = b.conv(&format!("look{}_b", i + 1), x, channels, 3, 1, Padding::Replicate);
            x = b.relu(x2);
        }
        statistics.push(b.mean_std(x, EPS, false));
    }
    let mut code = b.concat(&statistics);
    for name in ["code1", "code2"] {
        code = b.conv(name, code, shape.code, 1, 1, Padding::Zero);
        code = b.relu(code);
    }
    b.conv("style", code, painter(shape).style_len(), 1, 1, Padding::Zero);
    b.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sound_and_within_the_budget() {
        for (half_skip, field) in [(false, false), (true, false), (false, true)] {
            let shape = LightShape { half_skip, field, ..LightShape::default() };
            let (painter, encoder) = (painter(&shape), encoder(&shape));
            painter.check().unwrap();
            encoder.check().unwrap();
            assert!(painter.macs(288, 512).unwrap() <= 2_500_000_000, "{}", painter.macs(288, 512).unwrap());
            assert_eq!(encoder.output_shape(64, 96).unwrap().len(), painter.style_len());
            assert_eq!(painter.output_shape(61, 97).unwrap(), crate::Shape::new(3, 61, 97));
            assert!(painter.sites.iter().filter(|s| s.kind == SiteKind::AdaIn).count() <= 5);
            let count = |n: &Network| -> usize {
                n.weight_shapes().unwrap().iter().map(|(_, s)| s.iter().product::<usize>()).sum()
            };
            assert!(count(&painter) <= 600_000, "{} parameters a frame", count(&painter));
            assert!(2 * (count(&painter) + count(&encoder)) <= 2_800_000, "too large in half precision");
        }
    }
}
