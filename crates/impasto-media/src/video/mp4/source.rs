//! The frames of an MP4 or MOV file with H.264.

use super::edit::{self, Window};
use super::entry::{VideoEntry, entries, matrix_of};
use super::h264::{self, Decoder};
use super::movie::{Kind, Movie, Track};
use super::sps::{Codes, Sps};
use super::table::Sample;
use crate::error::{Error, Result, name_of};
use crate::still::Limits;
use crate::video::VideoError;
use crate::video::frame::{Color, Frame, Info, Pixels, Planes, Rotation, Source};
use crate::video::tone::Tone;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// A larger sample is not believed.
const MAX_SAMPLE_BYTES: u32 = 1 << 28;

/// Decodes an MP4 or MOV file.
pub struct Mp4Source {
    file: File,
    info: Info,
    samples: Vec<Sample>,
    entries: Vec<VideoEntry>,
    decoder: Decoder,
    /// When the frames are shown, in the order in which they are; `None` where an edit list hides one.
    times: Vec<Option<(u64, u64)>>,
    ready: VecDeque<Planes>,
    read: usize,
    entry: Option<u16>,
    out: usize,
    given: u64,
    announced: Option<u64>,
    end: Option<End>,
}

/// How the file ended.
enum End {
    Whole,
    CutShort,
    Damaged(String),
}

/// Why the built-in backend cannot read a file that may be good: something for ffmpeg, as a noun phrase.
pub enum Opened {
    /// It can.
    Source(Box<Mp4Source>),
    /// It cannot.
    NotBuiltIn(String),
}

impl Mp4Source {
    /// Opens a file, or says what the built-in decoder lacks for it.
    pub fn open(path: &Path) -> Result<Opened> {
        let name = name_of(path);
        let movie = Movie::open(path, &name)?;
        let Some(track) = movie.video() else { return Err(no_video(&movie, name)) };
        match Plan::new(track, &movie, &name)? {
            Ok(plan) => Self::try_first(Self::start(path, track, &movie, plan)?),
            Err(why) => Ok(Opened::NotBuiltIn(why)),
        }
    }

    /// Decodes up to the first picture: what the decoder refuses from the start on is for ffmpeg, whatever the parameters say.
    fn try_first(mut source: Self) -> Result<Opened> {
        source.advance()?;
        let begins_with = match (&source.end, source.ready.is_empty()) {
            (Some(End::Damaged(why)), true) => why.clone(),
            _ => return Ok(Opened::Source(Box::new(source))),
        };
        Ok(Opened::NotBuiltIn(format!("H.264 that the built-in decoder refuses ({begins_with})")))
    }

    fn start(path: &Path, track: &Track, movie: &Movie, plan: Plan) -> Result<Self> {
        let name = name_of(path);
        let file = File::open(path).map_err(|e| Error::read(path, e))?;
        let inside = |s: &&Sample| s.offset.saturating_add(u64::from(s.size)) <= movie.bytes;
        let whole = track.samples.iter().take_while(inside).count();
        let times = times(&track.samples[..whole], track.first_decode as i64, &plan.window);
        let all = self::times(&track.samples, track.first_decode as i64, &plan.window);
        let announced = all.iter().flatten().count() as u64;
        let (width, height) = plan.shown;
        let info = Info {
            rotation: plan.rotation,
            pixel_aspect: plan.aspect,
            timescale: track.timescale,
            frame_ticks: usual_duration(&track.samples),
            frames: Some(times.iter().flatten().count() as u64),
            color: plan.color,
            tone: plan.tone,
            notes: plan.tone.iter().map(Tone::note).collect(),
            ..Info::of(name, if movie.quicktime { "MOV, H.264" } else { "MP4, H.264" }, width, height)
        };
        let why = |why| VideoError::Damaged { name: info.name.clone(), whole: 0, why };
        let decoder = Decoder::new(plan.color).map_err(why)?;
        Ok(Self {
            file,
            info,
            samples: track.samples[..whole].to_vec(),
            entries: plan.entries,
            decoder,
            times,
            ready: VecDeque::new(),
            read: 0,
            entry: None,
            out: 0,
            given: 0,
            announced: (whole < track.samples.len()).then_some(announced),
            end: None,
        })
    }

    /// Decodes until a picture is ready, or the file has ended.
    fn advance(&mut self) -> Result<()> {
        while self.ready.is_empty() && self.end.is_none() {
            let Some(sample) = self.samples.get(self.read).copied() else {
                let cut = self.announced.is_some();
                self.stop(if cut { End::CutShort } else { End::Whole });
                break;
            };
            self.read += 1;
            match self.decode(&sample)? {
                Ok(planes) => self.ready.extend(planes),
                Err(why) => self.stop(End::Damaged(why)),
            }
        }
        Ok(())
    }

