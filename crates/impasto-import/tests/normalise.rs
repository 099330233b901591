//! Normalising keeps the network and makes its channels equally strong.

use std::path::PathBuf;
use std::sync::Arc;

use impasto_core::classic::{VGG19, push_vgg};
use impasto_core::engine::{Conditions, Engine};
use impasto_core::reference::ReferenceEngine;
use impasto_core::weights::Weights;
use impasto_core::{Image, NetworkBuilder, Tensor};
use impasto_import::{LayerMeans, Pictures, VggKind, import_vgg, layer_means, rescale};

/// conv1_1 to conv4_1 with their input and output channels.
fn layers() -> Vec<(&'static str, usize, usize)> {
    let mut inputs = 3;
    let layer = |(name, outputs, _): (&'static str, usize, bool)| {
        (name, std::mem::replace(&mut inputs, outputs), outputs)
    };
    VGG19.into_iter().map(layer).take(9).collect()
}

/// Numbers in -0.5..0.5 that are the same on every machine.
fn noise(seed: &mut u32) -> f32 {
    *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    (*seed >> 8) as f32 / (1 << 24) as f32 - 0.5
}

fn random_vgg() -> Weights {
    let mut seed = 3;
    let mut weights = Weights::new();
    let mut add = |name: &str, shape: Vec<usize>, gain: f32, offset: f32| {
        let values = (0..shape.iter().product()).map(|_| gain * noise(&mut seed) + offset).collect();
        weights.insert(name, shape, values);
    };
    add("conv0.weight", vec![3, 3, 1, 1], 2.0, 0.0);
    add("conv0.bias", vec![3], 1.0, 0.0);
    for (name, inputs, outputs) in layers() {
        // A little more excitation than inhibition, or deep channels of a random network fall silent.
        let gain = 5.0 / (9.0 * inputs as f32).sqrt();
        add(&format!("{name}.weight"), vec![outputs, inputs, 3, 3], gain, 0.04 * gain);
        add(&format!("{name}.bias"), vec![outputs], 0.5, 0.2);
    }
    weights
}

fn pictures() -> Vec<Image> {
    let picture = |w, h, s: usize| {
        Image::from_fn(w, h, |x, y| [(x * 13 * s) as u8, (y * 29) as u8, (x * y + 40 * s) as u8])
    };
    vec![picture(16, 11, 1), picture(9, 17, 3)]
}

fn relu4_1(weights: &Weights, picture: &Image) -> Tensor {
    let mut b = NetworkBuilder::new("VGG");
    push_vgg(&mut b, "conv4_1");
    let (height, width) = (picture.height(), picture.width());
    let mut plan = ReferenceEngine.prepare(&b.finish(), &Arc::new(weights.clone()), height, width).unwrap();
    let mut out = Tensor::zeros(plan.output_shape());
    plan.run(&picture.to_tensor(), &Conditions::NONE, &mut out).unwrap();
    out
}

#[test]
fn means_become_1_and_features_are_divided_by_theirs() {
    let pictures = pictures();
    let plain = Arc::new(random_vgg());
    let means = layer_means(&plain, &ReferenceEngine, &pictures).unwrap();
    let mut normalised = Weights::clone(&plain);
    let silent = rescale(&mut normalised, &means);
    let normalised = Arc::new(normalised);

    let after = layer_means(&normalised, &ReferenceEngine, &pictures).unwrap();
    let all = after.iter().flat_map(|layer| &layer.means);
    assert_eq!(all.clone().count(), 64 + 64 + 128 + 128 + 4 * 256 + 512);
    assert_eq!(all.clone().filter(|&&mean| mean == 0.0).count(), silent);
    assert!(silent < 20, "{silent} silent channels leave too little to test");
    for mean in all.filter(|&&mean| mean > 0.0) {
        assert!((mean - 1.0).abs() < 1e-4, "{mean}");
    }

    let (before, after) = (relu4_1(&plain, &pictures[0]), relu4_1(&normalised, &pictures[0]));
    for (c, mean) in means[8].means.iter().enumerate().filter(|(_, mean)| **mean > 0.0) {
        for (a, b) in before.channel(c).iter().zip(after.channel(c)) {
            assert!(
                (f64::from(*a) / mean - f64::from(*b)).abs() < 1e-3 * (1.0 + f64::from(*b)),
                "{c}: {a} {b}"
            );
        }
    }
}

