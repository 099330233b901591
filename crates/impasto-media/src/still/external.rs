//! AVIF and HEIC through a program that is installed: libheif's, libavif's or ffmpeg.
//!
//! No decoder for them is built in. The file is copied into a folder of our own, the program writes a PNG beside it, and
//! that is read like any other, within the same limits.

use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::colour::{MOST_ICC_BYTES, Profile};
use super::decode::Raw;
use super::{Format, Limits, png};
use crate::error::{Error, Result, plain};

/// A program may take so long for one picture.
const PATIENCE: Duration = Duration::from_secs(120);

/// A program, the formats it reads, and its arguments from `IN` to `OUT`.
struct Tool {
    program: &'static str,
    formats: &'static [Format],
    arguments: &'static [&'static str],
}

/// In the order of preference: libheif turns the picture and keeps its profile, ffmpeg does not always.
const TOOLS: [Tool; 5] = [
    Tool { program: "heif-dec", formats: &[Format::Heif, Format::Avif], arguments: &["IN", "OUT"] },
    Tool { program: "heif-convert", formats: &[Format::Heif, Format::Avif], arguments: &["IN", "OUT"] },
    Tool { program: "avifdec", formats: &[Format::Avif], arguments: &["IN", "OUT"] },
    Tool {
        program: "sips",
        formats: &[Format::Heif, Format::Avif],
        arguments: &["-s", "format", "png", "IN", "--out", "OUT"],
    },
    Tool {
        program: "ffmpeg",
        formats: &[Format::Avif, Format::Heif],
        arguments: &["-v", "error", "-nostdin", "-y", "-i", "IN", "-frames:v", "1", "-update", "1", "OUT"],
    },
];

/// The error for a place where no other program may be started.
pub(super) fn not_read_here(name: &str, format: Format) -> Error {
    Error::NotAPicture { name: name.into(), found: noun(format), remedy: "Convert it to JPEG or PNG first." }
}

fn noun(format: Format) -> &'static str {
    if format == Format::Avif { "an AVIF picture" } else { "a HEIC photo" }
}

/// Decodes a file of `format` with the first program that can.
pub(super) fn decode(bytes: &[u8], name: &str, format: Format, limits: Limits) -> Result<Raw> {
    let folder = Workplace::new().map_err(|cause| Error::Read { name: name.into(), cause })?;
    let input = folder.0.join(if format == Format::Avif { "in.avif" } else { "in.heic" });
    fs::write(&input, bytes).map_err(|cause| Error::Read { name: name.into(), cause })?;
    let mut said = Vec::new();
    for tool in TOOLS.iter().filter(|tool| tool.formats.contains(&format)) {
        let output = folder.0.join(format!("{}.png", tool.program));
        match run(tool, &input, &output) {
            Outcome::Missing => {}
            Outcome::Failed(why) => said.push(format!("{}: {why}", tool.program)),
            Outcome::Done => return read_back(&folder.0, tool, bytes, name, limits),
        }
    }
    let tried = match said.is_empty() {
        true => "none was found".into(),
        false => format!("none that is installed can read it ({})", said.join("; ")),
    };
    Err(Error::NeedsTool { name: name.into(), found: noun(format), tried })
}

/// The PNG that the program wrote: `TOOL.png`, or `TOOL-1.png` where the file holds several pictures.
fn read_back(folder: &Path, tool: &Tool, original: &[u8], name: &str, limits: Limits) -> Result<Raw> {
    let candidates =
        [format!("{}.png", tool.program), format!("{}-1.png", tool.program)].map(|n| folder.join(n));
    let found = candidates.iter().find_map(|path| fs::read(path).ok());
    let bytes =
        found.ok_or_else(|| Error::damaged(name, "picture", format!("{} wrote nothing", tool.program)))?;
    let mut raw = png::decode(&bytes, name, limits)?;
    if matches!(raw.profile, Profile::None) {
        raw.profile = Profile::of_option(profile_in(original));
    }
    // The program has turned the picture by the file's own boxes, whatever the EXIF block says besides.
    raw.orientation = image::metadata::Orientation::NoTransforms;
    Ok(raw)
}

/// The ICC profile in an ISO file's `colr` box.
fn profile_in(bytes: &[u8]) -> Option<Vec<u8>> {
    let head = &bytes[..bytes.len().min(4 << 20)];
    let at = head.windows(8).position(|w| w == b"colrprof" || w == b"colrrICC")?;
    let length = u32::from_be_bytes(head.get(at.checked_sub(4)?..at)?.try_into().ok()?) as usize;
    let icc = bytes.get(at + 8..(at - 4).checked_add(length)?)?;
    (icc.len() <= MOST_ICC_BYTES).then(|| icc.to_vec())
}

/// What became of a program.
enum Outcome {
    Missing,
    Failed(String),
    Done,
}

fn run(tool: &Tool, input: &Path, output: &Path) -> Outcome {
    let mut command = Command::new(tool.program);
    for argument in tool.arguments {
        match *argument {
            "IN" => command.arg(input),
            "OUT" => command.arg(output),
            word => command.arg(word),
        };
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    match command.spawn() {
        Ok(child) => ended(child),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Outcome::Missing,
        Err(e) => Outcome::Failed(plain(e)),
    }
}

/// Waits, but not for ever.
fn ended(mut child: Child) -> Outcome {
    let stderr = child.stderr.take();
    let said = std::thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(stderr) = stderr {
            // More words than this say nothing more.
            let _ = stderr.take(4096).read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_string()
    });
    let until = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Outcome::Done,
            Ok(Some(status)) => {
                let words = said.join().unwrap_or_default();
                return Outcome::Failed(if words.is_empty() { status.to_string() } else { plain(words) });
            }
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                let _ = child.kill().and_then(|()| child.wait().map(drop));
                return Outcome::Failed("it took too long".into());
            }
            Err(e) => return Outcome::Failed(plain(e)),
        }
    }
}

/// A folder that only we can read, and that goes away.
struct Workplace(PathBuf);

impl Workplace {
    fn new() -> std::io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let n = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = env::temp_dir().join(format!("impasto-still-{}-{n}", std::process::id()));
            let mut builder = fs::DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            match builder.create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
