//! Channels that never answer, given a new start that changes nothing yet.
//!
//! A ReLU channel that is 0 on every picture gets no gradient and stays so. What reads it can be set to 0 without changing what the
//! network paints; then the channel gets new weights, and the gradient first finds the readers, then the channel itself.

use crate::detect::ReluActivity;
use crate::learner::LearnerError;
use crate::walk::{Fast, Packed, Parameters, Program, Tape};
use impasto_core::Random;
use impasto_core::network::{Network, NodeId, Op};
use impasto_core::{Tensor, Weights};

/// Largest distance of a revived channel's styles from 0 and 1, as a part of the usual start's: they learn.
const SPREAD: f32 = 0.1;

/// Revives what is silent over `pairs` of a photo and a painting, of one size. Gives `(layer, channels revived)` for each layer that had some.
/// Only channels that convolutions alone read, if through upsampling, are revived: what is added to something cannot be silenced.
///
/// # Errors
/// If the tables cannot be walked with these weights.
pub fn revive(
    painter: &Network,
    encoder: &Network,
    weights: &mut Weights,
    pairs: &[(Tensor, Tensor)],
    random: &mut Random,
) -> Result<Vec<(String, usize)>, LearnerError> {
    let mut told = vec![];
    for (relu, silent) in silent(painter, encoder, weights, pairs)? {
        let Some(readers) = convolutions_behind(painter, relu) else { continue };
        if silent.is_empty() {
            continue;
        }
        for &channel in &silent {
            readers.iter().for_each(|name| forget_input(weights, name, channel));
            renew(painter, encoder, weights, relu, channel, random);
        }
        told.push((before_noise(painter, relu).to_owned(), silent.len()));
    }
    Ok(told)
}

/// For each ReLU of the painter, the channels that are 0 everywhere.
fn silent(
    painter: &Network,
    encoder: &Network,
    weights: &Weights,
    pairs: &[(Tensor, Tensor)],
) -> Result<Vec<(NodeId, Vec<usize>)>, LearnerError> {
    let kernels = Fast::new()?;
    let program = |network: &Network| -> Result<(Program, Packed<Fast>), LearnerError> {
        let program = Program::new(network)?;
        let parameters = Parameters::from_weights(&program, weights)?;
        let packed = Packed::new(kernels, &parameters, &parameters.values);
        Ok((program, packed))
    };
    let (painter, encoder) = (program(painter)?, program(encoder)?);
    let mut activity = ReluActivity::new(&painter.0);
    for (photo, painting) in pairs {
        let tape =
            |program: &Program, of: &Tensor| Tape::new(kernels, program, of.shape().height, of.shape().width);
        let mut encode = tape(&encoder.0, painting)?;
        encode.run(&encoder.0, &encoder.1, painting, &[]);
        let mut paint = tape(&painter.0, photo)?;
        paint.run(&painter.0, &painter.1, photo, encode.output().vector());
        activity.record(&paint);
    }
    Ok(activity.silent_channels())
}

/// Name of the layer that a ReLU reads, the noise field left aside.
fn before_noise(network: &Network, relu: NodeId) -> &str {
    let mut id = network.nodes[relu].op.inputs()[0];
    while let Op::Noise { input, .. } = network.nodes[id].op {
        id = input;
    }
    &network.nodes[id].name
}

/// The convolutions that read `id`, directly or upsampled; `None` if something else does.
fn convolutions_behind(network: &Network, id: NodeId) -> Option<Vec<String>> {
    let mut found = vec![];
    for &reader in &network.readers()[id] {
        match network.nodes[reader].op {
            Op::Conv { .. } => found.push(network.nodes[reader].name.clone()),
            Op::Upsample2 { .. } => found.extend(convolutions_behind(network, reader)?),
            Op::Input { .. }
            | Op::Relu { .. }
            | Op::MaxPool2 { .. }
            | Op::AvgPool2 { .. }
            | Op::Add { .. }
            | Op::AdaIn { .. }
            | Op::Modulate { .. }
            | Op::Noise { .. }
            | Op::MeanStd { .. }
            | Op::Concat { .. }
            | Op::Scale { .. } => return None,
        }
    }
    Some(found)
}

/// Zeroes what layer `name` makes of input `channel`.
fn forget_input(weights: &mut Weights, name: &str, channel: usize) {
    let weight = weights.get_mut(&format!("{name}.weight")).expect("the network has been checked");
    let (inputs, taps) = (weight.shape[1], weight.shape[2] * weight.shape[3]);
    for row in weight.values.chunks_exact_mut(inputs * taps) {
        row[channel * taps..(channel + 1) * taps].fill(0.0);
    }
}

