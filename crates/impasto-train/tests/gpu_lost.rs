//! A GPU that fails in the middle of a run. A device is lost for its whole process, so that this has one of its own.
#![cfg(feature = "gpu")]

use impasto_train::checkpoint::Checkpoint;
use impasto_train::learner::gpu::GpuDevice;
use impasto_train::{Machine, NetworkKind, Progress, TrainConfig, train};

#[test]
fn the_cpu_carries_on() {
    let device = match GpuDevice::open(None) {
        Ok(device) => device,
        Err(error) => {
            println!("skipped: the_cpu_carries_on: {error}");
            return;
        }
    };
    let run = std::env::temp_dir().join(format!("impasto-train-gpu-lost-{}", std::process::id()));
    let mut config = TrainConfig::tiny(NetworkKind::Light, run.clone());
    (config.plain, config.machine, config.settings.groups) = (true, Machine::Gpu(None), 2);
    (config.settings.sampling.photo_px, config.settings.sampling.painting_px) = (32, 32);
    (config.settings.schedule.identity_steps, config.settings.schedule.steps) = (1, 3);
    (config.report_steps, config.validate_steps) = (1, u64::MAX);
    let (mut devices, mut warnings, mut steps) = (vec![], vec![], 0);
    train(&config, &mut |progress| match progress {
        Progress::Started { device, .. } => devices.push(device.clone()),
        Progress::Warning { step, message } => warnings.push((*step, message.clone())),
        Progress::Steps(record) => {
            assert!(record.report.is_finite() && record.report.gradient_norm > 0.0, "{record:?}");
            steps += 1;
            if record.step == 2 {
                device.lose();
            }
        }
        _ => {}
    })
    .unwrap();
    assert!(devices[0].contains(device.name()), "{devices:?}");
    assert_eq!(steps, 4);
    let told = warnings.iter().find(|(step, words)| *step == 2 && words.contains("The CPU carries on"));
    assert!(
        told.is_some_and(|(_, words)| words.contains(device.name()) && !words.contains('\n')),
        "{warnings:?}"
    );
    assert_eq!(Checkpoint::load(&run).unwrap().state.steps, 4);
    std::fs::remove_dir_all(run).unwrap();
}
