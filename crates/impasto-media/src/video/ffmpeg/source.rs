//! Frames from ffmpeg: RGB through its standard output, times through the `showinfo` filter on its standard error.

use super::{Tools, file_word, last_words, probe};
use crate::error::{Error, Result, name_of};
use crate::still::Limits;
use crate::video::VideoError;
use crate::video::address::words;
use crate::video::canvas::split;
use crate::video::frame::{Color, Frame, Info, Matrix, Pixels, Source};
use crate::video::tone::{Mapper, Primaries, Tone};
use impasto_core::Image;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// Reads a film through ffmpeg. ffmpeg turns it upright, makes interlaced pictures whole, and takes 8 bits of more.
pub struct FfmpegSource {
    form: Form,
    child: Child,
    pixels: BufReader<ChildStdout>,
    told: Receiver<Told>,
    listener: Option<JoinHandle<String>>,
    info: Info,
    /// The next frame's line, which came before its pixels.
    next: Option<Told>,
    last_start: Option<u64>,
    frames: u64,
}

/// What is asked of ffprobe.
const FACTS: &str = "stream=codec_name,pix_fmt,color_space,color_transfer,color_primaries,field_order,\
    avg_frame_rate,nb_frames,height,width:stream_tags=alpha_mode:\
    stream_side_data=max_luminance,max_content:format=duration,format_name";

/// How pixels come through the pipe.
#[derive(Clone)]
enum Form {
    Rgb,
    Rgba,
    /// 16 bits of HDR or wide colours, which are mapped here. As YCbCr: ffmpeg's way to RGB is good for 8 bits only.
    Deep(Box<Mapper>, Matrix),
}

impl Form {
    /// ffmpeg's name, and bytes a pixel.
    fn layout(&self) -> (&'static str, usize) {
        match self {
            Form::Rgb => ("rgb24", 3),
            Form::Rgba => ("rgba", 4),
            Form::Deep(..) => ("yuv444p16le", 6),
        }
    }
}

/// What is decided before ffmpeg is started.
struct Plan {
    form: Form,
    /// A decoder other than the usual one.
    decoder: Option<&'static str>,
    tone: Option<Tone>,
    /// Sound has to be read too, so that both begin where the file says.
    with_sound: bool,
    notes: Vec<String>,
}

impl Plan {
    fn new(path: &Path, tools: &Tools, facts: &HashMap<String, String>) -> Self {
        let fact = |key: &str| facts.get(key).map_or("", String::as_str);
        let tone = tone(facts);
        let mut notes: Vec<String> = tone.iter().map(Tone::note).collect();
        let (mut alpha, mut decoder) = (has_alpha(fact("pix_fmt")), None);
        if facts.iter().any(|(key, value)| key.eq_ignore_ascii_case("TAG:alpha_mode") && value == "1") {
            // Only these decoders read the second picture that holds the opacity.
            let name = if fact("codec_name") == "vp8" { "libvpx" } else { "libvpx-vp9" };
            match tools.has_decoder(name) {
                true => (alpha, decoder) = (true, Some(name)),
                false => {
                    notes.push(format!("Its transparency is left out: this ffmpeg has no decoder {name}."))
                }
            }
        }
        let form = match tone {
            Some(tone) => Form::Deep(Box::new(tone.mapper(1 << 16)), matrix(facts, tone)),
            None if alpha => Form::Rgba,
            None => Form::Rgb,
        };
        if alpha && tone.is_some() {
            notes.push(
                "Its transparency is left out: of HDR and wide colours only opaque ones are read.".into(),
            );
        }
        let with_sound = begins_by_need(fact("format_name")) && tools.has_sound(path);
        Self { form, decoder, tone, with_sound, notes }
    }
}

/// Kinds of file whose tracks begin at any time: ffmpeg lets those that it needs begin at 0.
pub(super) fn begins_by_need(format: &str) -> bool {
    format.split(',').any(|name| matches!(name, "mpegts" | "mpeg" | "mpegtsraw" | "vob" | "hls"))
}

