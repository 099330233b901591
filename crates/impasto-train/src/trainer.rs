//! Runs a training: data, schedule, checkpoints, validation.

mod differences;
mod error;
mod machine;
mod open;
mod run;
mod settings;
mod tables;
mod window;

pub(crate) use differences::differences;
pub use error::{Kept, TrainError};
pub use run::{Ending, train, train_until};
pub use settings::{Judge, Machine, Material, NetworkKind, Paths, Settings, TrainConfig};
