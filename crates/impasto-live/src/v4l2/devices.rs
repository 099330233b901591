//! Which devices there are, and which one is meant.

use crate::LiveError;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A device of Video4Linux, as a person names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Device {
    /// `/dev/video0`, or a lasting name below `/dev/v4l/by-id`.
    Path(PathBuf),
    /// The n-th USB camera, counted from 0.
    Usb(usize),
}

/// A device that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// `/dev/videoN`.
    pub path: PathBuf,
    /// What its driver calls it.
    pub name: String,
    /// `uvcvideo` for USB cameras.
    pub driver: Option<String>,
    /// Number among the devices of one camera; a camera's pictures come from 0, and what follows is metadata.
    pub index: usize,
}

/// All devices of this machine in the order of their numbers; none where there is no Video4Linux.
pub fn devices() -> Vec<Found> {
    listed(Path::new("/sys/class/video4linux"))
}

fn listed(class: &Path) -> Vec<Found> {
    let Ok(entries) = std::fs::read_dir(class) else { return Vec::new() };
    let number = |name: &str| name.strip_prefix("video")?.parse::<usize>().ok();
    let mut found: Vec<(usize, Found)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            Some((number(&name)?, found(&name, &entry.path())))
        })
        .collect();
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, found)| found).collect()
}

fn found(node: &str, at: &Path) -> Found {
    let text = |file: &str| std::fs::read_to_string(at.join(file)).ok().map(|text| text.trim().to_string());
    let driver = std::fs::canonicalize(at.join("device/driver")).ok();
    Found {
        path: Path::new("/dev").join(node),
        name: text("name").unwrap_or_else(|| "a camera".into()),
        driver: driver.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned())),
        index: text("index").and_then(|text| text.parse().ok()).unwrap_or(0),
    }
}

impl Device {
    /// Where the device is among those that were found.
    pub fn path(&self, devices: &[Found]) -> Result<PathBuf, LiveError> {
        match self {
            Self::Path(path) if path.exists() => Ok(path.clone()),
            Self::Path(path) => {
                Err(LiveError::Camera(format!("there is no {}; {}", path.display(), inventory(devices))))
            }
            Self::Usb(number) => {
                let is_camera =
                    |found: &&Found| found.driver.as_deref() == Some("uvcvideo") && found.index == 0;
                let cameras: Vec<&Found> = devices.iter().filter(is_camera).collect();
                let missing = || {
                    let count = cameras.len();
                    let what = format!("there is no USB camera {number} (counted from 0; {count} are there)");
                    LiveError::Camera(format!("{what}; {}", inventory(devices)))
                };
                cameras.get(*number).map(|found| found.path.clone()).ok_or_else(missing)
            }
        }
    }
}

fn inventory(devices: &[Found]) -> String {
    if devices.is_empty() {
        return "no camera is plugged in".into();
    }
    let names: Vec<String> =
        devices.iter().map(|found| format!("{} ({})", found.path.display(), found.name)).collect();
    format!("there is {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(number: usize, driver: &str, index: usize) -> Found {
        let path = format!("/dev/video{number}").into();
        Found { path, name: format!("Camera {number}"), driver: Some(driver.into()), index }
    }

    #[test]
    fn usb_cameras_are_counted_without_their_metadata() {
        let devices = [
            found(0, "vivid", 0),
            found(1, "uvcvideo", 0),
            found(2, "uvcvideo", 1),
            found(10, "uvcvideo", 0),
        ];
        let path = |number| Device::Usb(number).path(&devices).map(|path| path.display().to_string());
        assert_eq!(path(0).unwrap(), "/dev/video1");
        assert_eq!(path(1).unwrap(), "/dev/video10");
        let words = path(2).unwrap_err().to_string();
        assert!(words.contains("no USB camera 2") && words.contains("/dev/video0 (Camera 0)"), "{words}");
    }

    #[test]
    fn a_missing_device_is_told_with_those_that_are_there() {
        let missing = Device::Path("/dev/no-such-video".into());
        let words = missing.path(&[found(3, "uvcvideo", 0)]).unwrap_err().to_string();
        assert!(words.contains("/dev/no-such-video") && words.contains("/dev/video3 (Camera 3)"), "{words}");
        assert!(missing.path(&[]).unwrap_err().to_string().contains("no camera is plugged in"));
    }

    #[cfg(unix)]
    #[test]
    fn the_systems_list_is_read() {
        let root = std::env::temp_dir().join(format!("impasto-v4l2-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        for (node, name, index) in
            [("video10", "Second\n", "0\n"), ("video2", "First\n", "1\n"), ("vbi0", "No", "0")]
        {
            let at = root.join("class").join(node);
            std::fs::create_dir_all(at.join("device")).unwrap();
            std::fs::write(at.join("name"), name).unwrap();
            std::fs::write(at.join("index"), index).unwrap();
        }
        std::fs::create_dir_all(root.join("drivers/uvcvideo")).unwrap();
        std::os::unix::fs::symlink(root.join("drivers/uvcvideo"), root.join("class/video2/device/driver"))
            .unwrap();
        let devices = listed(&root.join("class"));
        let _ = std::fs::remove_dir_all(&root);
        let names: Vec<&str> = devices.iter().map(|found| found.name.as_str()).collect();
        assert_eq!(names, ["First", "Second"]);
        assert_eq!((devices[0].driver.as_deref(), devices[0].index), (Some("uvcvideo"), 1));
        assert_eq!(
            (devices[1].path.as_path(), devices[1].driver.as_deref()),
            (Path::new("/dev/video10"), None)
        );
        assert_eq!(listed(Path::new("/no/such/folder")), []);
    }
}