/// HDR or wide colours, with the peak that the file tells.
fn tone(facts: &HashMap<String, String>) -> Option<Tone> {
    let code = |key: &str, known: &[(&str, u8)]| {
        let said = facts.get(key)?;
        known.iter().find(|(name, _)| name == said).map(|(_, code)| *code)
    };
    let transfer = code("color_transfer", &[("smpte2084", 16), ("arib-std-b67", 18)]);
    let primaries = code("color_primaries", &[("bt2020", 9), ("smpte432", 12)]);
    let number = |key: &str| {
        let (n, d) = facts.get(key)?.split_once('/').unwrap_or((facts.get(key)?, "1"));
        Some(n.parse::<f32>().ok()? / d.parse::<f32>().ok()?)
    };
    let peak = number("max_content").filter(|nits| *nits > 0.0).or(number("max_luminance"));
    Tone::of(primaries, transfer).map(|tone| tone.with_peak(peak))
}

/// The matrix of HDR and wide colours: that of the stream, else the one that goes with their primaries.
fn matrix(facts: &HashMap<String, String>, tone: Tone) -> Matrix {
    match (facts.get("color_space").map_or("", String::as_str), tone.primaries) {
        ("bt709", _) => Matrix::Bt709,
        ("smpte170m" | "bt470bg", _) => Matrix::Bt601,
        ("bt2020nc" | "bt2020c", _) | (_, Primaries::Bt2020) => Matrix::Bt2020,
        (_, Primaries::Bt709 | Primaries::DisplayP3) => Matrix::Bt709,
    }
}

fn has_alpha(pixels: &str) -> bool {
    ["yuva", "rgba", "argb", "abgr", "bgra", "gbrap", "ya8", "ya16", "pal8"]
        .iter()
        .any(|start| pixels.starts_with(start))
}

/// What `showinfo` says.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    /// Seconds a tick, as a fraction.
    TimeBase(u64, u64),
    /// A frame.
    Frame { pts: i64, duration: u64, width: usize, height: usize, aspect: (u32, u32) },
}

impl FfmpegSource {
    /// Starts ffmpeg and waits for its first frame.
    pub fn open(path: &Path, tools: &Tools) -> Result<Self> {
        let name = name_of(path);
        let facts: HashMap<_, _> = probe(path, "V:0", FACTS)?.into_iter().collect();
        if !facts.contains_key("codec_name") {
            let found = if tools.has_sound(path) { "it has sound only" } else { "it has no video track" };
            return Err(VideoError::NoVideo { name, found: found.into() }.into());
        }
        let fail = |why: String| VideoError::Ffmpeg { doing: "read", name: name.clone(), why };
        let plan = Plan::new(path, tools, &facts);
        let filters = filters(&facts, &plan.form);
        let mut child = command(path, tools, &plan, &filters).spawn().map_err(|e| fail(e.to_string()))?;
        let pixels = BufReader::with_capacity(1 << 20, child.stdout.take().expect("it is a pipe"));
        let errors = child.stderr.take().expect("it is a pipe");
        let (tell, told) = channel();
        let listen = std::thread::Builder::new().name("ffmpeg's times".into());
        let listener = listen.spawn(move || listen_to(errors, tell)).map_err(|e| fail(e.to_string()))?;
        let (base, first) = match opening(&told) {
            Some(opening) => opening,
            None => {
                let _ = child.wait();
                let words = listener.join().unwrap_or_default();
                return Err(fail(last_words(&words)).into());
            }
        };
        let mut info = info(name, &facts, base, &first)?;
        info.alpha = matches!(plan.form, Form::Rgba);
        info.notes = plan.notes;
        if plan.tone.is_some() {
            info.color = Color::usual(info.width, info.height);
        }
        Ok(Self {
            form: plan.form,
            child,
            pixels,
            told,
            listener: Some(listener),
            info,
            next: Some(first),
            last_start: None,
            frames: 0,
        })
    }

    /// The end of ffmpeg: an error if it was not a good one.
    fn finish(&mut self) -> Result<()> {
        let status = self.child.wait();
        let words = self.listener.take().map(|thread| thread.join().unwrap_or_default()).unwrap_or_default();
        match status {
            Ok(status) if status.success() => Ok(()),
            _ => {
                let (name, why) = (self.info.name.clone(), last_words(&words));
                Err(VideoError::Damaged { name, whole: self.frames, why }.into())
            }
        }
    }
}

