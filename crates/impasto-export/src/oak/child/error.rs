//! Why there are no frames, in words that say what to do.

use crate::oak::protocol::{self, Failure};
use std::path::PathBuf;
use std::time::Duration;

/// Why there are no frames.
#[derive(Debug, thiserror::Error)]
pub enum OakError {
    /// The program cannot be started.
    #[error("cannot start {}: {source}; name a Python with `pip install 'depthai>=3,<4' numpy` by --oak-python", .program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// It said nothing for too long at the start.
    #[error("the camera's program said nothing for {} s and was ended{last_words}", .after.as_secs_f32())]
    NoHello {
        /// The duration.
        after: Duration,
        /// Its last words.
        last_words: String,
    },
    /// It speaks another version.
    #[error(
        "the camera's program speaks protocol {found}, and this Impasto {}; export the folder again",
        protocol::VERSION
    )]
    Version {
        /// Its version.
        found: u32,
    },
    /// It ended by itself.
    #[error("the camera's program ended ({status}){last_words}")]
    Ended {
        /// Its exit status.
        status: String,
        /// Its last words.
        last_words: String,
    },
    /// It hangs.
    #[error("the camera's program has been silent for {} s and was ended{last_words}", .after.as_secs_f32())]
    Silent {
        /// The duration.
        after: Duration,
        /// Its last words.
        last_words: String,
    },
    /// It said itself what is wrong.
    #[error("{}", failure_words(.0))]
    Failed(Failure),
    /// It sent something else than messages.
    #[error("the camera's program sent what is no message: {0}")]
    Protocol(String),
    /// The style does not fit the network on the chip.
    #[error(
        "the network on the camera takes a style of {expected} values, found {found}; export the folder again for this model"
    )]
    Style {
        /// The length expected.
        expected: usize,
        /// Length given.
        found: usize,
    },
    /// The caller did not want to wait any longer.
    #[error("was told to stop before the camera's program had started")]
    Interrupted,
}

fn failure_words(failure: &Failure) -> String {
    let next = match failure.code.as_str() {
        "depthai_missing" => {
            "; run `python3 -m pip install 'depthai>=3,<4' numpy`, or name a Python that has them with --oak-python"
        }
        "no_camera" => "; plug the OAK in, on Linux with Luxonis' udev rule, or name it with --oak-device",
        "no_network" => "; compile it as the folder's README says, or use --oak-mode host",
        "camera_lost" => "; check its cable and power",
        _ => "",
    };
    format!("{}{next}", failure.message)
}
