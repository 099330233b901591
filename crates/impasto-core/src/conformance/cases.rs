//! The tables that the suite runs.

use crate::engine::Conditions;
use crate::network::{Network, NetworkBuilder, Op, Padding, SiteKind};
use crate::noise::Field;
use crate::random::Random;
use crate::tensor::{Shape, Tensor};
use crate::weights::Weights;
use std::sync::Arc;

/// One table with weights, a picture and a style.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its subject.
    pub name: String,
    /// The table.
    pub network: Network,
    /// Random weights for it.
    pub weights: Arc<Weights>,
    /// The picture, or other input.
    pub input: Tensor,
    /// A style vector for it.
    pub style: Vec<f32>,
    /// See [`Conditions::strength`].
    pub strength: f32,
    /// See [`Conditions::field`].
    pub field: Field,
}

impl Case {
    /// A case with random weights (He initialisation), input in `0..1` and style.
    ///
    /// # Panics
    /// If the table is unsound.
    pub fn new(name: &str, network: Network, height: usize, width: usize, seed: u64) -> Self {
        network.check().unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut random = Random::new(seed);
        let Op::Input { channels } = network.nodes[0].op else { unreachable!("the table is sound") };
        let weights = Arc::new(random_weights(&network, &mut random));
        let input = random.tensor(Shape::new(channels, height, width), 0.0, 1.0);
        let style = random_style(&network, &mut random);
        let name = format!("{name} at {width}x{height}");
        let field = Field { seed: seed as u32, origin: [16, -8], strokes: 1.25 };
        Self { name, network, weights, input, style, strength: 1.0, field }
    }

    /// The style at the case's strength.
    pub fn conditions(&self) -> Conditions<'_> {
        Conditions { strength: self.strength, field: self.field, ..Conditions::new(&self.style) }
    }
}

/// Weights of deviation `sqrt(2 / fan_in)`, biases in `-0.1..0.1`.
fn random_weights(network: &Network, random: &mut Random) -> Weights {
    let mut weights = Weights::new();
    for (name, shape) in network.weight_shapes().expect("the table is sound") {
        let fan_in: usize = shape[1..].iter().product();
        let values = (0..shape.iter().product::<usize>()).map(|_| match shape.len() {
            1 => random.range(-0.1, 0.1),
            _ => random.normal() * (2.0 / fan_in as f32).sqrt(),
        });
        weights.insert(name, shape.clone(), values.collect());
    }
    weights
}

/// Means and biases in `-1..1`, deviations and gains in `0.2..1.5`, gains of the noise field in `-1..1.5`.
fn random_style(network: &Network, random: &mut Random) -> Vec<f32> {
    let mut style = Vec::new();
    for site in &network.sites {
        match site.kind {
            SiteKind::AdaIn | SiteKind::Modulate => {
                style.extend((0..site.channels).map(|_| random.range(-1.0, 1.0)));
                style.extend((0..site.channels).map(|_| random.range(0.2, 1.5)));
            }
            SiteKind::Noise => style.extend((0..site.channels).map(|_| random.range(-1.0, 1.5))),
        }
    }
    style
}

/// All cases: every layer kind by itself at awkward sizes, then small networks of both families.
pub fn cases() -> Vec<Case> {
    let mut cases = conv_cases();
    cases.extend(layer_cases());
    cases.extend(network_cases());
    cases
}

