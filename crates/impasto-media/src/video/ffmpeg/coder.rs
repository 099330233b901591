//! H.264 from an encoder of ffmpeg's, for sizes that the built-in one refuses and for encoders that a person asks for.

use super::last_words;
use crate::video::frame::{Color, Matrix, Planes};
use crate::video::mp4::{AvcConfig, Coder, Encoded};
use std::io::{BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::JoinHandle;

/// ffmpeg's own H.264 encoder in most builds.
pub(crate) const USUAL: &str = "libx264";
/// The graphics card that VA-API encoders run on.
const VAAPI_DEVICE: &str = "/dev/dri/renderD128";

/// Codes the frames between two checkpoints in one run of ffmpeg; what comes out depends on these frames alone.
pub(crate) struct FfmpegCoder {
    words: Vec<String>,
    running: Option<Running>,
    avc: AvcConfig,
}

struct Running {
    child: Child,
    frames: Option<ChildStdin>,
    stream: JoinHandle<std::io::Result<Vec<u8>>>,
    errors: JoinHandle<String>,
    count: usize,
}

impl FfmpegCoder {
    /// `width` and `height` are even; `quantiser` is `1..=51`.
    pub fn new(encoder: &str, width: usize, height: usize, hz: f64, quantiser: u8, color: Color) -> Self {
        let size = format!("{width}x{height}");
        let rate = format!("{hz:.4}");
        let q = quantiser.to_string();
        let mut words: Vec<String> =
            ["-hide_banner", "-nostats", "-v", "error"].iter().map(|word| word.to_string()).collect();
        let mut add = |more: &[&str]| words.extend(more.iter().map(|word| word.to_string()));
        let vaapi = encoder.ends_with("_vaapi");
        if vaapi {
            add(&["-vaapi_device", VAAPI_DEVICE]);
        }
        add(&["-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", &size, "-framerate", &rate]);
        add(&["-i", "pipe:0", "-an", "-c:v", encoder]);
        if vaapi {
            add(&["-vf", "format=nv12,hwupload"]);
        }
        match encoder {
            // As many threads everywhere: their number changes what x264 makes.
            USUAL => add(&["-crf", &q, "-preset", "medium", "-threads", "4", "-pix_fmt", "yuv420p"]),
            _ if encoder.ends_with("_nvenc") => add(&["-rc", "constqp", "-qp", &q]),
            _ if encoder.ends_with("_videotoolbox") => add(&["-q:v", &(100 - 2 * quantiser).to_string()]),
            _ => add(&["-qp", &q]),
        }
        let matrix = match color.matrix {
            Matrix::Bt601 => "smpte170m",
            Matrix::Bt709 => "bt709",
            Matrix::Bt2020 => "bt2020nc",
        };
        add(&["-colorspace", matrix, "-color_range", if color.full { "pc" } else { "tv" }]);
        // In the order of showing; every picture behind a delimiter, by which the stream is cut.
        add(&["-bf", "0", "-g", "600", "-bsf:v", "h264_metadata=aud=insert", "-f", "h264", "pipe:1"]);
        let avc = AvcConfig { length_bytes: 4, sps: Vec::new(), pps: Vec::new() };
        Self { words, running: None, avc }
    }

    fn start(&self) -> Result<Running, String> {
        let mut command = Command::new("ffmpeg");
        command.args(&self.words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| format!("ffmpeg cannot be started: {e}"))?;
        let frames = child.stdin.take();
        let (mut out, errors) =
            (child.stdout.take().expect("it is a pipe"), child.stderr.take().expect("it is a pipe"));
        let stream = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            out.read_to_end(&mut bytes).map(|_| bytes)
        });
        let errors = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = BufReader::new(errors).take(1 << 16).read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Ok(Running { child, frames, stream, errors, count: 0 })
    }

    fn take_parameters(&mut self, sets: Vec<Vec<u8>>) {
        for set in sets {
            let list = if set[0] & 31 == 7 { &mut self.avc.sps } else { &mut self.avc.pps };
            if !list.contains(&set) {
                list.push(set);
            }
        }
    }
}

