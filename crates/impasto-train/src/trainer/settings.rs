//! Settings of a run.

use crate::data::{Folder, Sampling};
use crate::learner::{Recipe, StyleKind};
use crate::schedule::Schedule;
use impasto_core::light::LightShape;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Which network is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkKind {
    /// The small painter with a style encoder of its own.
    #[default]
    Light,
    /// A decoder for the loss network's own features.
    Classic,
}

/// Treatment of the loss network's file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Judge {
    /// Normalised; one that is not becomes so on some of the photos.
    #[default]
    Normalised,
    /// As it was published, whatever its scale: to see what comes of it.
    Plain,
}

/// Everything that decides a run's course: equal settings and pictures give equal weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Which network is trained. The light network's numbers below mean nothing to the classic one.
    pub network: NetworkKind,
    /// Treatment of the loss network's file.
    pub judge: Judge,
    /// Weights of the losses and the optimiser's numbers.
    pub recipe: Recipe,
    /// The curriculum.
    pub schedule: Schedule,
    /// Sampling of pictures.
    pub sampling: Sampling,
    /// Groups a step; each is one photo in the styles of [`Sampling::styles`] paintings.
    pub groups: usize,
    /// Channels at 1/2, 1/4, 1/8 of the painter.
    pub channels: [usize; 3],
    /// Residual blocks at 1/8.
    pub blocks: usize,
    /// Residual blocks at 1/4.
    pub quarter_blocks: usize,
    /// Whether the stem's features at 1/2 are added on the way up.
    pub half_skip: bool,
    /// Channels of the encoder.
    pub encoder_channels: [usize; 4],
    /// Length of the encoder's code.
    pub code: usize,
    /// Whether the painter has the noise field that strokes grow from.
    pub field: bool,
    /// Whether channels of a model to start from that never answer are given new weights.
    pub revive: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let shape = LightShape::default();
        Self {
            network: NetworkKind::Light,
            judge: Judge::Normalised,
            recipe: Recipe::default(),
            schedule: Schedule::default(),
            sampling: Sampling::default(),
            groups: 6,
            channels: shape.channels,
            blocks: shape.blocks,
            quarter_blocks: shape.quarter_blocks,
            half_skip: shape.half_skip,
            encoder_channels: shape.encoder_channels,
            code: shape.code,
            field: shape.field,
            revive: false,
        }
    }
}

impl Settings {
    /// Defaults of a run.
    pub fn of(network: NetworkKind) -> Self {
        match network {
            NetworkKind::Light => Self::default(),
            NetworkKind::Classic => Self::classic(),
        }
    }

    /// The founding recipe: content to AdaIN's output, style ten times as much, nothing else; after a warm-up that only reconstructs.
    fn classic() -> Self {
        let recipe = Recipe {
            content: 1.0,
            style: 10.0,
            style_kind: StyleKind::Moments,
            rate: 3e-4,
            // Statistics of VGG's features are far from a random decoder's, and style counts ten times.
            clip: 1000.0,
            ..Recipe::empty()
        };
        Self {
            network: NetworkKind::Classic,
            recipe,
            sampling: Sampling {
                photo_px: 128,
                painting_px: 176,
                styles: 1,
                photos_per_painting: 1,
                jitter_px: 0,
                motion_px: 0,
                ..Sampling::default()
            },
            groups: 8,
            ..Self::default()
        }
    }

    /// Whether the numbers can be meant; else what is wrong.
    pub fn check(&self) -> Result<(), String> {
        let (sampling, schedule, recipe) = (&self.sampling, &self.schedule, &self.recipe);
        let side = |name: &str, px: usize, multiple: usize| match px >= 32 && px.is_multiple_of(multiple) {
            true => Ok(()),
            false => Err(format!("{name} is {px}; a multiple of {multiple} from 32 up is needed")),
        };
        side("sampling.photo_px", sampling.photo_px, 8)?;
        side(
            "sampling.photo_px - sampling.jitter_px",
            sampling.photo_px.saturating_sub(sampling.jitter_px),
            8,
        )?;
        side("sampling.painting_px", sampling.painting_px, 1)?;
        side("schedule.large_px", schedule.large_px, 8)?;
        if sampling.photo_px < sampling.motion_px + 24 {
            return Err(format!(
                "sampling.motion_px is {}; 24 px of a crop of {} px must stay in view",
                sampling.motion_px, sampling.photo_px
            ));
        }
        let scales = [("photo_scale", sampling.photo_scale), ("painting_scale", sampling.painting_scale)];
        if let Some((name, [a, b])) =
            scales.into_iter().find(|(_, [a, b])| !(0.0 < *a && a <= b && *b <= 1.0))
        {
            return Err(format!(
                "sampling.{name} is [{a}, {b}]; two parts of a picture's shorter side are needed, above 0 and up to 1, the smaller first"
            ));
        }
        if !(1..=4).contains(&recipe.content_layers) {
            return Err(format!("recipe.content_layers is {}; there are 1 to 4", recipe.content_layers));
        }
        if sampling.photos_per_painting > 0 && !self.groups.is_multiple_of(sampling.photos_per_painting) {
            return Err(format!(
                "groups is {}, and sampling.photos_per_painting {}; a whole number of paintings is needed",
                self.groups, sampling.photos_per_painting
            ));
        }
        let counts = [
            ("groups", self.groups),
            ("sampling.styles", sampling.styles),
            ("sampling.photos_per_painting", sampling.photos_per_painting),
            ("sampling.variants", sampling.variants),
            ("code", self.code),
            ("channels", self.channels.into_iter().min().unwrap_or(0)),
            ("encoder_channels", self.encoder_channels.into_iter().min().unwrap_or(0)),
            ("schedule.identity_steps + schedule.steps", schedule.total() as usize),
        ];
        if let Some((name, _)) = counts.into_iter().find(|c| c.1 == 0) {
            return Err(format!("{name} is 0; at least 1 is needed"));
        }
        if !(recipe.rate.is_finite() && recipe.rate > 0.0) {
            return Err(format!("recipe.rate is {}; a positive number is needed", recipe.rate));
        }
        Ok(())
    }