impl Source for FfmpegSource {
    fn info(&self) -> &Info {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        let Some(Told::Frame { pts, duration, .. }) = self.next.take() else {
            if self.listener.is_some() {
                self.finish()?;
            }
            return Ok(None);
        };
        let (width, height) = (self.info.width, self.info.height);
        let mut bytes = vec![0; self.form.layout().1 * width * height];
        if self.pixels.read_exact(&mut bytes).is_err() {
            self.finish()?;
            return Err(VideoError::CutShort {
                name: self.info.name.clone(),
                whole: self.frames,
                total: None,
            }
            .into());
        }
        // Blocks until the next frame's line, or ffmpeg's end.
        self.next = self.told.iter().find(|told| matches!(told, Told::Frame { .. }));
        let earliest = self.last_start.map_or(0, |last| last + 1);
        let start = (pts.max(0) as u64).max(earliest);
        self.last_start = Some(start);
        let duration = match &self.next {
            Some(Told::Frame { pts, .. }) => (pts.max(&0).unsigned_abs()).max(start + 1) - start,
            _ if duration > 0 => duration,
            _ => self.info.frame_ticks,
        };
        self.frames += 1;
        let opaque =
            |rgb| Pixels::Rgb(Image::new(width, height, rgb).expect("the length is that of the size"));
        let pixels = match &self.form {
            Form::Rgb => opaque(bytes),
            Form::Rgba => split(&bytes, width, height),
            Form::Deep(mapper, matrix) => opaque(mapper.map_16(&bytes, *matrix)),
        };
        Ok(Some(Frame { pixels, start, duration }))
    }
}

