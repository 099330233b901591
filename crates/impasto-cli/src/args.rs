//! Words that several commands share.

use crate::{folder, models};
use anyhow::Result;
use clap::{Args, ValueEnum};
use impasto::{EngineChoice, Precision, Stylizer, StylizerBuilder};
use impasto_media::video::Rotation;
use impasto_media::view::{Crop, View};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// Which network paints, and on what.
#[derive(Args, Clone, Debug)]
pub struct ModelArgs {
    /// The network: `light`, `classic`, or a model file. Without it: `light` where this build has it, else `classic`.
    #[arg(long, value_name = "light|classic|FILE")]
    pub model: Option<String>,
    /// What computes; without it `auto`. `gpu` and `auto` carry on with the CPU where the GPU fails.
    #[arg(long, value_enum)]
    pub engine: Option<EngineName>,
    /// A part of the name of the GPU to use, as `impasto doctor` lists them; also `IMPASTO_ADAPTER`.
    #[arg(long, value_name = "NAME")]
    pub adapter: Option<String>,
    /// Threads of the CPU engine; 0 is one a core.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = threads, allow_negative_numbers = true)]
    pub threads: usize,
    /// What the CPU engine computes products in. The lower ones are faster where the processor has them, and a little coarser;
    /// elsewhere it is `f32`. A GPU takes halves for either.
    #[arg(long, value_enum, default_value_t = PrecisionName::F32)]
    pub precision: PrecisionName,
}

/// Precisions by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PrecisionName {
    /// 32 bits.
    F32,
    /// 8 significant bits, with 32-bit sums (AMX).
    Bf16,
    /// Eight bits in the layers that gain by it (AVX512-VNNI, AVX-VNNI); with AMX bf16, which is faster still.
    Int8,
}

impl From<PrecisionName> for Precision {
    fn from(name: PrecisionName) -> Self {
        match name {
            PrecisionName::F32 => Precision::F32,
            PrecisionName::Bf16 => Precision::Bf16,
            PrecisionName::Int8 => Precision::Int8,
        }
    }
}

impl ModelArgs {
    /// Loads the model and builds the engine.
    pub fn stylizer(&self) -> Result<Stylizer> {
        Ok(self.builder(false)?.build()?)
    }

    /// The same for many frames, which pay for a longer start: the GPU measures which of its kernels are fastest.
    pub fn stylizer_for_frames(&self) -> Result<Stylizer> {
        Ok(self.builder(true)?.build()?)
    }

    /// A builder with all of these words; `frames` as in [`ModelArgs::stylizer_for_frames`].
    pub fn builder(&self, frames: bool) -> Result<StylizerBuilder> {
        let model = models::load(self.model.as_deref())?;
        let choice = self.choice();
        let tuning = folder::cache().map(|folder| folder.join("gpu-tuning.tsv"));
        if let Some(line) = self.coarser_than_asked(choice) {
            eprintln!("note: {line}");
        }
        Ok(Stylizer::builder(model)
            .engine(choice)
            .threads(self.threads)
            .precision(self.precision.into())
            .adapter(self.adapter.clone())
            .tuning(tuning, frames)
            .on_notice(|line| eprintln!("note: {line}")))
    }
}

impl ModelArgs {
    /// The network, as a person knows it: a file of one's own by its name.
    pub fn shown(&self, stylizer: &Stylizer) -> String {
        match self.model.as_deref() {
            Some(file) if !matches!(file, "light" | "classic") => format!("model {file}"),
            _ => format!("{} model", stylizer.model().name),
        }
    }

    /// The engine that is meant. Where this build has no GPU engine, the CPU carries on, as the help says.
    fn choice(&self) -> EngineChoice {
        match self.engine {
            Some(EngineName::Gpu) if cfg!(not(feature = "gpu")) => {
                eprintln!(
                    "note: this build has no GPU engine (docs/gpu.md says how to build one); the CPU paints"
                );
                EngineChoice::Cpu
            }
            engine => engine.map_or(EngineChoice::Auto, EngineChoice::from),
        }
    }