    fn stop(&mut self, end: End) {
        let left = self.decoder.finish();
        self.end = Some(match (left, end) {
            (Ok(left), end) => {
                self.ready.extend(left);
                end
            }
            (Err(why), End::Whole) => End::Damaged(why),
            (Err(_), end) => end,
        });
    }

    fn decode(&mut self, sample: &Sample) -> Result<std::result::Result<Option<Planes>, String>> {
        if sample.size > MAX_SAMPLE_BYTES {
            return Ok(Err(format!("a frame claims to have {} bytes", sample.size)));
        }
        if self.entry != Some(sample.entry) {
            self.entry = Some(sample.entry);
            if let Some(avc) = self.entries.get(usize::from(sample.entry)).and_then(|e| e.avc.as_ref()) {
                self.decoder.configure(avc);
            }
        }
        let mut bytes = vec![0; sample.size as usize];
        let read =
            self.file.seek(SeekFrom::Start(sample.offset)).and_then(|_| self.file.read_exact(&mut bytes));
        match read {
            Ok(()) => Ok(self.decoder.decode(&bytes)),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(Err("the file became shorter".into())),
            Err(cause) => Err(Error::Read { name: self.info.name.clone(), cause }),
        }
    }

    /// What is to be said at the end.
    fn verdict(&mut self) -> Result<Option<Frame>> {
        let (name, whole) = (self.info.name.clone(), self.given);
        match self.end.take().unwrap_or(End::Whole) {
            End::Whole if self.out < self.times.len() => {
                let why = format!("{} of its frames cannot be decoded", self.times.len() - self.out);
                self.end = Some(End::Whole);
                self.out = self.times.len();
                Err(VideoError::Damaged { name, whole, why }.into())
            }
            End::Whole => Ok(None),
            End::CutShort => Err(VideoError::CutShort { name, whole, total: self.announced }.into()),
            End::Damaged(why) => Err(VideoError::Damaged { name, whole, why }.into()),
        }
    }
}

impl Source for Mp4Source {
    fn info(&self) -> &Info {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        loop {
            self.advance()?;
            let Some(planes) = self.ready.pop_front() else { return self.verdict() };
            let time = self.times.get(self.out).copied().flatten();
            self.out += 1;
            if let Some((start, duration)) = time {
                self.given += 1;
                return Ok(Some(Frame { pixels: Pixels::Yuv(cropped(planes, &self.info)), start, duration }));
            }
        }
    }
}

/// The planes without what a clean aperture leaves out at the right and below.
fn cropped(planes: Planes, info: &Info) -> Planes {
    let (mut width, mut height) = (info.width, info.height);
    if info.rotation.turns_sides() {
        (width, height) = (height, width);
    }
    let one_less = |have: usize, want: usize| have == want || have == want + 1;
    if (planes.width, planes.height) == (width, height)
        || !one_less(planes.width, width)
        || !one_less(planes.height, height)
    {
        return planes;
    }
    let cut = |plane: &[u8], stride: usize, size: (usize, usize)| -> Vec<u8> {
        plane.chunks(stride).take(size.1).flat_map(|row| &row[..size.0]).copied().collect()
    };
    let (from, to) = (planes.chroma.plane(planes.width, planes.height), planes.chroma.plane(width, height));
    Planes {
        y: cut(&planes.y, planes.width, (width, height)),
        u: cut(&planes.u, from.0, to),
        v: cut(&planes.v, from.0, to),
        width,
        height,
        ..planes
    }
}

fn no_video(movie: &Movie, name: String) -> Error {
    let sound = movie.tracks.iter().any(|t| t.kind == Kind::Sound);
    let found = if sound { "it has sound only" } else { "it has no video track" };
    VideoError::NoVideo { name, found: found.into() }.into()
}

/// Ticks of the most common frame.
fn usual_duration(samples: &[Sample]) -> u64 {
    let mut durations: Vec<_> = samples.iter().map(|s| s.duration).filter(|&d| d > 0).collect();
    durations.sort_unstable();
    durations.get(durations.len() / 2).map_or(1, |&d| u64::from(d))
}

