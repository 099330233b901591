//! Trains the light network: `train_light SETTINGS.json PHOTOS PAINTINGS VGG|builtin RUN [--resume [--change-settings]] [--start MODEL] [--held-out PHOTOS PAINTINGS]`.

use impasto_train::{Material, Progress, Settings, TrainConfig, train};
use std::io::Write;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [settings, photos, paintings, vgg, run, options @ ..] = args.as_slice() else {
        return Err("usage: train_light SETTINGS.json PHOTOS PAINTINGS VGG|builtin RUN [--resume [--change-settings]] [--start MODEL] [--held-out PHOTOS PAINTINGS]".into());
    };
    let settings: Settings = serde_json::from_slice(&std::fs::read(settings)?)?;
    let after = |name: &str, n: usize| {
        options.iter().position(|o| o == name).and_then(|at| options.get(at + n)).map(PathBuf::from)
    };
    let material = Material::Files {
        photos: vec![PathBuf::from(photos).into()],
        paintings: vec![PathBuf::from(paintings).into()],
        vgg: (vgg != "builtin").then(|| vgg.into()),
        held_out: after("--held-out", 1).zip(after("--held-out", 2)),
    };
    let mut config = TrainConfig::new(settings, material, run.into());
    config.paths.start = after("--start", 1);
    config.resume = options.iter().any(|o| o == "--resume");
    config.change_settings = options.iter().any(|o| o == "--change-settings");
    let run = config.paths.run.clone();
    let say = |line: String| println!("{line}");
    train(&config, &mut |progress| {
        match progress {
            Progress::Started { step, steps, pictures, device } => say(format!(
                "step {step} of {steps}, {} photos, {} paintings, {device}",
                pictures[0], pictures[1]
            )),
            Progress::Steps(s) => {
                let r = s.report;
                say(format!(
                    "{:>6} content {:.3} style {:.3} ssim {:.3} identity {:.4} noise {:.2} range {:.4} norm {:.1} | weight {:.2} rate {:.1e} | {:.1} samples/s, {:.0} min left, broken {:?}",
                    s.step,
                    r.content,
                    r.style,
                    1.0 - r.ssim,
                    r.identity,
                    255.0 * r.noise,
                    r.range,
                    r.gradient_norm,
                    s.style_weight,
                    s.rate,
                    s.samples_per_second,
                    s.remaining_secs / 60.0,
                    s.broken
                ));
            }
            Progress::Validated(v) => {
                say(format!(
                    "{:>6} held out: content {:.3} style {:.3} ssim {:.3} flicker {:.3}",
                    v.step, v.content, v.style, v.ssim, v.flicker
                ));
                let path = run.join(format!("sheet_{:06}.png", v.step));
                let (w, h) = (v.sheet.width() as u32, v.sheet.height() as u32);
                let saved = image::save_buffer(path, v.sheet.rgb(), w, h, image::ColorType::Rgb8);
                saved.unwrap_or_else(|e| eprintln!("no sheet: {e}"));
            }
            Progress::Warning { step, message } => say(format!("{step:>6} warning: {message}")),
            Progress::Saved { step } => say(format!("{step:>6} saved")),
        }
        std::io::stdout().flush().expect("stdout is open");
    })?;
    Ok(())
}