    /// What to say where the CPU paints in another precision than was asked for.
    fn coarser_than_asked(&self, choice: EngineChoice) -> Option<String> {
        let on_cpu =
            choice == EngineChoice::Cpu || (choice == EngineChoice::Auto && cfg!(not(feature = "gpu")));
        let isa = impasto_cpu::Isa::from_env().ok()?;
        let available = Precision::from(self.precision).or_better(isa).is_available(isa);
        let asked = self.precision.to_possible_value()?.get_name().to_string();
        (on_cpu && !available)
            .then(|| format!("this processor ({isa}) has no instructions for {asked}; painting in f32"))
    }
}

/// The engines by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EngineName {
    /// The faster of CPU and GPU, by a short measurement.
    Auto,
    /// The CPU, with its best instructions.
    Cpu,
    /// The GPU.
    Gpu,
    /// The plain judge: slow.
    Reference,
}

impl From<EngineName> for EngineChoice {
    fn from(name: EngineName) -> Self {
        match name {
            EngineName::Auto => EngineChoice::Auto,
            EngineName::Cpu => EngineChoice::Cpu,
            EngineName::Gpu => EngineChoice::Gpu,
            EngineName::Reference => EngineChoice::Reference,
        }
    }
}

/// How a picture is painted, besides the style.
#[derive(Args, Clone, Copy, Debug)]
pub struct DialArgs {
    /// From the picture itself (0) to the style in full (1). Above 0.5 it is mixed in feature space, as in the original; below, the picture
    /// comes through.
    #[arg(long, value_name = "0..1", default_value_t = 1.0, value_parser = unit, allow_negative_numbers = true)]
    pub strength: f32,
    /// From the painting's colours (0) to the picture's own (1): the brightness stays painted, the colour differences
    /// (Cb and Cr) go to the picture's.
    #[arg(long, value_name = "0..1", default_value_t = 0.0, value_parser = unit, allow_negative_numbers = true)]
    pub keep_color: f32,
    /// How much of the noise field that strokes grow from is added: 0 leaves flat ground flat, 1 is as the network learned it, 2 is
    /// wild. For models that have a noise field.
    #[arg(long, value_name = "0..2", default_value_t = 1.0, value_parser = strokes, allow_negative_numbers = true)]
    pub strokes: f32,
    /// Chooses another noise field: every stroke lies elsewhere, the style stays. Whole numbers from 0 to 4294967295.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = seed, allow_negative_numbers = true)]
    pub seed: u32,
    /// Shorter side of the result in px; 0 keeps the picture's size.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = side, allow_negative_numbers = true)]
    pub size: usize,
}

impl DialArgs {
    /// The library's dials.
    pub fn dials(&self) -> impasto::Dials {
        let &Self { strength, keep_color, strokes, seed, .. } = self;
        impasto::Dials { strength, keep_color, strokes, seed, ..Default::default() }
    }
}

/// The size at which paintings are looked at.
#[derive(Args, Clone, Copy, Debug)]
pub struct BrushArgs {
    /// Shorter side in px at which a painting is looked at, 0 keeps its size: the brush. Larger gives larger strokes.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = side, allow_negative_numbers = true)]
    pub style_size: usize,
}

/// The part of each frame that is painted, and its way up.
#[derive(Args, Clone, Copy, Debug)]
pub struct ViewArgs {
    /// Turn the film clockwise by so many degrees.
    #[arg(long, value_name = "0|90|180|270", default_value_t = 0, value_parser = quarter_turn)]
    pub rotate: u16,
    /// Paint a part of the (turned) film only: a shape such as 9:16 from its middle, or WIDTHxHEIGHT+LEFT+TOP in px.
    #[arg(long, value_name = "W:H|WxH+X+Y", default_value_t = Crop::Whole, hide_default_value = true)]
    pub crop: Crop,
    /// Let left and right change places.
    #[arg(long)]
    pub mirror: bool,
}