#[test]
fn rescaling_by_powers_of_two_and_back_is_exact() {
    let plain = random_vgg();
    let means = |power: f64| -> Vec<LayerMeans> {
        let layer = |(i, (name, _, outputs)): (usize, (&str, usize, usize))| LayerMeans {
            layer: name.into(),
            means: (0..outputs).map(|c| power.powi(((c + i) % 5) as i32 - 2)).collect(),
        };
        layers().into_iter().enumerate().map(layer).collect()
    };
    let mut there = plain.clone();
    rescale(&mut there, &means(2.0));
    assert!(there != plain);
    rescale(&mut there, &means(0.5));
    assert!(there == plain);
}

fn shared(name: &str, file: &str) -> Option<PathBuf> {
    let root = std::env::var_os("IMPASTO_SHARED").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let path = root.join("data/weights").join(file);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {name}: no {file} in the shared folder");
    None
}

/// The mean of each channel that turns `plain` into `normalised`, by least squares over the channel's own weights.
fn implied_means(plain: &Weights, normalised: &Weights) -> Vec<LayerMeans> {
    let mut before = vec![1.0; 3];
    let mut all = Vec::new();
    for (name, inputs, _) in layers() {
        let values = |weights: &Weights| weights.get(&format!("{name}.weight")).unwrap().values.clone();
        let (from, to) = (values(plain), values(normalised));
        let channels = from.chunks_exact(9 * inputs).zip(to.chunks_exact(9 * inputs));
        let means: Vec<f64> = channels
            .map(|(from, to)| {
                let scaled = |i: usize| f64::from(from[i]) * before[i / 9];
                let (xx, xy) = (0..9 * inputs).fold((0.0, 0.0), |(xx, xy), i| {
                    (xx + scaled(i) * scaled(i), xy + scaled(i) * f64::from(to[i]))
                });
                xx / xy
            })
            .collect();
        before = means.clone();
        all.push(LayerMeans { layer: name.into(), means });
    }
    all
}

/// One factor a channel is all that lies between the VGG as published and the normalised one: with those factors, all
/// 1.7 million weights and biases up to conv3_4 come out equal within the rounding of the published file to half
/// precision. (conv4_1 of both files was rebuilt from quantised weights, so it is only near.)
#[test]
fn the_published_vgg_rescaled_is_the_normalised_one() {
    let test = "the_published_vgg_rescaled_is_the_normalised_one";
    let Some(plain) = shared(test, "vgg19_caffe_relu5_1_fp16.safetensors") else { return };
    let Some(normalised) = shared(test, "vgg19_normalised_relu4_1.safetensors") else { return };
    let normalised = import_vgg(&normalised, None).unwrap();
    assert_eq!((normalised.kind, normalised.pictures), (VggKind::Normalised, 0));
    let normalised = normalised.weights;

    let images = [Image::black(4, 4)];
    let pictures = Pictures { images: &images, engine: &ReferenceEngine };
    let imported = import_vgg(&plain, Some(pictures)).unwrap();
    assert_eq!((imported.kind, imported.pictures), (VggKind::Caffe, 1));
    let mut vgg = imported.weights;
    let means = implied_means(&vgg, &normalised);
    rescale(&mut vgg, &means);

    for (conv, tolerance) in [("conv0", 1e-6)].into_iter().chain(layers()[..8].iter().map(|l| (l.0, 1e-3))) {
        for part in ["weight", "bias"] {
            let name = format!("{conv}.{part}");
            let (found, expected) = (&vgg.get(&name).unwrap().values, &normalised.get(&name).unwrap().values);
            let largest = expected.iter().fold(0.0f32, |m, v| m.max(v.abs()));
            let worst = found.iter().zip(expected).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
            eprintln!("{name}: worst {worst:e} of {largest:e}");
            assert!(worst <= tolerance * largest, "{name}: {worst} of {largest}");
        }
    }
}
