//! The painting as a camera for other programs, through the kernel module v4l2loopback.

use super::pixels::yuyv_from_image;
use crate::LiveError;
use crate::studio::{Painted, Studio};
use impasto_core::Image;
use impasto_media::resize;
use linuxvideo::format::{PixFormat, PixelFormat};
use linuxvideo::{BufTypes, Device, VideoOutputDevice};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often a thread that waits for pictures looks whether the studio has stopped.
const LOOK: Duration = Duration::from_millis(100);
/// A device that was lost is tried again after so long.
const WAIT: Duration = Duration::from_secs(2);

/// Checks the device, then writes on a thread of its own.
pub(super) fn run(studio: &Arc<Studio>, path: &Path) -> Result<JoinHandle<()>, LiveError> {
    open(path)?;
    let (studio, mut writer) = (studio.clone(), Writer { path: path.into(), device: None, again: None });
    let work = move || {
        let _looking = studio.looking();
        let mut painted = studio.watch();
        let waiting = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let waiting = waiting.expect("a runtime without files and sockets starts");
        while !studio.is_stopped() {
            let changed = waiting.block_on(async { tokio::time::timeout(LOOK, painted.changed()).await });
            let newest = painted.borrow_and_update().clone();
            if let (Ok(Ok(())), Some(newest)) = (changed, newest) {
                match writer.write(&newest) {
                    Ok(true) => studio.trouble("virtual camera", None),
                    Ok(false) => {}
                    Err(why) => studio.trouble("virtual camera", Some(why.to_string())),
                }
            }
        }
    };
    let thread = std::thread::Builder::new().name("virtual camera".into());
    Ok(thread.spawn(work).expect("the system starts a thread"))
}

fn open(path: &Path) -> Result<Device, LiveError> {
    let failed = |e: io::Error| match e.kind() {
        io::ErrorKind::NotFound => no_loopback(path, "does not exist"),
        _ => LiveError::Camera(super::capture::words(path, &e)),
    };
    let device = Device::open(path).map_err(failed)?;
    let (kinds, about) = (device.supported_buf_types(), device.capabilities());
    let is_loopback = about.is_ok_and(|about| about.driver() == "v4l2 loopback");
    // With `exclusive_caps` it says what it is at the moment: a camera as long as somebody reads what was written.
    match kinds.contains(BufTypes::VIDEO_OUTPUT) || (is_loopback && kinds.contains(BufTypes::VIDEO_CAPTURE)) {
        true => Ok(device),
        false if is_loopback => Err(stuck(path)),
        false => Err(no_loopback(path, "takes no pictures")),
    }
}

/// v4l2loopback 0.12 with `exclusive_caps`, after another program has written to it and ended.
fn stuck(path: &Path) -> LiveError {
    LiveError::Camera(format!(
        "{} takes no pictures since another program has used it; load its module again: \
         sudo modprobe -r v4l2loopback && sudo modprobe v4l2loopback exclusive_caps=1 card_label=Impasto",
        path.display()
    ))
}

fn no_loopback(path: &Path, what: &str) -> LiveError {
    let path = path.display();
    LiveError::Camera(format!(
        "{path} {what}; make a virtual camera first: sudo modprobe v4l2loopback exclusive_caps=1 card_label=Impasto"
    ))
}

/// Writes pictures of one size, that of the first.
struct Writer {
    path: PathBuf,
    device: Option<VideoOutputDevice>,
    /// After a failure: not before this moment.
    again: Option<Instant>,
}

impl Writer {
    /// Writes the picture; `false` where a device that was lost is not tried again yet.
    fn write(&mut self, painted: &Painted) -> Result<bool, LiveError> {
        if self.again.is_some_and(|again| Instant::now() < again) {
            return Ok(false);
        }
        let written = self.written(painted.image());
        if written.is_err() {
            self.device = None;
            self.again = Some(Instant::now() + WAIT);
        }
        written.map(|()| true)
    }

    fn written(&mut self, image: &Image) -> Result<(), LiveError> {
        let failed = |e: io::Error| LiveError::Camera(super::capture::words(&self.path, &e));
        let device = match &mut self.device {
            Some(device) => device,
            none => {
                let (width, height) = (image.width().next_multiple_of(2), image.height().next_multiple_of(2));
                let format = PixFormat::new(width as u32, height as u32, PixelFormat::YUYV);
                none.insert(open(&self.path)?.video_output(format).map_err(failed)?)
            }
        };
        let format = device.format();
        if format.pixel_format() != PixelFormat::YUYV {
            let format = format.pixel_format();
            return Err(LiveError::Camera(format!("{} wants {format} instead of YUYV", self.path.display())));
        }
        let (width, height) = (format.width() as usize & !1, format.height() as usize & !1);
        let bytes = yuyv_from_image(&fitted(image, width, height));
        device.write_all(&bytes).map_err(failed)
    }
}

/// The whole picture in the middle of one of the given size, with black bars where their shapes differ.
fn fitted(image: &Image, width: usize, height: usize) -> Image {
    if (image.width(), image.height()) == (width, height) {
        return image.clone();
    }
    let scale = (width as f32 / image.width() as f32).min(height as f32 / image.height() as f32);
    let side = |px: usize, most: usize| ((px as f32 * scale).round() as usize).clamp(1, most);
    let small = resize::resize(image, side(image.width(), width), side(image.height(), height));
    let (left, top) = ((width - small.width()) / 2, (height - small.height()) / 2);
    Image::from_fn(width, height, |x, y| {
        let inside = x >= left && y >= top && x - left < small.width() && y - top < small.height();
        if inside { small.pixel(x - left, y - top) } else { [0; 3] }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_another_shape_get_bars() {
        let white = Image::from_fn(40, 20, |_, _| [255; 3]);
        let found = fitted(&white, 40, 40);
        assert_eq!(
            (found.pixel(20, 5), found.pixel(20, 20), found.pixel(20, 35)),
            ([0; 3], [255; 3], [0; 3])
        );
        assert_eq!(fitted(&white, 40, 20), white);
        assert_eq!(fitted(&white, 20, 10).pixel(0, 0), [255; 3]);
    }

    #[test]
    fn what_is_no_loopback_is_told_with_the_command() {
        let words = open(Path::new("/dev/no-such-video")).err().unwrap().to_string();
        assert!(words.contains("modprobe v4l2loopback"), "{words}");
    }
}