fn conv_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let one = |inner, outer, kernel, stride, groups, padding| {
        let mut b = NetworkBuilder::new("conv");
        let input = b.input(inner);
        b.push("conv", Op::Conv { input, out_channels: outer, kernel, stride, groups, padding });
        b.finish()
    };
    // Channels in and out, kernel, stride, groups, height, width.
    let shapes = [
        (3, 16, 3, 2, 1, 37, 21),
        (16, 48, 3, 2, 1, 18, 31),
        (16, 3, 3, 1, 1, 23, 19),
        (64, 64, 3, 1, 1, 20, 17),
        (48, 80, 3, 1, 1, 9, 33),
        (130, 5, 3, 1, 1, 5, 4),
        (7, 33, 3, 1, 1, 1, 1),
        (5, 6, 3, 1, 1, 2, 70),
        (32, 32, 3, 2, 1, 1, 3),
        (17, 20, 1, 1, 1, 6, 11),
        (64, 32, 1, 1, 1, 1, 1),
        (3, 16, 9, 1, 1, 14, 12),
        (12, 12, 3, 1, 12, 10, 13),
        (8, 16, 3, 2, 4, 11, 10),
        (6, 4, 5, 3, 2, 13, 17),
    ];
    for (i, (inner, outer, kernel, stride, groups, height, width)) in shapes.into_iter().enumerate() {
        for padding in [Padding::Zero, Padding::Reflect, Padding::Replicate] {
            let name = format!("conv {inner}>{outer} k{kernel} s{stride} g{groups} {padding:?}");
            let network = one(inner, outer, kernel, stride, groups, padding);
            cases.push(Case::new(&name, network, height, width, i as u64));
        }
    }
    cases
}

fn layer_cases() -> Vec<Case> {
    let build = |name: &str, f: &dyn Fn(&mut NetworkBuilder)| {
        let mut b = NetworkBuilder::new(name);
        f(&mut b);
        b.finish()
    };
    let pool = build("pool", &|b| {
        let x = b.input(19);
        b.max_pool2(x);
    });
    let mean = build("average pool", &|b| {
        let x = b.input(19);
        b.avg_pool2(x);
    });
    let means = build("average pools behind convolutions", &|b| {
        let x = b.input(3);
        let x = b.conv("a", x, 16, 3, 1, Padding::Replicate);
        let x = b.relu(x);
        let x = b.avg_pool2(x);
        let x = b.conv("b", x, 21, 3, 1, Padding::Reflect);
        let x = b.relu(x);
        b.avg_pool2(x);
    });
    let up = build("up", &|b| {
        let x = b.input(5);
        let x = b.scale(x, -2.0, 0.5);
        let x = b.relu(x);
        b.upsample2(x);
    });
    let adain = |unbiased| {
        build("adain", &|b| {
            let x = b.input(21);
            if unbiased {
                b.adain_unbiased("site", x, 21, 1e-5)
            } else {
                b.adain("site", x, 21, 1e-5)
            };
        })
    };
    let statistics = build("statistics", &|b| {
        let x = b.input(18);
        let (raw, relu) = (b.mean_std(x, 1e-5, true), b.relu(x));
        let relu = b.mean_std(relu, 0.0, false);
        let both = b.concat(&[raw, relu]);
        b.conv("mix", both, 10, 1, 1, Padding::Zero);
    });
    let modulate = build("modulate", &|b| {
        let x = b.input(20);
        b.modulate("site", x, 20);
    });
    let noise = build("noise", &|b| {
        let x = b.input(21);
        b.noise("noise", x, 21, 1, &[1, 1, 2, 5]);
    });
    let noise_on_values = {
        let mut b = NetworkBuilder::new("noise on values").fit_picture(2);
        let x = b.input(3);
        let x = b.conv("down", x, 18, 3, 2, Padding::Replicate);
        let x = b.adain("site", x, 18, 1e-5);
        let x = b.noise("noise_a", x, 18, 2, &[1]);
        let x = b.noise("noise_b", x, 18, 2, &[1, 3]);
        let x = b.relu(x);
        let x = b.noise("noise_c", x, 18, 2, &[2]);
        let x = b.scale(x, 0.5, 0.25);
        let y = b.upsample2(x);
        let y = b.noise("noise_d", y, 18, 1, &[1, 1, 1]);
        let z = b.conv("mix", y, 18, 3, 1, Padding::Reflect);
        let z = b.add(y, z);
        b.conv("out", z, 3, 3, 1, Padding::Replicate);
        b.finish()
    };
    let mut half = Case::new("adain at half strength", adain(true), 8, 9, 33);
    half.strength = 0.5;
    let mut none = Case::new("adain at no strength", adain(false), 8, 9, 34);
    none.strength = 0.0;
    vec![
        Case::new("pool", pool.clone(), 7, 5, 20),
        Case::new("pool", pool, 1, 1, 21),
        Case::new("average pool", mean.clone(), 7, 5, 28),
        Case::new("average pool", mean, 1, 1, 29),
        Case::new("average pools behind convolutions", means.clone(), 13, 22, 30),
        Case::new("average pools behind convolutions", means, 24, 31, 31),
        Case::new("scale, relu, up", up, 3, 7, 22),
        Case::new("adain", adain(false), 9, 14, 23),
        Case::new("adain unbiased", adain(true), 9, 14, 24),
        Case::new("adain of one position", adain(true), 1, 1, 25),
        Case::new("statistics", statistics, 6, 7, 26),
        Case::new("modulate", modulate, 6, 7, 27),
        Case::new("noise", noise, 9, 14, 28),
        Case::new("noise on a doubled, rectified value", noise_on_values, 6, 10, 29),
        half,
        none,
    ]
}

