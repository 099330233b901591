//! Weights to start from.

mod revive;
mod whiten;

pub use revive::revive;
pub use whiten::whiten;

use impasto_core::Random;
use impasto_core::Weights;
use impasto_core::network::{Network, NodeId, Op, SiteKind};

/// A residual branch's last convolution starts smaller, so that blocks begin near the identity.
const BRANCH: f32 = 0.3;
/// Deviation of the weights of the noise field.
const NOISE: f32 = 0.3;

/// Kaiming-normal by fan-in for convolutions that a ReLU or a site follows; a residual branch's last one at 0.3 of that; the layer that
/// makes the picture Xavier-normal at a half. Weights of the noise field have a deviation of 0.3. Biases are 0.
pub fn painter(network: &Network, random: &mut Random) -> Weights {
    let mut weights = Weights::new();
    let readers = network.readers();
    let added = |id: NodeId| {
        let sums = |&r: &NodeId| matches!(network.nodes[r].op, Op::Add { b, .. } if b == id);
        readers[id].iter().any(sums)
    };
    let last = network.nodes.iter().rposition(|n| matches!(n.op, Op::Conv { .. }));
    for (name, shape) in network.weight_shapes().expect("the table is sound") {
        let id = name.strip_suffix(".weight").and_then(|n| network.find(n));
        let deviation = id.map_or(0.0, |id| match network.nodes[id].op {
            Op::Conv { .. } if Some(id) == last => {
                let taps = (shape[2] * shape[3]) as f32;
                0.5 * (2.0 / (taps * (shape[0] + shape[1]) as f32)).sqrt()
            }
            Op::Conv { .. } => {
                let fan: usize = shape[1..].iter().product();
                (2.0 / fan as f32).sqrt() * if added(id) { BRANCH } else { 1.0 }
            }
            Op::Noise { .. } => NOISE,
            Op::Input { .. }
            | Op::Relu { .. }
            | Op::MaxPool2 { .. }
            | Op::AvgPool2 { .. }
            | Op::Upsample2 { .. }
            | Op::Add { .. }
            | Op::AdaIn { .. }
            | Op::Modulate { .. }
            | Op::MeanStd { .. }
            | Op::Concat { .. }
            | Op::Scale { .. } => unreachable!("this kind of layer has no weights"),
        });
        let values = (0..shape.iter().product()).map(|_| deviation * random.normal()).collect();
        weights.insert(name, shape, values);
    }
    weights
}

/// As [`painter`], but the last layer, which makes the style vector, is uniform within `0.5 / sqrt(code)` (AdaIN sites; 0.3 for gains),
/// and its bias is 0 for means and biases and 1 for deviations and gains.
pub fn encoder(network: &Network, painter: &Network, random: &mut Random) -> Weights {
    let mut weights = self::painter(network, random);
    let last = network.nodes.last().expect("the table is sound").name.clone();
    let head = weights.get_mut(&format!("{last}.weight")).expect("the last layer is a convolution");
    let code = head.shape[1];
    for (site, place) in painter.sites.iter().enumerate() {
        let bound = match place.kind {
            SiteKind::AdaIn => 0.5,
            SiteKind::Modulate | SiteKind::Noise => 0.3,
        } / (code as f32).sqrt();
        let rows = painter.site_range(site);
        let values = &mut head.values[rows.start * code..rows.end * code];
        values.iter_mut().for_each(|v| *v = random.range(-bound, bound));
    }
    let bias = weights.get_mut(&format!("{last}.bias")).expect("the last layer is a convolution");
    for (site, place) in painter.sites.iter().enumerate() {
        let range = painter.site_range(site);
        bias.values[range.start..range.end - place.channels].fill(0.0);
        bias.values[range.end - place.channels..range.end].fill(1.0);
    }
    weights
}
