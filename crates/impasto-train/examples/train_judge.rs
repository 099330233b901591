//! Trains the judge as `impasto train judge` does, without the rest of the program:
//! `train_judge PHOTOS,… PAINTINGS,… VGG MODEL RUN [--resume] [--steps N] [--threads N]`.

use impasto_core::Model;
use impasto_import::import_vgg;
use impasto_train::distil::{DistilConfig, DistilProgress, DistilSettings, distil};
use impasto_train::loss_network::LossNetwork;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [photos, paintings, vgg, model, run, options @ ..] = args.as_slice() else {
        return Err(
            "usage: train_judge PHOTOS,… PAINTINGS,… VGG MODEL RUN [--resume] [--steps N] [--threads N]"
                .into(),
        );
    };
    let after = |name: &str| options.iter().position(|o| o == name).and_then(|at| options.get(at + 1));
    let folders = |list: &str| list.split(',').map(|path| PathBuf::from(path).into()).collect();
    let mut settings = DistilSettings::default();
    if let Some(steps) = after("--steps") {
        settings.steps = steps.parse()?;
    }
    let config = DistilConfig {
        settings,
        photos: folders(photos),
        paintings: folders(paintings),
        vgg: LossNetwork::normalised(&import_vgg(Path::new(vgg), None)?.weights)?,
        model: Model::load(Path::new(model))?,
        run: run.into(),
        threads: after("--threads").map_or(Ok(1), |n| n.parse())?,
        resume: options.iter().any(|o| o == "--resume"),
        change_settings: true,
        plain: false,
        checkpoint_secs: 60,
        report_steps: 10,
    };
    distil(&config, &|| false, &mut |progress| match progress {
        DistilProgress::Started { step, steps, pictures } => {
            println!("step {step} of {steps}, {pictures:?} pictures")
        }
        DistilProgress::Steps { step, report, samples_per_second, remaining_secs, .. } => println!(
            "{step:>6} features {:.3?} distances {:.4} norm {:.2} | {samples_per_second:.1} families/s, {:.0} min left",
            report.features,
            report.distances,
            report.gradient_norm,
            remaining_secs / 60.0
        ),
        DistilProgress::Saved { step } => println!("{step:>6} saved"),
    })?;
    Ok(())
}
