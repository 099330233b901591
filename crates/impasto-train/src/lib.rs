//! Impasto's trainer.

pub mod loss;
pub mod walk;