impl Coder for FfmpegCoder {
    fn push(&mut self, planes: &Planes) -> Result<Vec<Encoded>, String> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.start()?,
        };
        let pipe = running.frames.as_mut().expect("it is open until the end");
        let wrote = [&planes.y, &planes.u, &planes.v].iter().try_for_each(|plane| pipe.write_all(plane));
        running.count += 1;
        match wrote {
            Ok(()) => {
                self.running = Some(running);
                Ok(Vec::new())
            }
            // It has ended; its last words say why.
            Err(_) => Err(running.end().err().unwrap_or_else(|| "ffmpeg takes no frames any more".into())),
        }
    }

    fn end(&mut self) -> Result<Vec<Encoded>, String> {
        let Some(running) = self.running.take() else { return Ok(Vec::new()) };
        let count = running.count;
        let stream = running.end()?;
        let (frames, sets) = frames_of(&stream);
        if frames.len() != count {
            return Err(format!("ffmpeg made {} frames of {count}", frames.len()));
        }
        self.take_parameters(sets);
        Ok(frames)
    }

    fn config(&self) -> &AvcConfig {
        &self.avc
    }
}

impl Running {
    /// What came out, or ffmpeg's last words.
    fn end(mut self) -> Result<Vec<u8>, String> {
        drop(self.frames.take());
        let status = self.child.wait();
        let (stream, words) = (self.stream.join(), self.errors.join().unwrap_or_default());
        match (status, stream) {
            (Ok(status), Ok(Ok(stream))) if status.success() => Ok(stream),
            _ => Err(last_words(&words)),
        }
    }
}

/// The pictures of a stream, each begun by a delimiter, as samples; and its parameter sets.
fn frames_of(stream: &[u8]) -> (Vec<Encoded>, Vec<Vec<u8>>) {
    let (mut frames, mut sets) = (Vec::<Encoded>::new(), Vec::new());
    for unit in units(stream) {
        match unit[0] & 31 {
            9 => frames.push(Encoded { bytes: Vec::new(), key: false }),
            7 | 8 => sets.push(unit.to_vec()),
            // Hints of the encoder's, such as its own name.
            6 | 12 => {}
            kind => {
                let Some(frame) = frames.last_mut() else { continue };
                frame.key |= kind == 5;
                frame.bytes.extend((unit.len() as u32).to_be_bytes());
                frame.bytes.extend(unit);
            }
        }
    }
    (frames, sets)
}

/// NAL units between start codes.
fn units(stream: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<usize> = (0..stream.len().saturating_sub(2))
        .filter(|&at| stream[at..at + 3] == [0, 0, 1])
        .map(|at| at + 3)
        .collect();
    let ends = starts.iter().skip(1).map(|next| next - 3).chain([stream.len()]);
    let unit = |(&start, end): (&usize, usize)| {
        let unit = &stream[start..end];
        let zeros = unit.iter().rev().take_while(|&&byte| byte == 0).count();
        &unit[..unit.len() - zeros]
    };
    starts.iter().zip(ends).map(unit).filter(|unit| !unit.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_at_its_delimiters() {
        let stream = [
            &[0, 0, 0, 1, 9, 0x10][..],
            &[0, 0, 0, 1, 0x67, 66, 0, 30],
            &[0, 0, 1, 0x68, 1],
            &[0, 0, 1, 6, 5, 5],
            &[0, 0, 1, 0x65, 7, 8, 0, 0, 0, 1, 9, 0x30],
            &[0, 0, 1, 0x41, 3, 0, 0, 1, 0x41, 4],
        ]
        .concat();
        let (frames, sets) = frames_of(&stream);
        assert_eq!(sets, [vec![0x67, 66, 0, 30], vec![0x68, 1]]);
        let shown: Vec<_> = frames.iter().map(|f| (f.key, f.bytes.clone())).collect();
        assert_eq!(shown[0], (true, vec![0, 0, 0, 3, 0x65, 7, 8]));
        assert_eq!(shown[1], (false, vec![0, 0, 0, 2, 0x41, 3, 0, 0, 0, 2, 0x41, 4]));
    }
}
