//! Impasto's trainer.

pub mod checkpoint;
pub mod data;
pub mod descent;
pub mod detect;
pub mod distil;
pub mod finish;
pub mod init;
pub mod journal;
pub mod learner;
pub mod loss;
pub mod loss_network;
pub mod optimiser;
pub mod progress;
pub mod schedule;
pub mod trainer;
pub mod tune;
pub mod validate;
pub mod walk;

pub use journal::Journal;
pub use learner::cpu::{RefineConfig, RefineError, RefineReport, refine};
pub use progress::Progress;
pub use trainer::{
    Ending, Judge, Machine, Material, NetworkKind, Paths, Settings, TrainConfig, TrainError, train,
    train_until,
};