/// New weights for what makes `channel` of a ReLU: a convolution's filter, and a site's row of the encoder's last layer.
fn renew(
    painter: &Network,
    encoder: &Network,
    weights: &mut Weights,
    relu: NodeId,
    channel: usize,
    random: &mut Random,
) {
    let mut id = relu;
    loop {
        match painter.nodes[id].op {
            Op::Relu { input } => id = input,
            Op::AdaIn { input, site, .. } | Op::Modulate { input, site } => {
                renew_site(painter, encoder, weights, (site, channel), random);
                id = input;
            }
            Op::Conv { .. } => {
                let name = &painter.nodes[id].name;
                let weight =
                    weights.get_mut(&format!("{name}.weight")).expect("the network has been checked");
                let fan: usize = weight.shape[1..].iter().product();
                let filter = &mut weight.values[channel * fan..(channel + 1) * fan];
                filter.iter_mut().for_each(|w| *w = (2.0 / fan as f32).sqrt() * random.normal());
                weights.get_mut(&format!("{name}.bias")).expect("it has one").values[channel] = 0.0;
                return;
            }
            // Its gain stays: what it adds is not what silenced the channel.
            Op::Noise { input, .. } => id = input,
            // A sum is still of use to others; its site alone starts anew.
            Op::Input { .. }
            | Op::MaxPool2 { .. }
            | Op::AvgPool2 { .. }
            | Op::Upsample2 { .. }
            | Op::Add { .. }
            | Op::MeanStd { .. }
            | Op::Concat { .. }
            | Op::Scale { .. } => return,
        }
    }
}

/// Mean (or bias) 0 and deviation (or gain) 1 for every style, and a little that depends on it.
fn renew_site(
    painter: &Network,
    encoder: &Network,
    weights: &mut Weights,
    (site, channel): (usize, usize),
    random: &mut Random,
) {
    let last = &encoder.nodes.last().expect("the table is sound").name;
    let start = painter.site_range(site).start + channel;
    for (row, rest) in [(start, 0.0), (start + painter.sites[site].channels, 1.0)] {
        let weight = weights.get_mut(&format!("{last}.weight")).expect("the network has been checked");
        let code = weight.shape[1];
        let bound = SPREAD / (code as f32).sqrt();
        weight.values[row * code..(row + 1) * code].iter_mut().for_each(|w| *w = random.range(-bound, bound));
        weights.get_mut(&format!("{last}.bias")).expect("it has one").values[row] = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::{Shape, light};

    /// A toy whose first block and rise have channels that never answer.
    fn muted() -> (Network, Network, Weights, Vec<(Tensor, Tensor)>) {
        let shape = light::LightShape::tiny();
        let (painter, encoder) = (light::painter(&shape), light::encoder(&shape));
        let mut random = Random::new(3);
        let mut weights = crate::init::painter(&painter, &mut random);
        weights.extend(crate::init::encoder(&encoder, &painter, &mut random));
        let bias = &mut weights.get_mut("style.bias").unwrap().values;
        for (site, channel) in [("site_block1", 3), ("site_block1", 7), ("site_up2", 0)] {
            let site = painter.sites.iter().position(|s| s.name == site).unwrap();
            bias[painter.site_range(site).start + channel] = -100.0;
        }
        let pair = |random: &mut Random| {
            let side = Shape::new(3, 32, 32);
            (random.tensor(side, 0.0, 1.0), random.tensor(side, 0.0, 1.0))
        };
        let pairs = (0..3).map(|_| pair(&mut random)).collect();
        (painter, encoder, weights, pairs)
    }

    fn painted(painter: &Network, weights: &Weights, pairs: &[(Tensor, Tensor)]) -> Vec<f32> {
        let program = Program::new(painter).unwrap();
        let parameters = Parameters::from_weights(&program, weights).unwrap();
        let packed = Packed::new(Fast::new().unwrap(), &parameters, &parameters.values);
        let mut tape = Tape::new(Fast::new().unwrap(), &program, 32, 32).unwrap();
        let style = vec![1.0; painter.style_len()];
        tape.run(&program, &packed, &pairs[0].0, &style);
        tape.output().map().to_tensor().data().to_vec()
    }

    #[test]
    fn silent_channels_answer_again_and_change_nothing() {
        let (painter, encoder, mut weights, pairs) = muted();
        let before: Vec<_> = silent(&painter, &encoder, &weights, &pairs).unwrap();
        assert!(before.iter().map(|(_, channels)| channels.len()).sum::<usize>() >= 3);
        let told = revive(&painter, &encoder, &mut weights, &pairs, &mut Random::new(1)).unwrap();
        assert!(
            told.contains(&("site_block1".into(), 2)) && told.contains(&("site_up2".into(), 1)),
            "{told:?}"
        );
        let after = silent(&painter, &encoder, &weights, &pairs).unwrap();
        assert!(after.iter().all(|(relu, channels)| {
            channels.is_empty() || convolutions_behind(&painter, *relu).is_none()
        }));
        // Whatever the revived channels answer, their readers do not listen yet.
        let one = painted(&painter, &weights, &pairs);
        for name in ["block1_a", "up2"] {
            let weight = weights.get_mut(&format!("{name}.bias")).unwrap();
            let revived: &[usize] = if name == "up2" { &[0] } else { &[3, 7] };
            revived.iter().for_each(|&c| weight.values[c] += 1.0);
        }
        assert_eq!(one, painted(&painter, &weights, &pairs));
    }
}
