//! The trainer from end to end, on drawn pictures.

use impasto_train::checkpoint::Checkpoint;
use impasto_train::learner::{ContentKind, LOSSES, Recipe, StyleKind};
use impasto_train::progress::Validation;
use impasto_train::{NetworkKind, Progress, TrainConfig, TrainError, train};
use std::path::PathBuf;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("impasto-train-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn short(folder: &Folder, identity: u64, steps: u64) -> TrainConfig {
    let mut config = TrainConfig::tiny(NetworkKind::Light, folder.0.clone());
    config.plain = true;
    config.settings.groups = 2;
    (config.settings.schedule.identity_steps, config.settings.schedule.steps) = (identity, steps);
    (config.settings.sampling.photo_px, config.settings.sampling.painting_px) = (32, 32);
    config
}

/// Runs to the end and gives what the held-out pairs looked like.
fn run(config: &TrainConfig) -> Vec<Validation> {
    let mut seen = Vec::new();
    train(config, &mut |progress| {
        if let Progress::Validated(validation) = progress {
            seen.push(validation.clone());
        }
    })
    .unwrap();
    seen
}

#[test]
fn the_tiny_network_learns() {
    let folder = Folder::new("learns");
    let mut config = short(&folder, 20, 60);
    config.settings.groups = 4;
    config.settings.sampling.photo_px = 64;
    config.settings.sampling.painting_px = 64;
    config.validate_steps = 20;
    config.plain = false;
    let seen = run(&config);
    let (first, last) = (&seen[0], seen.last().unwrap());
    assert!(last.style < 0.8 * first.style, "style {} to {}", first.style, last.style);
    assert!(last.ssim > 0.3, "ssim {}", last.ssim);
    let model = impasto_core::Model::load(&folder.0.join("model.safetensors")).unwrap();
    assert_eq!(model.name, "light");
}

#[test]
fn a_classic_decoder_learns() {
    let folder = Folder::new("classic");
    let mut config = TrainConfig::tiny(NetworkKind::Classic, folder.0.clone());
    (config.settings.schedule.identity_steps, config.settings.schedule.steps) = (20, 60);
    config.validate_steps = 20;
    let seen = run(&config);
    let (first, last) = (&seen[0], seen.last().unwrap());
    // After the reconstruction it paints the photo; then it learns to paint it in the painting's statistics.
    assert!(last.style < 0.7 * first.style, "style {} to {}", first.style, last.style);
    assert!(last.content < first.content, "content {} to {}", first.content, last.content);
    let model = impasto_core::Model::load(&folder.0.join("model.safetensors")).unwrap();
    assert_eq!(
        (model.name.as_str(), model.strength),
        ("classic", impasto_core::model::StrengthKind::Features)
    );
    assert_eq!(model.painter.style_len(), 128);
}

#[test]
fn every_loss_can_be_asked_for() {
    for kind in [StyleKind::Moments, StyleKind::Root, StyleKind::Gram, StyleKind::Balanced] {
        let folder = Folder::new(&format!("losses-{kind:?}"));
        let mut config = short(&folder, 1, 3);
        config.settings.recipe = Recipe {
            style_kind: kind,
            content_target: ContentKind::Features,
            content_layers: 3,
            coherence: 0.1,
            laplacian: 1.0,
            total_variation: 0.1,
            instance_content: 0.1,
            self_similarity: 0.5,
            wasserstein: 0.2,
            phase: 1.0,
            decay: 0.01,
            ..config.settings.recipe
        };
        (config.settings.groups, config.settings.sampling.photos_per_painting) = (4, 2);
        config.report_steps = 4;
        let mut last = None;
        train(&config, &mut |progress| {
            if let Progress::Steps(steps) = progress {
                last = Some(steps.report);
            }
        })
        .unwrap();
        let r = last.unwrap();
        for loss in &LOSSES {
            // Nothing need repeat in the photos' grid, nor leave the range.
            let (name, value) = (loss.name, (loss.value)(&r));
            assert!(
                value.is_finite() && (value > 0.0 || ["phase", "range"].contains(&name)),
                "{kind:?}: {name} {value}"
            );
        }
    }
}

#[test]
fn a_folder_takes_one_run_at_a_time() {
    let folder = Folder::new("twice");
    let config = short(&folder, 1, 1);
    let mut second = None;
    train(&config, &mut |_| {
        second.get_or_insert_with(|| train(&config, &mut |_| ()));
    })
    .unwrap();
    let error = second.unwrap().unwrap_err().to_string();
    assert!(error.contains("another process is training in") && error.contains("another folder"), "{error}");
}

#[test]
fn a_killed_run_goes_on_to_the_same_bits() {
    let (whole, cut) = (Folder::new("whole"), Folder::new("cut"));
    run(&short(&whole, 3, 5));

    // Every step is saved, and the run dies as soon as step 4 has been.
    let mut config = short(&cut, 3, 5);
    config.checkpoint_secs = 0;
    let killed = std::panic::catch_unwind(|| {
        train(&config, &mut |progress| {
            assert!(!matches!(progress, Progress::Saved { step: 4 }), "killed on purpose");
        })
    });
    assert!(killed.is_err());
    assert_eq!(Checkpoint::load(&cut.0).unwrap().step, 4);
    assert!(matches!(train(&config, &mut |_| ()), Err(TrainError::Exists(_))));
    config.resume = true;
    config.threads = 1;
    run(&config);
    assert_eq!(Checkpoint::load(&whole.0).unwrap().state, Checkpoint::load(&cut.0).unwrap().state);
}

#[test]
fn other_settings_do_not_go_on_by_accident() {
    let folder = Folder::new("settings");
    let mut config = short(&folder, 1, 1);
    run(&config);
    config.resume = true;
    config.settings.recipe.style = 7.0;
    let error = train(&config, &mut |_| ()).unwrap_err();
    assert!(error.to_string().contains("other settings"), "{error}");
}