fn network_cases() -> Vec<Case> {
    [(32, 32), (35, 29), (1, 1), (9, 50)]
        .into_iter()
        .flat_map(|(height, width)| {
            let seed = (height * 100 + width) as u64;
            [
                Case::new("a small classic", small_classic(), height, width, seed),
                Case::new("a small light", small_light(false), height, width, seed + 1),
                Case::new("a small light with a noise field", small_light(true), height, width, seed + 2),
            ]
        })
        .collect()
}

/// The classic network's kinds of layer and order, with few channels.
fn small_classic() -> Network {
    let mut b = NetworkBuilder::new("small classic").fit_picture(1);
    let x = b.input(3);
    let x = b.conv("conv0", x, 3, 1, 1, Padding::Reflect);
    let x = b.conv("conv1", x, 16, 3, 1, Padding::Reflect);
    let x = b.relu(x);
    let x = b.conv("conv2", x, 16, 3, 1, Padding::Reflect);
    let x = b.relu(x);
    let x = b.max_pool2(x);
    let x = b.conv("conv3", x, 32, 3, 1, Padding::Reflect);
    let x = b.relu(x);
    let x = b.adain_unbiased("site", x, 32, 1e-5);
    let x = b.conv("dec0", x, 16, 3, 1, Padding::Reflect);
    let x = b.relu(x);
    let x = b.upsample2(x);
    b.conv("dec1", x, 3, 3, 1, Padding::Reflect);
    b.finish()
}

/// The light network's kinds of layer and order: strided stem, residual blocks, skip, AdaIN, modulation, noise where `field`.
fn small_light(field: bool) -> Network {
    let mut b = NetworkBuilder::new("small light").fit_picture(4);
    let noise = |b: &mut NetworkBuilder, name: &str, x, channels, stride| match field {
        true => b.noise(name, x, channels, stride, &[1, 1, 1, 4]),
        false => x,
    };
    let x = b.input(3);
    let x = b.scale(x, 4.0, -2.0);
    let x = b.conv("down1", x, 16, 3, 2, Padding::Replicate);
    let half = b.relu(x);
    let x = b.conv("down2", half, 32, 3, 2, Padding::Replicate);
    let x = b.adain("down2 site", x, 32, 1e-5);
    let x = noise(&mut b, "down2 noise", x, 32, 4);
    let quarter = b.relu(x);
    let x = b.conv("res_a", quarter, 32, 3, 1, Padding::Replicate);
    let x = b.adain("res site", x, 32, 1e-5);
    let x = noise(&mut b, "res noise", x, 32, 4);
    let x = b.relu(x);
    let x = b.conv("res_b", x, 32, 3, 1, Padding::Replicate);
    let x = b.add(quarter, x);
    let x = b.upsample2(x);
    let x = b.conv("up1", x, 16, 3, 1, Padding::Replicate);
    let x = b.add(x, half);
    let x = b.modulate("up1 site", x, 16);
    let x = noise(&mut b, "up1 noise", x, 16, 2);
    let x = b.relu(x);
    let x = b.upsample2(x);
    let x = b.conv("out", x, 3, 3, 1, Padding::Replicate);
    b.scale(x, 0.25, 0.5);
    b.finish()
}
