//! The words of `impasto train`.

use clap::ValueEnum;
use impasto_train::NetworkKind;
use impasto_train::data::Folder;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Train a network on two folders of pictures
///
/// Two folders of pictures (JPEG or PNG, any size) become a model which paints in any style; a small network inside the program
/// judges, or a VGG-19.
/// The run's folder holds everything: checkpoint, model so far, curves and sheets (open report.html in a browser).
/// Ctrl-C saves and ends; --resume goes on as if nothing had happened. docs/training.md tells the whole story.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto train light --tiny -o tiny
      a toy network on pictures drawn by the program, to see how it goes: no
      download, two minutes
  impasto train light --photos photos/ --paintings paintings/ -o run
  impasto train light --resume run
  impasto train light --resume run --engine gpu
  impasto train classic --photos photos/ --paintings paintings/ \\
      --vgg vgg_normalised.pth -o founding
  impasto train light --photos photos/ --paintings paintings/ -o bold \\
      --start run/model.safetensors --steps 2000 \\
      --set recipe.style=4 --set recipe.rate=0.0005
  impasto train judge --photos photos/ --paintings paintings/ \\
      --vgg vgg_normalised.pth -o judge
      a judge as the one inside, for --vgg judge/judge.safetensors

A VGG-19 is needed for `classic` and `judge` only. It is
`vgg_normalised.pth` from the releases page of naoto0804/pytorch-AdaIN on
GitHub, or torchvision's `vgg19-dcbb9e9d.pth`, which is normalised on your
photos; a classic model made by `impasto import` serves too.")]
pub struct Args {
    /// Which network.
    #[arg(value_enum)]
    pub network: NetworkName,
    /// The run's folder.
    #[arg(short, long, value_name = "RUN", required_unless_present_any = ["resume", "show_settings"])]
    pub output: Option<PathBuf>,
    /// Folder of photos; may be said several times. A weight draws its pictures so many times as often.
    #[arg(long, value_name = "DIR[:WEIGHT]")]
    pub photos: Vec<FolderWord>,
    /// Folder of paintings, likewise.
    #[arg(long, value_name = "DIR[:WEIGHT]")]
    pub paintings: Vec<FolderWord>,
    /// What judges in place of the small network inside the program: a VGG-19 (any file that `impasto import` takes, or a
    /// classic model), or a judge that `impasto train judge` made.
    #[arg(long, value_name = "FILE")]
    pub vgg: Option<PathBuf>,
    /// For `judge`: the model that paints the pastiches it learns from. Without it: the built-in one.
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// A toy network on drawn pictures, judged by a small random network: to try the trainer.
    #[arg(long, conflicts_with_all = ["photos", "paintings", "vgg", "held_out"])]
    pub tiny: bool,
    /// Go on with the run in this folder; its words need not be said again.
    #[arg(long, value_name = "RUN", conflicts_with = "start")]
    pub resume: Option<PathBuf>,
    /// A model whose weights are the start.
    #[arg(long, value_name = "MODEL")]
    pub start: Option<PathBuf>,
    /// Folders of photos and paintings that are never trained on, to judge by. Without them, some of the training pictures.
    #[arg(long, num_args = 2, value_names = ["PHOTOS", "PAINTINGS"])]
    pub held_out: Option<Vec<PathBuf>>,
    /// Steps in all, each one batch. The first of them (`schedule.identity_steps`) only reproduce photos.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..100_000_000))]
    pub steps: Option<u64>,
    /// Seed of everything random: the same seed, pictures and settings give the same weights on one machine.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The rights to the trained network, kept in its file for people. Without it: unknown. The pictures that it learned
    /// from may have a say in it.
    #[arg(long, value_name = "WORDS")]
    pub license: Option<String>,
    /// Settings, as --show-settings prints them; what the file leaves out keeps its default.
    #[arg(long, value_name = "FILE.json")]
    pub settings: Option<PathBuf>,
    /// One setting, such as recipe.style=4; may be said several times.
    #[arg(long, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// With --resume: the changed settings are meant (the network's shape cannot change).
    #[arg(long, requires = "resume")]
    pub change_settings: bool,
    /// Print the settings that these words make, and end.
    #[arg(long)]
    pub show_settings: bool,
    /// What computes; a run may go on with the other (`--resume RUN --engine cpu`). `gpu` is in builds with the feature
    /// `gpu` only, see docs/gpu.md.
    #[arg(long, value_enum, default_value_t = MachineName::Cpu)]
    pub engine: MachineName,
    /// A part of the name of the GPU to use, as `impasto doctor` lists them; also `IMPASTO_ADAPTER`.
    #[arg(long, value_name = "NAME")]
    pub adapter: Option<String>,
    /// Threads of the CPU; results do not depend on it. Without it, one a core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// What the network is computed in on the CPU: `f32` is the same on every machine, `bf16` faster where the processor has
    /// matrix tiles (AMX), and the same as `f32` elsewhere. A GPU always computes in `f32`.
    #[arg(long, value_enum, default_value_t = LearnerPrecision::Bf16)]
    pub precision: LearnerPrecision,
    /// Seconds between checkpoints.
    #[arg(long, value_name = "S", default_value_t = 120)]
    pub save_every: u64,
    /// Steps between progress lines. Without it: 100, or 20 with --tiny.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub report_every: Option<u64>,
    /// Steps between validations, each with a sheet. Without it: 500, or 100 with --tiny.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub validate_every: Option<u64>,
}

/// What can train.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MachineName {
    /// The processor.
    Cpu,
    /// A GPU of any make.
    Gpu,
}

/// A folder as typed, with a weight after a colon or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderWord(pub Folder);

impl FromStr for FolderWord {
    type Err = String;

    /// What follows the last colon is a weight if it is a number (so `C:\photos` has none).
    fn from_str(word: &str) -> Result<Self, String> {
        let typed = word.rsplit_once(':').and_then(|(path, n)| n.parse().ok().map(|n: usize| (path, n)));
        match typed {
            Some((path, weight @ 1..=100)) => Ok(Self(Folder { path: path.into(), weight })),
            Some((_, weight)) => {
                Err(format!("the weight is {weight}; a whole number from 1 to 100 is needed"))
            }
            None => Ok(Self(PathBuf::from(word).into())),
        }
    }
}

/// What the learner computes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LearnerPrecision {
    /// 32 bits.
    F32,
    /// 8 significant bits, with 32-bit sums.
    Bf16,
}

/// The networks that can be trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkName {
    /// The small network with a style encoder of its own.
    Light,
    /// A decoder for VGG-19's own features: the method as it was first published.
    Classic,
    /// A small network that judges as a VGG-19 does, at a fraction of its cost.
    Judge,
}

impl NetworkName {
    /// As the trainer calls it, if it paints.
    pub fn kind(self) -> Option<NetworkKind> {
        match self {
            NetworkName::Light => Some(NetworkKind::Light),
            NetworkName::Classic => Some(NetworkKind::Classic),
            NetworkName::Judge => None,
        }
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            NetworkName::Light => "light",
            NetworkName::Classic => "classic",
            NetworkName::Judge => "judge",
        })
    }
}