/// Start and duration of every frame in the order of showing; `None` for frames outside the window.
fn times(samples: &[Sample], first_decode: i64, window: &Window) -> Vec<Option<(u64, u64)>> {
    let mut decode = first_decode;
    let mut shown: Vec<(i64, i64)> = Vec::with_capacity(samples.len());
    for sample in samples {
        shown.push((decode + i64::from(sample.composition), i64::from(sample.duration)));
        decode += i64::from(sample.duration);
    }
    shown.sort_unstable();
    let last = window.length.map_or(i64::MAX, |length| window.delay.saturating_add(length));
    let usual = usual_duration(samples) as i64;
    let mut times = Vec::with_capacity(shown.len());
    // Where the first frame that begins inside follows on one that is left out, it is shown from the beginning on.
    let mut opening = None;
    for i in 0..shown.len() {
        let start = window.delay + shown[i].0 - window.from;
        let natural =
            shown.get(i + 1).map_or(start + shown[i].1.max(1), |next| window.delay + next.0 - window.from);
        let before = natural <= window.delay || is_cut_away(start, natural, usual, window);
        let hidden = before || start.saturating_add(window.slack) > last || natural <= start;
        let end = if (natural - last).abs() <= window.slack { natural } else { natural.min(last) };
        if before {
            opening = Some(window.delay);
        }
        if hidden {
            times.push(None);
            continue;
        }
        let start = opening.take().unwrap_or(start.max(window.delay));
        times.push((end > start).then(|| (start as u64, (end - start) as u64)));
    }
    times
}

/// Players leave a frame out that begins before the window. One that lasts longer than usual is what is seen until the next: it stays.
fn is_cut_away(start: i64, end: i64, usual: i64, window: &Window) -> bool {
    start + window.slack.min(usual / 2) < window.delay && end - window.delay <= usual
}

/// What is decided from a track before it is decoded.
struct Plan {
    entries: Vec<VideoEntry>,
    window: Window,
    rotation: Rotation,
    /// Upright.
    shown: (usize, usize),
    aspect: (u32, u32),
    color: Color,
    tone: Option<Tone>,
}

impl Plan {
    /// The plan, or what the built-in decoder lacks.
    fn new(track: &Track, movie: &Movie, name: &str) -> Result<std::result::Result<Self, String>> {
        let entries: Vec<_> =
            entries(&track.stsd).filter_map(|(codec, body)| VideoEntry::read(codec, body)).collect();
        let why = || "its video track is not described".into();
        let entry =
            entries.first().ok_or_else(|| VideoError::Damaged { name: name.into(), whole: 0, why: why() })?;
        let sps = match decodable(&entries, entry) {
            Ok(sps) => sps,
            Err(why) => return Ok(Err(why)),
        };
        Limits::default().check(name, sps.width, sps.height)?;
        let Some(window) = edit::window(&track.edits, track.timescale, movie.timescale) else {
            return Ok(Err("an edit list with cuts".into()));
        };
        let Some(rotation) = rotation(&product(&track.matrix, &movie.matrix)) else {
            return Ok(Err("a picture that is mirrored or slanted".into()));
        };
        let (mut shown, mut aspect) = (shown(entry, &sps), entry.aspect.or(sps.aspect).unwrap_or((1, 1)));
        if rotation.turns_sides() {
            (shown, aspect) = ((shown.1, shown.0), (aspect.1, aspect.0));
        }
        let color = color(entry, &sps);
        let told = |code: fn(&Codes) -> Option<u8>| {
            entry.colr.as_ref().and_then(|(codes, _)| code(codes)).or(code(&sps.color))
        };
        let tone = Tone::of(told(|codes| codes.primaries), told(|codes| codes.transfer));
        Ok(Ok(Self { entries, window, rotation, shown, aspect, color, tone }))
    }
}

/// The facts of a stream that the built-in decoder can do, or what it lacks.
fn decodable(entries: &[VideoEntry], entry: &VideoEntry) -> std::result::Result<Sps, String> {
    if let Some(other) = entries.iter().find(|e| !matches!(&e.codec, b"avc1" | b"avc3")) {
        return Err(codec_name(&other.codec));
    }
    let sps = entry.sps().ok_or("H.264 without its parameters in front")?;
    h264::unsupported(&sps).map_or(Ok(sps), Err)
}

/// The stored size, less the column and row that a clean aperture leaves out.
fn shown(entry: &VideoEntry, sps: &Sps) -> (usize, usize) {
    let near = |have: usize, clean: usize| clean <= have && have <= clean + 1;
    match entry.clean {
        Some(clean) if near(sps.width, clean.0) && near(sps.height, clean.1) => clean,
        _ => (sps.width, sps.height),
    }
}

/// What the container says, else what the stream says, else what is usual.
fn color(entry: &VideoEntry, sps: &Sps) -> Color {
    let usual = Color::usual(sps.width, sps.height);
    let told = entry.colr.and_then(|c| c.0.matrix).and_then(matrix_of);
    let told = told.or(sps.color.matrix.and_then(matrix_of));
    let full = entry.colr.and_then(|c| c.1).or(sps.full);
    Color { matrix: told.unwrap_or(usual.matrix), full: full.unwrap_or(usual.full) }
}

