//! The protocol on pictures beside the repository, against figures that an independent program in PyTorch gave for the
//! same pairs. It read JPEGs and resized with Pillow, whose bytes differ a little from ours.

use impasto_core::Weights;
use impasto_core::conformance::shared_data;
use impasto_cpu::CpuEngine;
use impasto_eval::{Candidate, EvalConfig, Metric, Pair, Round, baseline, evaluate, pairs};

/// Content, style, SSIM and flicker of four pairs at 256 px.
type Expected = [[f64; 4]; 4];

const ADAIN: Expected = [
    [0.40575, 0.26662, 0.27254, 1.45210],
    [1.13665, 0.93297, 0.33557, 1.65916],
    [0.34756, 0.18077, 0.44073, 1.56998],
    [0.91600, 0.77986, 0.42979, 1.01262],
];

const MICROAST: Expected = [
    [0.79559, 0.50542, 0.43889, 0.88603],
    [1.87127, 1.83155, 0.40887, 1.27913],
    [0.73241, 0.37567, 0.63340, 1.36092],
    [1.73184, 1.59347, 0.50173, 0.81595],
];

const UNPAINTED: Expected = [
    [1.09880, 9.83212, 1.0, 2.19850],
    [1.14832, 6.91236, 1.0, 2.24833],
    [0.65090, 2.01426, 1.0, 2.25890],
    [0.82287, 3.78914, 1.0, 2.24657],
];

/// Parts of the expected value. Decoders and resizing differ; the noise is another one, and one pair's flicker hangs on it.
const TOLERANCE: [f64; 4] = [0.01, 0.015, 0.01, 0.12];

#[test]
fn figures_are_those_of_pytorch() {
    let Some(data) = shared_data("figures_are_those_of_pytorch") else { return };
    let (vgg, _) = Weights::load(&data.join("weights/vgg19_normalised_relu4_1.safetensors")).unwrap();
    let mut candidates = baseline::found_in(&data.join("reference"), &vgg).unwrap();
    candidates.retain(|e| e.name != "distilled");
    candidates.push(Candidate::from(baseline::unpainted()));
    let config = EvalConfig {
        rounds: vec![Round::square(256, 4)],
        alone: 1,
        timed_frames: 1,
        sheets: None,
        ..EvalConfig::new(data.join("eval/content"), data.join("eval/style"))
    };
    let order = [(0, 0), (3, 7), (7, 0), (10, 7)].map(|(content, style)| Pair { content, style });
    assert_eq!(pairs(14, 14, 4), order);

    let engine = CpuEngine::new().unwrap();
    let report = evaluate(&config, &candidates, &vgg, &engine, None, &mut |_| ()).unwrap().report;
    let mut wrong = Vec::new();
    for (model, expected) in [("adain", ADAIN), ("microast", MICROAST), ("unpainted", UNPAINTED)] {
        let result = report.rounds[0].find(model).unwrap();
        for (pair, expected) in result.pairs.iter().zip(expected) {
            let found = [Metric::Content, Metric::Style, Metric::Ssim, Metric::Flicker]
                .map(|metric| pair.values[metric]);
            let far = |i: usize| (found[i] - expected[i]).abs() > TOLERANCE[i] * expected[i];
            if (0..4).any(far) {
                wrong.push(format!("{model} {found:.4?} instead of {expected:.4?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