    /// The light network's shape.
    pub fn shape(&self) -> LightShape {
        LightShape {
            channels: self.channels,
            blocks: self.blocks,
            quarter_blocks: self.quarter_blocks,
            half_skip: self.half_skip,
            encoder_channels: self.encoder_channels,
            code: self.code,
            field: self.field,
        }
    }
}

/// Pictures to train on.
#[derive(Clone, Debug, PartialEq)]
pub enum Material {
    /// Pictures and the loss network from files.
    Files {
        /// Folders of photos.
        photos: Vec<Folder>,
        /// Folders of paintings.
        paintings: Vec<Folder>,
        /// A VGG-19, or a judge that `impasto train judge` made; the built-in judge where there is none.
        vgg: Option<PathBuf>,
        /// Folders of held-out photos and paintings; without them some training pictures are shown.
        held_out: Option<(PathBuf, PathBuf)>,
    },
    /// Pictures drawn by the program, and a small random loss network: to try the trainer without any download.
    Drawn,
}

/// Processor of a run. A run may move from one to the other at any checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Machine {
    /// The processor.
    #[default]
    Cpu,
    /// A GPU, in builds with the feature `gpu`: the likely fastest, or the first whose name contains this.
    Gpu(Option<String>),
}

/// Paths of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Paths {
    /// Pictures to train on.
    pub material: Material,
    /// The run's folder: checkpoint, model, log, sheets.
    pub run: PathBuf,
    /// A model whose weights are the start.
    pub start: Option<PathBuf>,
}

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainConfig {
    /// The settings that decide its course.
    pub settings: Settings,
    /// Paths of a run.
    pub paths: Paths,
    /// The rights to what is learned, as the model's file says them; nobody but the person who trains can know.
    pub license: String,
    /// Processor that computes it.
    pub machine: Machine,
    /// Threads; results do not depend on it.
    pub threads: usize,
    /// Go on from the run's checkpoint.
    pub resume: bool,
    /// Go on although the checkpoint's settings (other than the network's shape) were different.
    pub change_settings: bool,
    /// Never use bf16 tiles, even where the processor has them.
    pub plain: bool,
    /// Seconds between checkpoints.
    pub checkpoint_secs: u64,
    /// Steps between progress records.
    pub report_steps: u64,
    /// Steps between validations.
    pub validate_steps: u64,
}

impl TrainConfig {
    /// A run with the given settings: two minutes between checkpoints, on all cores.
    pub fn new(settings: Settings, material: Material, run: PathBuf) -> Self {
        Self {
            settings,
            paths: Paths { material, run, start: None },
            license: "unknown".into(),
            machine: Machine::Cpu,
            threads: std::thread::available_parallelism().map_or(1, |n| n.get()),
            resume: false,
            change_settings: false,
            plain: false,
            checkpoint_secs: 120,
            report_steps: 100,
            validate_steps: 500,
        }
    }

    /// A toy network on drawn pictures, which learns visibly within two minutes on two cores.
    pub fn tiny(network: NetworkKind, run: PathBuf) -> Self {
        let config = Self::new(Settings::tiny(network), Material::Drawn, run);
        Self { report_steps: 20, validate_steps: 100, ..config }
    }
}

impl Settings {
    fn tiny(network: NetworkKind) -> Self {
        let (shape, usual) = (LightShape::tiny(), Self::of(network));
        let jitter_px = 0;
        // A toy learns from nothing: the recipe that begins with likeness does that soonest.
        let (recipe, motion_px) = match network {
            NetworkKind::Light => (Recipe::moments(), 4),
            NetworkKind::Classic => (usual.recipe, 0),
        };
        Self {
            recipe: Recipe { average: 0.98, rate: 1.5e-3, ..recipe },
            schedule: Schedule { identity_steps: 60, steps: 600, warm_up: 10, ..Schedule::default() },
            sampling: Sampling {
                photo_px: 64,
                painting_px: 64,
                styles: 1,
                photos_per_painting: 1,
                motion_px,
                jitter_px,
                ..usual.sampling
            },
            groups: 4,
            channels: shape.channels,
            blocks: shape.blocks,
            quarter_blocks: shape.quarter_blocks,
            encoder_channels: shape.encoder_channels,
            code: shape.code,
            ..usual
        }
    }
}