/// A codec's name, as a noun phrase.
fn codec_name(codec: &[u8; 4]) -> String {
    match codec {
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => "HEVC (H.265) video".into(),
        b"av01" => "AV1 video".into(),
        b"vp08" | b"vp09" => "VP9 video".into(),
        b"mp4v" => "MPEG-4 Part 2 video".into(),
        b"apcn" | b"apch" | b"apcs" | b"apco" | b"ap4h" => "ProRes video".into(),
        b"encv" => "encrypted (DRM) video".into(),
        other => format!("`{}` video", String::from_utf8_lossy(other).escape_default()),
    }
}

/// The track's matrix, then the film's, without what moves: only turning counts. A matrix of zeros says nothing.
fn product(track: &[i32; 9], film: &[i32; 9]) -> [i32; 9] {
    let says_nothing = |m: &[i32; 9]| [m[0], m[1], m[3], m[4]] == [0; 4];
    if says_nothing(film) || says_nothing(track) {
        return if says_nothing(track) { *film } else { *track };
    }
    let at = |row: usize, column: usize| {
        let sum: i64 = (0..2).map(|k| i64::from(track[3 * row + k]) * i64::from(film[3 * k + column])).sum();
        i32::try_from(sum >> 16).unwrap_or(i32::MAX)
    };
    [at(0, 0), at(0, 1), 0, at(1, 0), at(1, 1), 0, 0, 0, 1 << 30]
}

/// Quarter turns of a transformation matrix; `None` for others.
fn rotation(matrix: &[i32; 9]) -> Option<Rotation> {
    let one = 1 << 16;
    let [a, b, _, c, d, ..] = *matrix;
    match (a, b, c, d) {
        (0, 0, 0, 0) => Some(Rotation::None),
        (a, 0, 0, d) if a == one && d == one => Some(Rotation::None),
        (0, b, c, 0) if b == one && c == -one => Some(Rotation::Quarter),
        (a, 0, 0, d) if a == -one && d == -one => Some(Rotation::Half),
        (0, b, c, 0) if b == -one && c == one => Some(Rotation::ThreeQuarters),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(duration: u32, composition: i32) -> Sample {
        Sample { offset: 0, size: 1, duration, composition, key: true, entry: 0 }
    }

    const ALL: Window = Window { delay: 0, from: 0, length: None, slack: 1 };

    #[test]
    fn frames_are_shown_in_order_and_touch_each_other() {
        // I P B B, decoded with an offset of one frame.
        let samples = [sample(10, 10), sample(10, 30), sample(10, 0), sample(10, 0)];
        let window = Window { from: 10, ..ALL };
        assert_eq!(times(&samples, 0, &window), [0, 10, 20, 30].map(|t| Some((t, 10))));
    }

    #[test]
    fn an_edit_hides_what_lies_outside() {
        let samples = [10, 10, 15, 10, 10].map(|d| sample(d, 0));
        let window = Window { delay: 100, from: 15, length: Some(20), slack: 1 };
        // The second begins before the window: players begin with the third.
        assert_eq!(times(&samples, 0, &window), [None, None, Some((100, 20)), None, None]);
        // A length that was rounded does not cut the last frame.
        let window = Window { length: Some(54), slack: 2, ..ALL };
        assert_eq!(times(&samples, 0, &window)[4], Some((45, 10)));
    }

    #[test]
    fn matrices_are_quarter_turns() {
        let one = 1 << 16;
        let matrix = |a, b, c, d| [a, b, 0, c, d, 0, 0, 0, 1 << 30];
        assert_eq!(rotation(&matrix(one, 0, 0, one)), Some(Rotation::None));
        assert_eq!(rotation(&matrix(0, one, -one, 0)), Some(Rotation::Quarter));
        assert_eq!(rotation(&matrix(-one, 0, 0, -one)), Some(Rotation::Half));
        assert_eq!(rotation(&matrix(-one, 0, 0, one)), None, "mirrored");
        let (quarter, unit) = (matrix(0, one, -one, 0), matrix(one, 0, 0, one));
        assert_eq!(rotation(&product(&unit, &quarter)), Some(Rotation::Quarter), "the film is turned");
        assert_eq!(rotation(&product(&quarter, &quarter)), Some(Rotation::Half));
        assert_eq!(rotation(&product(&matrix(0, 0, 0, 0), &quarter)), Some(Rotation::Quarter));
    }
}
