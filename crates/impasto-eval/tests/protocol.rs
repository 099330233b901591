//! The whole protocol on a few drawn pictures, with a VGG of random weights.

use impasto_core::conformance::Case;
use impasto_core::{Image, Weights};
use impasto_cpu::CpuEngine;
use impasto_eval::{
    Candidate, EvalConfig, EvalError, Metric, Outcome, Report, Round, SheetConfig, Stage, baseline, evaluate,
    judge,
};
use impasto_media::still;
use std::path::{Path, PathBuf};

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("impasto-eval-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A folder in it with `count` drawn pictures.
    fn pictures(&self, name: &str, count: usize) -> PathBuf {
        let folder = self.0.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for i in 0..count {
            let wave = |v: usize| (128.0 + 70.0 * (v as f32 * 0.3 * (i + 1) as f32).sin()) as u8;
            let image = Image::from_fn(50 + i, 40, |x, y| [wave(x), wave(y + 2), wave(x + y)]);
            let path = folder.join(format!("{i}.png"));
            still::write(&path, &still::Still::from_image(image), still::WriteOptions::default()).unwrap();
        }
        folder
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn random_vgg() -> Weights {
    let mut weights = Weights::new();
    for (i, piece) in judge::pieces().into_iter().enumerate() {
        weights.extend((*Case::new("piece", piece, 8, 8, i as u64).weights).clone());
    }
    weights
}

fn config(folder: &Folder) -> EvalConfig {
    EvalConfig {
        rounds: vec![Round { width: 40, height: 32, pairs: 3 }],
        timed_frames: 1,
        sheets: Some(SheetConfig { contents: 2, styles: 2, side_by_side: 2 }),
        ..EvalConfig::new(folder.pictures("photos", 2), folder.pictures("paintings", 2))
    }
}

fn judged(config: &EvalConfig) -> Result<Outcome, EvalError> {
    let mut stages = Vec::new();
    let candidates = [Candidate::from(baseline::unpainted())];
    let outcome = evaluate(config, &candidates, &random_vgg(), &CpuEngine::new().unwrap(), None, &mut |p| {
        assert_eq!(p.finished.is_some(), p.stage == Stage::Finished);
        assert!((p.done < p.total || p.finished.is_some()) && p.size == (40, 32));
        if stages.last() != Some(&p.stage) {
            stages.push(p.stage);
        }
    });
    if outcome.is_ok() {
        assert_eq!(stages.len(), 6, "{stages:?}");
    }
    outcome
}

/// The report without what a clock says.
fn figures(report: &Report) -> Vec<String> {
    report.rounds.iter().flat_map(|r| &r.results).map(|r| format!("{:?} {:?}", r.figures, r.pairs)).collect()
}

#[test]
fn doing_nothing_keeps_the_photo_and_the_same_seed_gives_the_same_figures() {
    let folder = Folder::new("protocol");
    let config = config(&folder);
    let outcome = judged(&config).unwrap();
    let result = &outcome.report.rounds[0].results[0];
    let figures_found = result.figures;
    let values = figures_found.values;
    assert!((values[Metric::Ssim] - 1.0).abs() < 1e-9 && figures_found.identity_db > 20.0);
    for left in [Metric::TextureLeft, Metric::GramLeft, Metric::TransportLeft] {
        assert_eq!(values[left], 1.0, "all of the distance is left: {}", left.key());
    }
    assert!(values[Metric::Structure] < 1e-6 && values[Metric::PhaseVariance] == 0.0);
    assert!(values[Metric::Colours] > 0.0 && values[Metric::Colours] < 1.0);
    assert!(values[Metric::Lattice] > 0.3, "drawn waves repeat: {}", values[Metric::Lattice]);
    // Two noises of sigma 2 differ by sqrt(8) * sqrt(2 / pi) = 2.257 in the mean.
    assert!((values[Metric::Flicker] - 2.257).abs() < 0.05, "{}", values[Metric::Flicker]);
    assert!(values[Metric::Style] > 0.0 && values[Metric::Content] > 0.0);
    assert_eq!(figures_found.warp, [0.0; 3], "both views are cut from one photo");
    assert_eq!(result.pairs.len(), 3);

    assert_eq!(figures(&judged(&config).unwrap().report), figures(&outcome.report));
    let other = judged(&EvalConfig { seed: 4, ..config }).unwrap();
    assert_ne!(other.report.rounds[0].results[0].figures.values[Metric::Flicker], values[Metric::Flicker]);

    check_saved(&folder.0.join("out"), &outcome);
}

fn check_saved(out: &Path, outcome: &Outcome) {
    outcome.save(out, "a test").unwrap();
    let mut names: Vec<_> =
        std::fs::read_dir(out).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["report.json", "report.md", "side-by-side-40x32.png", "unpainted.png"]);
    let read: Report = serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!((&read.contents, read.rounds[0].pairs), (&outcome.report.contents, 3));
    let (read, found) = (&read.rounds[0].results[0], &outcome.report.rounds[0].results[0]);
    assert_eq!((&read.model, &read.id, read.pairs.len()), (&found.model, &found.id, found.pairs.len()));
    assert!((read.figures.values[Metric::Style] - found.figures.values[Metric::Style]).abs() < 1e-12);
    let size = |name: &str| {
        let image = still::read(&out.join(name)).unwrap().image;
        (image.width(), image.height())
    };
    assert_eq!(size("unpainted.png"), (4 + 3 * 44, 4 + 3 * 36));
    assert_eq!(size("side-by-side-40x32.png"), (4 + 3 * 44, 4 + 2 * 36));
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let folder = Folder::new("refused");
    let good = config(&folder);
    let empty = folder.pictures("nothing", 0);
    let refused = |config: EvalConfig| judged(&config).err().expect("it is refused").to_string();
    assert!(refused(EvalConfig { contents: empty, ..good.clone() }).contains("holds no pictures"));
    assert!(refused(EvalConfig { rounds: vec![], ..good.clone() }).contains("no size"));
    let small = vec![Round::square(16, 3)];
    assert!(refused(EvalConfig { rounds: small, ..good.clone() }).contains("32 px"));

    let twice = [baseline::unpainted(), baseline::unpainted()].map(Candidate::from);
    let with = |candidates: &[Candidate], vgg: &Weights| {
        evaluate(&good, candidates, vgg, &CpuEngine::new().unwrap(), None, &mut |_| ())
            .err()
            .unwrap()
            .to_string()
    };
    assert!(with(&twice, &random_vgg()).contains("two models are named `unpainted`"));
    assert!(with(&twice[..1], &Weights::new()).contains("normalised VGG-19"));
    assert!(with(&[], &random_vgg()).contains("no model"));
}