impl Drop for FfmpegSource {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(path: &Path, tools: &Tools, plan: &Plan, filters: &str) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-nostats", "-loglevel", "info"]);
    if let Some(decoder) = plan.decoder {
        command.args(["-c:v", decoder]);
    }
    command.args(words(path, tools.major)).arg("-i").arg(file_word(path));
    command.args(["-map", "0:V:0", "-vf", filters]).args(tools.keep_times());
    command.args(["-f", "rawvideo", "-pix_fmt", plan.form.layout().0, "pipe:1"]);
    if plan.with_sound {
        command.args(["-map", "0:a", "-c", "copy", "-f", "null", "-"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Whole frames, RGB by the matrix that the stream states, or the usual one of its size.
fn filters(facts: &HashMap<String, String>, form: &Form) -> String {
    let pixels = form.layout().0;
    let fact = |key: &str| facts.get(key).map_or("", String::as_str);
    let mut filters = String::new();
    if !matches!(fact("field_order"), "progressive" | "unknown" | "") {
        filters.push_str("yadif,");
    }
    let side = |key| fact(key).parse().unwrap_or(0);
    let matrix = match (form, fact("color_space"), Color::usual(side("width"), side("height")).matrix) {
        // One matrix in and out: chroma alone is spread.
        (Form::Deep(_, Matrix::Bt601), ..) => "in_color_matrix=bt601:out_color_matrix=bt601:out_range=tv:",
        (Form::Deep(_, Matrix::Bt709), ..) => "in_color_matrix=bt709:out_color_matrix=bt709:out_range=tv:",
        (Form::Deep(_, Matrix::Bt2020), ..) => "in_color_matrix=bt2020:out_color_matrix=bt2020:out_range=tv:",
        (_, "unknown" | "", Matrix::Bt601) => "in_color_matrix=bt601:",
        (_, "unknown" | "", _) => "in_color_matrix=bt709:",
        _ => "",
    };
    filters
        + "scale="
        + matrix
        + "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp,format="
        + pixels
        + ",showinfo=checksum=0"
}

/// Passes on what `showinfo` says; gives the other lines at the end.
fn listen_to(errors: ChildStderr, tell: Sender<Told>) -> String {
    let mut words = String::new();
    for line in BufReader::new(errors).split(b'\n').map_while(std::result::Result::ok) {
        let line = String::from_utf8_lossy(&line);
        match line.contains("Parsed_showinfo") {
            // Nobody listens any more when the film is dropped.
            true => drop(told(&line).map(|told| tell.send(told))),
            false => {
                words.push_str(&line);
                words.push('\n');
                if words.len() > 1 << 16 {
                    words.drain(
                        ..words.len() / 2
                            + (0..4).find(|&i| words.is_char_boundary(words.len() / 2 + i)).unwrap_or(0),
                    );
                }
            }
        }
    }
    words
}

fn told(line: &str) -> Option<Told> {
    if let Some(rest) = line.split("config in time_base: ").nth(1) {
        let (n, d) = rest.split(',').next()?.split_once('/')?;
        return Some(Told::TimeBase(n.trim().parse().ok()?, d.trim().parse().ok()?));
    }
    let value = |key: &str| {
        let after = &line[line.find(key)? + key.len()..];
        after.trim_start().split([' ', ']']).next()
    };
    let (width, height) = value(" s:")?.split_once('x')?;
    let pts = value(" pts:")?.parse().ok()?;
    let aspect = value(" sar:")
        .and_then(|a| a.split_once('/'))
        .and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    let aspect = aspect.filter(|a| a.0 > 0 && a.1 > 0).unwrap_or((1, 1));
    let duration = value(" duration:").and_then(|d| d.parse().ok()).unwrap_or(0);
    Some(Told::Frame { pts, duration, width: width.parse().ok()?, height: height.parse().ok()?, aspect })
}

/// The time base and the first frame.
fn opening(told: &Receiver<Told>) -> Option<((u64, u64), Told)> {
    let mut base = None;
    for said in told {
        match said {
            Told::TimeBase(n, d) => base = Some((n, d)),
            frame => return base.map(|base| (base, frame)),
        }
    }
    None
}

fn info(name: String, facts: &HashMap<String, String>, base: (u64, u64), first: &Told) -> Result<Info> {
    let &Told::Frame { width, height, aspect, .. } = first else {
        unreachable!("the opening ends with a frame")
    };
    Limits::default().check(&name, width, height)?;
    let fact = |key: &str| facts.get(key).map_or("", String::as_str);
    let rate = fact("avg_frame_rate")
        .split_once('/')
        .and_then(|(n, d)| Some(n.parse::<f64>().ok()? / d.parse::<f64>().ok()?));
    let rate = rate.filter(|rate| rate.is_finite() && *rate > 0.0).unwrap_or(25.0);
    // Ticks of 1/d seconds where the base is one, else finer ones that never round.
    let timescale = match base {
        (1, d) => u32::try_from(d).ok(),
        _ => None,
    };
    let Some(timescale) = timescale.filter(|&scale| scale > 0) else {
        let why = format!("its time base {}/{} cannot be kept", base.0, base.1);
        return Err(Error::from(VideoError::Ffmpeg { doing: "read", name, why }));
    };
    let seconds: Option<f64> = fact("duration").parse().ok();
    let counted = fact("nb_frames").parse().ok().or(seconds.map(|s| (s * rate).round() as u64));
    Ok(Info {
        name,
        format: format!(
            "{}, {}, through ffmpeg",
            fact("format_name").split(',').next().unwrap_or("?"),
            fact("codec_name")
        ),
        pixel_aspect: aspect,
        timescale,
        frame_ticks: ((f64::from(timescale) / rate).round() as u64).max(1),
        frames: counted.filter(|&frames| frames > 0),
        ..Info::of(String::new(), "", width, height)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_old_and_new_versions_are_read() {
        let config = "[Parsed_showinfo_2 @ 0x55] config in time_base: 1/12800, frame_rate: 25/1";
        assert_eq!(told(config), Some(Told::TimeBase(1, 12_800)));
        let old = "[Parsed_showinfo_0 @ 0x5] n:   1 pts:    512 pts_time:0.04    pos:     9 fmt:rgb24 sar:4/3 s:64x48 i:P iskey:0 type:P ";
        let new = "[Parsed_showinfo_0 @ 0x5] n:   1 pts:    512 pts_time:0.04    duration:    512 duration_time:0.04 fmt:rgb24 cl:unspecified sar:4/3 s:64x48 i:P";
        let frame = |duration| Told::Frame { pts: 512, duration, width: 64, height: 48, aspect: (4, 3) };
        assert_eq!((told(old), told(new)), (Some(frame(0)), Some(frame(512))));
        assert_eq!(told("[Parsed_showinfo_0 @ 0x5] color_range:tv"), None);
    }

    #[test]
    fn an_unknown_matrix_is_the_usual_one() {
        let facts =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let small = filters(
            &facts(&[("width", "640"), ("height", "360"), ("field_order", "progressive")]),
            &Form::Rgb,
        );
        assert!(small.contains("in_color_matrix=bt601") && !small.contains("yadif"));
        let large =
            filters(&facts(&[("width", "1920"), ("height", "1080"), ("field_order", "tt")]), &Form::Rgb);
        assert!(large.contains("in_color_matrix=bt709") && large.contains("yadif"));
        assert!(!filters(&facts(&[("color_space", "bt709")]), &Form::Rgb).contains("in_color_matrix"));
        let tone = Tone::of(Some(9), Some(16)).unwrap();
        let deep = Form::Deep(Box::new(tone.mapper(256)), matrix(&facts(&[]), tone));
        assert!(filters(&facts(&[]), &deep).contains("in_color_matrix=bt2020:out_color_matrix=bt2020"));
    }
}
