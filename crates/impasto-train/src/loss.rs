//! Losses. Each gives its value, unweighted, and adds `weight` times its gradient.
//!
//! [`picture`] has those over pictures `[3, H, W]`, [`feature`] those over the loss network's features.

pub mod feature;
pub mod picture;
pub mod ssim;
