//! Cameras of Linux (Video4Linux, V4L2), and the other way round: a virtual camera for other programs.
//!
//! [`open`] gives the pictures of a device as a [`Camera`], [`virtual_camera`] writes what is painted to a device of the
//! module v4l2loopback, and [`devices`] tells what is there. On other systems there is nothing, and both say so.

mod devices;
mod pixels;

#[cfg(target_os = "linux")]
mod capture;
#[cfg(target_os = "linux")]
mod choice;
#[cfg(target_os = "linux")]
mod output;

pub use devices::{Device, Found, devices};

use crate::camera::Camera;
use crate::{LiveError, Studio};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Opens a camera whose pictures are to be about `width` x `height` px; the camera has its own sizes, and the nearest is
/// taken.
#[cfg(target_os = "linux")]
pub fn open(device: &Device, width: usize, height: usize) -> Result<Box<dyn Camera>, LiveError> {
    let path = device.path(&devices())?;
    Ok(Box::new(capture::Capture::open(&path, width, height)?))
}

/// Writes what `studio` paints to a device of v4l2loopback, on a thread of its own, until the studio stops. Other programs
/// then see a camera. Its size is that of the first picture; later ones of another size are fitted into it.
#[cfg(target_os = "linux")]
pub fn virtual_camera(studio: &Arc<Studio>, path: &Path) -> Result<JoinHandle<()>, LiveError> {
    output::run(studio, path)
}

#[cfg(not(target_os = "linux"))]
const ELSEWHERE: &str = "cameras by number or path are those of Linux; here take the browser's (--camera browser), and for \
    other programs the page /view in OBS";

/// There are no such cameras on this system.
#[cfg(not(target_os = "linux"))]
pub fn open(_: &Device, _: usize, _: usize) -> Result<Box<dyn Camera>, LiveError> {
    Err(LiveError::Camera(ELSEWHERE.into()))
}

/// There are no such devices on this system.
#[cfg(not(target_os = "linux"))]
pub fn virtual_camera(_: &Arc<Studio>, _: &Path) -> Result<JoinHandle<()>, LiveError> {
    Err(LiveError::Camera(ELSEWHERE.into()))
}
