//! Which camera is meant by the word after `--camera`.

mod film;
mod oak;

use anyhow::Result;
use impasto::Stylizer;
use impasto_live::camera::{self, Camera, DemoCamera};
use impasto_live::v4l2::{self, Device};
use impasto_live::{LiveError, Studio};
use impasto_media::video::is_address;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Pictures a second of the demo scene.
const DEMO_FPS: f32 = 24.0;

/// The words about cameras.
#[derive(clap::Args)]
pub struct CameraArgs {
    /// Where frames come from: `browser` (the demo scene until it hands in its own), `demo`, `oak` (a Luxonis OAK), a
    /// film (any file that `impasto video` reads, over and over), a network camera by its address (rtsp://…, http://….mjpg; an installed
    /// ffmpeg opens it), or on Linux a camera by its number N or path
    /// /dev/videoN, or the N-th USB camera, from 0, as `uvc:N`.
    #[arg(long, value_name = "browser|demo|oak|FILE|URL|N|PATH|uvc:N", default_value = "browser")]
    camera: CameraWord,
    /// Size asked of a camera by number or path; it gives the nearest that it has.
    #[arg(long, value_name = "WxH", default_value = "1280x720", value_parser = size)]
    camera_size: (usize, usize),
    /// Size of the demo scene.
    #[arg(long, value_name = "WxH", default_value = "640x360", value_parser = size)]
    demo_size: (usize, usize),
    #[command(flatten)]
    oak: oak::OakArgs,
}

/// Where frames come from, as typed.
#[derive(Clone, Debug, PartialEq)]
enum CameraWord {
    Browser,
    Demo,
    Oak,
    Device(Device),
    Film(PathBuf),
}

impl FromStr for CameraWord {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "browser" => Ok(Self::Browser),
            "demo" => Ok(Self::Demo),
            "oak" => Ok(Self::Oak),
            _ => device(word).map(Self::Device).or_else(|| film(word)).ok_or_else(|| {
                "a camera is `browser`, `demo`, `oak`, a number, a path such as /dev/video0, `uvc:0`, or a film that is there"
                    .into()
            }),
        }
    }
}

/// `0`, `/dev/video0` or `uvc:0`.
fn device(word: &str) -> Option<Device> {
    if let Some(number) = word.strip_prefix("uvc:") {
        return number.parse().ok().map(Device::Usb);
    }
    match word.parse::<u16>() {
        Ok(number) => Some(Device::Path(format!("/dev/video{number}").into())),
        Err(_) => word.starts_with("/dev/").then(|| Device::Path(word.into())),
    }
}

/// A file or folder that is there, or an address.
fn film(word: &str) -> Option<CameraWord> {
    (Path::new(word).exists() || is_address(Path::new(word))).then(|| CameraWord::Film(word.into()))
}

/// WIDTHxHEIGHT of a camera's pictures.
fn size(word: &str) -> Result<(usize, usize), String> {
    let sides = word.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    match sides {
        Some((width, height)) if (16..=3840).contains(&width) && (16..=2160).contains(&height) => {
            Ok((width, height))
        }
        _ => Err("a size is WIDTHxHEIGHT, from 16x16 to 3840x2160".into()),
    }
}

/// Opens the camera, again each time after it was lost.
type Open = Box<dyn FnMut(&Arc<Studio>) -> Result<Box<dyn Camera>, LiveError> + Send>;

/// A camera that was chosen, and how it is opened.
pub struct Chosen {
    name: String,
    /// A page that steers may hand in its own frames instead.
    browser: bool,
    open: Open,
}

impl CameraArgs {
    /// What the words mean. What can be known to be wrong before a camera is opened is an error here.
    pub fn choose(&self, stylizer: &Stylizer) -> Result<Chosen> {
        self.oak.check(self.camera == CameraWord::Oak)?;
        match &self.camera {
            CameraWord::Browser | CameraWord::Demo => Ok(self.demo()),
            CameraWord::Oak => self.oak.choose(stylizer),
            CameraWord::Device(device) => Ok(self.device(device)),
            CameraWord::Film(path) => film::choose(path),
        }
    }

    fn device(&self, device: &Device) -> Chosen {
        let name = match device {
            Device::Path(path) => path.display().to_string(),
            Device::Usb(number) => format!("USB camera {number}"),
        };
        let (device, (width, height)) = (device.clone(), self.camera_size);
        let open = move |_: &Arc<Studio>| v4l2::open(&device, width, height);
        Chosen { name, browser: false, open: Box::new(open) }
    }

    fn demo(&self) -> Chosen {
        let (width, height) = self.demo_size;
        let open = move |_: &Arc<Studio>| -> Result<Box<dyn Camera>, LiveError> {
            Ok(Box::new(DemoCamera::new(width, height, DEMO_FPS)))
        };
        Chosen { name: "demo".into(), browser: self.camera == CameraWord::Browser, open: Box::new(open) }
    }
}

impl Chosen {
    /// Reads the camera on a thread of its own, for as long as the studio lives.
    pub fn start(mut self, studio: &Arc<Studio>) -> JoinHandle<()> {
        let open = {
            let studio = studio.clone();
            move || (self.open)(&studio)
        };
        camera::run(studio, &self.name, self.browser, Box::new(open))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        assert_eq!("demo".parse(), Ok(CameraWord::Demo));
        assert_eq!("oak".parse(), Ok(CameraWord::Oak));
        let path = |path: &str| Ok(CameraWord::Device(Device::Path(path.into())));
        assert_eq!("2".parse(), path("/dev/video2"));
        assert_eq!("/dev/v4l/by-id/usb-cam".parse(), path("/dev/v4l/by-id/usb-cam"));
        assert_eq!("uvc:1".parse(), Ok(CameraWord::Device(Device::Usb(1))));
        for bad in ["cam", "-1", "uvc:", "uvc:x", "70000", ""] {
            assert!(bad.parse::<CameraWord>().is_err(), "{bad}");
        }
        assert_eq!(size("640x360"), Ok((640, 360)));
        for bad in ["640", "0x0", "640x", "99999x20", "axb"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