impl ViewArgs {
    /// The library's view.
    pub fn view(&self) -> View {
        let &Self { rotate, crop, mirror } = self;
        View { rotation: Rotation::of_degrees(rotate).unwrap_or_default(), crop, mirror }
    }
}

/// Degrees of a quarter turn, or of several.
pub fn quarter_turn(word: &str) -> Result<u16, String> {
    let degrees = word.parse().ok().filter(|degrees| Rotation::of_degrees(*degrees).is_some());
    degrees.ok_or_else(|| "0, 90, 180 or 270 is needed".into())
}

/// A style as typed: a built-in name, a picture, or a `.style` file, with a weight after a colon or without.
#[derive(Clone, Debug, PartialEq)]
pub struct StyleWord {
    /// Name or path.
    pub what: String,
    /// Its part in a mix; parts need not sum to 1.
    pub weight: Option<f32>,
}

impl FromStr for StyleWord {
    type Err = String;

    /// What follows the last colon is a weight if it reads as a number (so `C:\wave.jpg` has none), unless a file has that
    /// very name.
    fn from_str(word: &str) -> Result<Self, String> {
        if Path::new(word).is_file() {
            return Ok(Self { what: word.into(), weight: None });
        }
        let typed =
            |(what, number): (&str, &str)| number.parse().ok().map(|weight: f32| (what.into(), weight));
        let (what, weight) = match word.rsplit_once(':').and_then(typed) {
            Some((what, weight)) if weight.is_finite() && weight >= 0.0 => (what, Some(weight)),
            Some((_, weight)) => {
                return Err(format!("the weight is {weight}; weights are numbers from 0 up"));
            }
            None => (word.to_string(), None),
        };
        if what.is_empty() { Err("a style needs a name".into()) } else { Ok(Self { what, weight }) }
    }
}

impl fmt::Display for StyleWord {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.weight {
            Some(weight) => write!(f, "{}:{weight}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// A number in `0..1`; NaN is none.
pub fn unit(word: &str) -> Result<f32, String> {
    match word.parse::<f32>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("a number from 0 to 1 is needed".into()),
    }
}

/// A number from 0 to 2.
pub fn strokes(word: &str) -> Result<f32, String> {
    match word.parse::<f32>() {
        Ok(value) if (0.0..=2.0).contains(&value) => Ok(value),
        _ => Err("a number from 0 to 2 is needed".into()),
    }
}

/// The number of a noise field.
fn seed(word: &str) -> Result<u32, String> {
    word.parse().map_err(|_| "a whole number from 0 to 4294967295 is needed".into())
}

/// A picture's side in px, or 0.
fn side(word: &str) -> Result<usize, String> {
    number(word, 30_000)
}

fn threads(word: &str) -> Result<usize, String> {
    number(word, 1_024)
}

fn number(word: &str, most: usize) -> Result<usize, String> {
    match word.parse() {
        Ok(number) if number <= most => Ok(number),
        _ => Err(format!("a whole number from 0 to {most} is needed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_may_have_weights() {
        let word = |text: &str| text.parse::<StyleWord>().unwrap();
        let expected = |what: &str, weight| StyleWord { what: what.into(), weight };
        assert_eq!(word("wave.jpg"), expected("wave.jpg", None));
        assert_eq!(word("wave.jpg:0.7"), expected("wave.jpg", Some(0.7)));
        assert_eq!(word(r"C:\wave.jpg"), expected(r"C:\wave.jpg", None));
        assert_eq!(word(r"C:\wave.jpg:2"), expected(r"C:\wave.jpg", Some(2.0)));
        for bad in ["wave:-1", "wave:nan", "wave:inf", ":1", ""] {
            assert!(bad.parse::<StyleWord>().is_err(), "{bad}");
        }
    }

    #[test]
    fn dials_go_from_0_to_1() {
        assert_eq!((unit("0"), unit("1"), unit("0.25")), (Ok(0.0), Ok(1.0), Ok(0.25)));
        for bad in ["nan", "-0.1", "1.01", "inf", "much"] {
            assert!(unit(bad).is_err(), "{bad}");
        }
    }
}
