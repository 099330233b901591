//! Runs a training: data, schedule, checkpoints, validation.

mod run;
mod settings;

pub use run::{TrainError, train};
pub use settings::{Material, Paths, Settings, TrainConfig};
