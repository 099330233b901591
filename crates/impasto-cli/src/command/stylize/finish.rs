//! `--finish`: gradient steps on the painted picture itself, against the judge.

use super::args::Args;
use crate::args::StyleWord;
use crate::console::{Console, duration};
use crate::failure::wrong_use;
use crate::styles::{self, Styles};
use anyhow::Result;
use impasto::{Dials, Image, Style, Stylizer, color};
use impasto_media::resize;
use impasto_train::descent::StyleTarget;
use impasto_train::finish::{FinishConfig, finish, noise, target};
use impasto_train::loss_network::LossNetwork;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// Between two lines of progress where there is no terminal.
const REPORT_EVERY: Duration = Duration::from_secs(10);
/// A texture begins with noise, and has further to go.
const TEXTURE_RATE: f32 = 0.04;

/// Targets of the looks and masks, and the settings of the steps.
pub struct Finish {
    judge: LossNetwork,
    config: FinishConfig,
    texture: bool,
    seed: u64,
    looks: Vec<Option<StyleTarget>>,
    masks: Vec<StyleTarget>,
}

impl Finish {
    /// `None` where it is not asked for. Takes the paintings of each look and of each mask.
    pub fn new(
        args: &Args,
        reader: &Styles,
        looks: &[Vec<StyleWord>],
        masks: &[&str],
    ) -> Result<Option<Self>> {
        let Some(steps) = args.finish else { return Ok(None) };
        let judge = LossNetwork::builtin();
        let like = args.finish_like.iter().map(|path| sized(styles::painting(path)?, reader.style_px));
        let like = like.collect::<Result<Vec<_>>>()?;
        let of = |words: &[(&str, f32)]| -> Result<StyleTarget> {
            let own = match like.is_empty() {
                true => words
                    .iter()
                    .map(|(what, weight)| Ok((painting(reader, what)?, *weight)))
                    .collect::<Result<_>>()?,
                false => like.iter().map(|image| (image.clone(), 1.0)).collect::<Vec<_>>(),
            };
            let own: Vec<_> = own.iter().map(|(image, weight)| (image, *weight)).collect();
            Ok(target(&judge, &own)?)
        };
        let look = |words: &Vec<StyleWord>| -> Result<Option<StyleTarget>> {
            let weighted = words.iter().map(|word| (word.what.as_str(), word.weight.unwrap_or(1.0)));
            let words: Vec<_> = weighted.filter(|(_, weight)| *weight > 0.0).collect();
            if words.is_empty() { Ok(None) } else { of(&words).map(Some) }
        };
        let looks = looks.iter().map(look).collect::<Result<_>>()?;
        let masks = masks.iter().map(|what| of(&[(what, 1.0)])).collect::<Result<_>>()?;
        let usual = FinishConfig::default();
        let threads = if args.model.threads == 0 { usual.threads } else { args.model.threads };
        let rate = if args.texture { TEXTURE_RATE } else { usual.rate };
        let config = FinishConfig { steps: usize::from(steps), rate, threads, ..usual };
        Ok(Some(Self {
            judge,
            config,
            texture: args.texture,
            seed: u64::from(args.dials.seed),
            looks,
            masks,
        }))
    }

    /// Targets of a photo's regions in that look: those of the masks, then the look's.
    pub fn targets(&self, look: usize) -> impl Iterator<Item = &StyleTarget> {
        self.masks.iter().chain(&self.looks[look])
    }

    /// Paints `photo` in `style` and finishes it against `target`.
    pub fn painted(
        &self,
        stylizer: &Stylizer,
        (photo, style): (&Image, &Style),
        target: &StyleTarget,
        dials: &Dials,
        console: &Console,
    ) -> Result<Image> {
        if dials.strength == 0.0 {
            return Ok(photo.clone());
        }
        // Colours are kept once, at the end.
        let start = match self.texture {
            true => noise(photo.width(), photo.height(), self.seed),
            false => stylizer.paint(photo, style, &Dials { keep_color: 0.0, ..*dials })?,
        };
        let config = FinishConfig { strength: dials.strength, ..self.config };
        let drawing = (!self.texture).then_some(photo);
        let (begun, told) = (Instant::now(), Cell::new(Instant::now()));
        let picture = finish(&self.judge, &start, drawing, target, &config, &mut |step, away| {
            let left = begun.elapsed().as_secs_f64() * (config.steps - step) as f64 / step as f64;
            let line = format!(
                "finishing: step {step} of {}, style {away:.3}, about {} left",
                config.steps,
                duration(left)
            );
            if console.is_live() || told.get().elapsed() >= REPORT_EVERY {
                told.set(Instant::now());
                console.status(line);
            }
        });
        console.end_status();
        let mut picture = picture?;
        color::keep_color(&mut picture, photo, dials.keep_color);
        Ok(picture)
    }
}

/// The painting that a style's word names.
fn painting(reader: &Styles, what: &str) -> Result<Image> {
    reader.painting(what)?.ok_or_else(|| {
        wrong_use(format!(
            "--finish needs the painting's picture, and the style `{what}` holds none; add --finish-like PICTURE, or name the picture with --style"
        ))
    })
}

fn sized(image: Image, style_px: usize) -> Result<Image> {
    Ok(resize::resize_shorter_side(&image, style_px))
}
