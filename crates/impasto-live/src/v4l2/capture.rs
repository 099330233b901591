//! A camera of Video4Linux.

use super::choice::{best, offers};
use super::pixels::{Layout, PixelKind};
use crate::LiveError;
use crate::camera::Camera;
use impasto_core::Image;
use linuxvideo::format::PixFormat;
use linuxvideo::stream::ReadStream;
use linuxvideo::{BufType, Device};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A camera that gives nothing for so long is opened again.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many pictures in a row may be damaged: cheap cables lose some.
const MOST_DAMAGED: usize = 30;

/// A device at work.
pub(super) struct Capture {
    path: PathBuf,
    stream: ReadStream,
    layout: Layout,
    newest: Vec<u8>,
}

impl Capture {
    /// Opens the device, at its size nearest to `width` x `height` px.
    pub fn open(path: &Path, width: usize, height: usize) -> Result<Self, LiveError> {
        let failed = |e: io::Error| LiveError::Camera(words(path, &e));
        let device = Device::open(path).map_err(failed)?;
        if !device.supported_buf_types().contains(linuxvideo::BufTypes::VIDEO_CAPTURE) {
            return Err(no_pictures(path));
        }
        let asked = (width as u32, height as u32);
        let offer = best(offers(&device, asked), asked).ok_or_else(|| unreadable(path, &device))?;
        let wanted = PixFormat::new(offer.width, offer.height, offer.format);
        let capture = device.video_capture(wanted).map_err(failed)?;
        let format = capture.format();
        let kind = PixelKind::of(format.pixel_format().as_fourcc());
        let layout = Layout {
            kind: kind.ok_or_else(|| LiveError::Camera(format!("{} changed its format", path.display())))?,
            width: format.width() as usize,
            height: format.height() as usize,
            stride: format.bytes_per_line() as usize,
        };
        let stream = capture.into_stream().map_err(failed)?;
        Ok(Self { path: path.into(), stream, layout, newest: Vec::new() })
    }

    /// Waits for a picture and takes the newest there is.
    fn take(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            wait_until_readable(&self.stream, deadline)?;
            let mut is_whole = self.dequeue()?;
            while !self.stream.will_block()? {
                is_whole = self.dequeue()?;
            }
            if is_whole {
                return Ok(());
            }
        }
    }

    /// Copies the picture that waits; false if the driver says that it is damaged.
    fn dequeue(&mut self) -> io::Result<bool> {
        let newest = &mut self.newest;
        self.stream.dequeue(|view| {
            newest.clear();
            newest.extend_from_slice(&view);
            Ok(!view.is_error() && !view.is_empty())
        })
    }
}

impl Camera for Capture {
    fn next(&mut self) -> Result<Option<Image>, LiveError> {
        let mut last = None;
        for _ in 0..MOST_DAMAGED {
            self.take().map_err(|e| LiveError::Camera(words(&self.path, &e)))?;
            match self.layout.image(&self.newest) {
                Ok(image) => return Ok(Some(image)),
                Err(why) => last = Some(why),
            }
        }
        let why = last.map_or(String::new(), |why| format!(" ({why})"));
        Err(LiveError::Camera(format!("{} gives damaged pictures only{why}", self.path.display())))
    }
}

fn wait_until_readable(stream: &ReadStream, deadline: Instant) -> io::Result<()> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ };
        let mut fds = [PollFd::new(stream, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            // An error that waits is told by the next call, in better words than here.
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

fn no_pictures(path: &Path) -> LiveError {
    let path = path.display();
    LiveError::Camera(format!(
        "{path} gives no pictures; a camera often has a second device for other data, try the number below"
    ))
}

fn unreadable(path: &Path, device: &Device) -> LiveError {
    let formats = device.formats(BufType::VIDEO_CAPTURE).map_while(Result::ok);
    let names: Vec<String> = formats.map(|format| format.pixel_format().to_string()).collect();
    let names = if names.is_empty() { "nothing".into() } else { names.join(", ") };
    LiveError::Camera(format!("{} offers {names}; YUYV, UYVY, NV12 or MJPG is needed", path.display()))
}

/// What the system's error means to a person.
pub(super) fn words(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NODEV | Errno::NXIO | Errno::NOENT) => format!("{path} is gone; plug it in again"),
        Some(Errno::BUSY) => format!("{path} is in use by another program; close that"),
        Some(Errno::ACCESS | Errno::PERM) => {
            format!(
                "{path} may not be opened; join its group (sudo usermod -aG video $USER) and log in again"
            )
        }
        Some(Errno::NOTTY) => format!("{path} is no video device"),
        _ if error.kind() == io::ErrorKind::TimedOut => {
            format!("{path} has given no picture for {} s", PATIENCE.as_secs())
        }
        _ => format!("{path}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_camera_is_told() {
        let words = |path: &str| Capture::open(Path::new(path), 640, 480).err().unwrap().to_string();
        assert!(words("/dev/null").contains("no video device"), "{}", words("/dev/null"));
        assert!(words("/dev/no-such-video").contains("is gone"), "{}", words("/dev/no-such-video"));
    }

    #[test]
    fn the_systems_errors_say_what_to_do() {
        let words = |errno: Errno| words(Path::new("/dev/video0"), &errno.into());
        assert!(words(Errno::NODEV).contains("plug it in again"));
        assert!(words(Errno::BUSY).contains("another program"));
        assert!(words(Errno::ACCESS).contains("usermod"));
        assert!(words(Errno::IO).starts_with("/dev/video0: "));
    }
}
