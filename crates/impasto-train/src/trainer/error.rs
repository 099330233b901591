//! Why a run does not start or go on.

use crate::checkpoint::CheckpointError;
use crate::data::LibraryError;
use crate::learner::LearnerError;
use crate::loss_network::LossNetworkError;
use impasto_core::model::ModelError;
use impasto_core::weights::WeightsError;
use std::fmt;

/// Why a run does not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Pictures.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The loss network.
    #[error(transparent)]
    LossNetwork(#[from] LossNetworkError),
    /// The network to train.
    #[error(transparent)]
    Learner(#[from] LearnerError),
    /// The GPU that was asked for.
    #[error("{0}")]
    Gpu(String),
    /// Weights to start from.
    #[error("cannot start from {path}: {source}")]
    Start {
        /// The file.
        path: String,
        /// The fault.
        source: WeightsError,
    },
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A checkpoint that cannot be taken up.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A run that was made otherwise.
    #[error(
        "{run} was made with other settings: {}. Go on with the same ones (without naming any, they are taken from the run), \
         say --change-settings if the change is meant, or start a new run in another folder", .differences.join("; ")
    )]
    OtherSettings {
        /// The run's folder.
        run: String,
        /// The difference.
        differences: Vec<String>,
    },
    /// A run of another network.
    #[error(
        "{run} trains a network of {found} weights, and these settings make one of {expected}: {}. A run goes on with its own table only; \
         start a new run in another folder", .differences.join("; ")
    )]
    OtherTable {
        /// The run's folder.
        run: String,
        /// Weights of the network that the settings make.
        expected: usize,
        /// Weights in the checkpoint.
        found: usize,
        /// The difference.
        differences: Vec<String>,
    },
    /// Settings that cannot be meant.
    #[error("the settings cannot be used: {0}")]
    Settings(String),
    /// A file of the run cannot be written.
    #[error("cannot write {path}: {cause}. {kept}")]
    Save {
        /// The file.
        path: String,
        /// The system's words.
        cause: String,
        /// The files that are still there.
        kept: Kept,
    },
    /// The folder holds a run already.
    #[error("{0} holds a run already; go on with --resume {0}, or name another folder")]
    Exists(String),
    /// Too many steps went wrong.
    #[error(
        "step {step} and the nine before it gave numbers that are not finite. {kept}{}",
        kept.remedy()
    )]
    NotFinite {
        /// The step.
        step: u64,
        /// The files that are still there.
        kept: Kept,
    },
    /// The data thread has died.
    #[error("the thread that prepares pictures has ended; its message is above")]
    Data,
}

/// Which checkpoint is still there when a run fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept(pub Option<u64>);

impl Kept {
    /// The remedy for a run whose numbers ran away.
    fn remedy(self) -> &'static str {
        match self.0 {
            Some(_) => {
                ": go on from it with a smaller rate or style weight, such as \
                 --resume RUN --change-settings --set recipe.rate=0.0005"
            }
            None => {
                ": begin again in another folder with a smaller rate or style weight, such as --set recipe.rate=0.0005"
            }
        }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.0 {
            Some(step) => write!(f, "The last good checkpoint, after step {step}, is kept"),
            None => f.write_str("No checkpoint had been written yet"),
        }
    }
}
