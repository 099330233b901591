//! Losses. Each gives its value, unweighted, and adds `weight` times its gradient.
//!
//! [`picture`] has those over pictures `[3, H, W]`, [`feature`] those over the loss network's features.

pub mod coherence;
pub mod covariance;
pub mod feature;
pub mod gram;
pub mod instance;
pub mod laplacian;
pub mod phase;
pub mod picture;
pub mod similarity;
pub mod sliced;
pub mod ssim;
