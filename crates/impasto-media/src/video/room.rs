//! Whether a disk has room for a result.

use super::VideoError;
use super::frame::Info;
use super::input::Input;
use super::kind::Kind;
use super::output::OutputOptions;
use super::place::beside;
use crate::error::{Result, name_of};
use std::fs;
use std::path::Path;

/// Bytes that even the emptiest film needs.
const LEAST: u64 = 1 << 16;

/// Refuses a result that surely finds no room: what is counted is the least that it will have.
pub(crate) fn check(
    target: &Path,
    kind: Kind,
    info: &Info,
    input: &Input,
    options: &OutputOptions,
) -> Result<()> {
    let Some(free) = free_bytes(target) else { return Ok(()) };
    let sound = options.sound && kind.has_sound();
    let copied = input.path.as_ref().filter(|_| sound && input.mp4).map_or(0, |_| sound_bytes(input));
    // An earlier run has written some of it.
    let there = fs::metadata(beside(target, "", ".part")).map_or(0, |part| part.len());
    let needed = (least_bytes(kind, info) + copied).saturating_sub(there);
    if needed <= free {
        return Ok(());
    }
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let why = format!(
        "the disk has {} MiB left, and the film needs {} MiB at least; free some space, choose another disk, or use --size",
        mib(free),
        mib(needed)
    );
    Err(VideoError::Unfit { name: name_of(target), why }.into())
}

/// The least that the pictures need, without those that an earlier run wrote.
fn least_bytes(kind: Kind, info: &Info) -> u64 {
    let pixels = (info.width * info.height) as u64 * info.frames.unwrap_or(1);
    match kind {
        Kind::Y4m => pixels + pixels / 2,
        Kind::Gif | Kind::Apng | Kind::Pictures => LEAST.max(pixels / 50),
        // The part and the whole film stand beside each other at the end.
        Kind::Mp4 | Kind::Mov | Kind::Ffmpeg => LEAST.max(pixels / 500),
        Kind::Webp => LEAST.max(pixels / 500),
    }
}

fn sound_bytes(input: &Input) -> u64 {
    let sound = input.path.as_ref().and_then(|path| super::mp4::Sound::open(path, true).ok());
    sound.map_or(0, |sound| sound.bytes())
}

#[cfg(unix)]
fn free_bytes(target: &Path) -> Option<u64> {
    let folder =
        target.ancestors().skip(1).find(|folder| folder.is_dir() || folder.as_os_str().is_empty())?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_counted_for_every_kind() {
        let info = Info { frames: Some(1000), ..Info::of("a".into(), "made", 1000, 1000) };
        assert_eq!(least_bytes(Kind::Y4m, &info), 1_500_000_000);
        assert_eq!(least_bytes(Kind::Mp4, &info), 2_000_000);
        assert_eq!(least_bytes(Kind::Gif, &Info { frames: None, ..info }), LEAST);
    }
}
