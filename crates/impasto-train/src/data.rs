//! Pictures for training: folders, crops, and the thread that prepares batches.
//!
//! Everything random is a function of the seed and of a group's number, so that a run can be taken up anywhere.

mod crop;
pub mod drawn;
mod library;
mod loader;

pub use crop::{Augment, add_window, centre_square, crop, window};
pub use library::{Folder, Library, LibraryError};
pub use loader::{Loader, Sampling, Source};
