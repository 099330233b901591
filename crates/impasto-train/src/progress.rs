//! One record of what happens in a run; the terminal, the event file and the report only read it.

use crate::detect::Gallery;
use crate::learner::StepReport;
use impasto_core::Image;
use serde::{Deserialize, Serialize};

/// Something happened.
#[derive(Clone, Debug)]
pub enum Progress {
    /// The run begins or goes on.
    Started {
        /// Steps already done.
        step: u64,
        /// Steps in all.
        steps: u64,
        /// Files that are listed: photos, paintings.
        pictures: [usize; 2],
        /// Instruction set or adapter that the kernels run on.
        device: String,
    },
    /// Some steps were done.
    Steps(Steps),
    /// Held-out pairs were painted.
    Validated(Validation),
    /// Something looks wrong.
    Warning {
        /// After this many steps.
        step: u64,
        /// Fault, cause and remedy.
        message: String,
    },
    /// A checkpoint was written.
    Saved {
        /// After this many steps.
        step: u64,
    },
}

/// Means over the steps since the last such record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Means of the losses.
    pub report: StepReport,
    /// Weight of the style loss now.
    pub style_weight: f32,
    /// Adam's rate now.
    pub rate: f32,
    /// Paintings per second.
    pub samples_per_second: f64,
    /// Remaining time, at this speed.
    pub remaining_secs: f64,
    /// Unreadable files so far: photos, paintings.
    pub broken: [usize; 2],
}

/// Figures of the held-out pairs.
#[derive(Clone, Debug)]
pub struct Validation {
    /// After this many steps.
    pub step: u64,
    /// Content loss.
    pub content: f32,
    /// Style loss.
    pub style: f32,
    /// SSIM of luma to the photo (box windows).
    pub ssim: f32,
    /// Mean absolute difference of two pastiches whose photos differ by noise of deviation 2/255, in `0..255`.
    pub flicker: f32,
    /// Everything that was painted.
    pub gallery: Gallery,
    /// A sheet: in each row a photo, a painting and the pastiche.
    pub sheet: Image,
}
