//! A folder, and ffmpeg in it.

use impasto_core::Image;
use impasto_core::image::psnr_db;
use impasto_media::video::pipeline::{self, Job, PaintFailure, Painter};
use impasto_media::video::{self, Backend, Info, InputOptions, Output, OutputOptions, convert};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

/// A folder that goes away with its test.
pub struct Studio(PathBuf);

/// A frame with its start and duration in seconds.
pub struct Shown {
    pub image: Image,
    pub start: f64,
    pub duration: f64,
}

/// How a judge spreads chroma.
#[derive(Clone, Copy)]
pub enum Chroma {
    /// As we do.
    Nearest,
    /// As ffmpeg does for us.
    Smooth,
}

/// A studio for the test, or `None` and a word about it where ffmpeg is missing or lacks `encoders`.
pub fn studio(test: &str, encoders: &[&str]) -> Option<Studio> {
    let list = Command::new("ffmpeg").args(["-hide_banner", "-encoders"]).output();
    let list = list.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    if list.is_empty() || video::ffmpeg::Tools::find().is_none() {
        println!("skipped: {test}: no ffmpeg and ffprobe on this machine");
        return None;
    }
    if let Some(missing) = encoders.iter().find(|e| !list.contains(&format!(" {e} "))) {
        println!("skipped: {test}: this ffmpeg has no encoder {missing}");
        return None;
    }
    let path = std::env::temp_dir().join(format!("impasto-kinds-{}-{test}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    Some(Studio(path))
}

impl Drop for Studio {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Studio {
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn program(&self, program: &str, words: &str) -> Vec<u8> {
        let mut command = Command::new(program);
        command.current_dir(&self.0).args(words.split_whitespace().map(|word| word.replace('~', " ")));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{program} {words}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Runs `ffmpeg WORDS`; a `~` is a space inside a word.
    pub fn ffmpeg(&self, words: &str) -> Vec<u8> {
        self.program("ffmpeg", &format!("-hide_banner -nostdin -v error -y {words}"))
    }

    /// A second of moving pictures of that size and rate, with a tone, encoded by `words` into `name`.
    pub fn film(&self, size: &str, rate: &str, words: &str, name: &str) {
        let video = format!("-f lavfi -i testsrc2=size={size}:rate={rate}:duration=1");
        self.ffmpeg(&format!("{video} -f lavfi -i sine=frequency=440:duration=1 -shortest {words} {name}"));
    }

    /// Lines of ffprobe.
    pub fn probe(&self, words: &str) -> Vec<String> {
        let text = self.program("ffprobe", &format!("-v error -of csv=p=0 {words}"));
        String::from_utf8(text).unwrap().lines().map(|line| line.trim_end_matches(',').to_string()).collect()
    }

    /// What ffmpeg decodes: upright RGB, by the stream's matrix. Chroma is spread over its pixels as `way` says.
    pub fn judged(&self, name: &str, size: (usize, usize), way: Chroma) -> Vec<Shown> {
        let scale = match way {
            Chroma::Nearest => "format=rgb24",
            Chroma::Smooth => "scale=flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp,format=rgb24",
        };
        let raw =
            self.ffmpeg(&format!("-i {name} -map 0:V:0 -vf {scale} -fps_mode passthrough -f rawvideo -"));
        let times =
            self.probe(&format!("-select_streams V:0 -show_entries frame=best_effort_timestamp_time {name}"));
        let times: Vec<f64> = times.iter().filter_map(|line| line.parse().ok()).collect();
        let frames = raw.chunks_exact(3 * size.0 * size.1);
        assert_eq!(frames.len(), times.len(), "{name}: ffmpeg's own count");
        let shown = |(rgb, (i, &start)): (&[u8], (usize, &f64))| Shown {
            image: Image::new(size.0, size.1, rgb.to_vec()).unwrap(),
            start,
            duration: times.get(i + 1).map_or(0.0, |next| next - start),
        };
        frames.zip(times.iter().enumerate()).map(shown).collect()
    }

    /// What we read, and the error at the end if there was one.
    pub fn read(&self, name: &str, backend: Backend) -> (Info, Vec<Shown>, Option<String>) {
        let mut input =
            video::open(&self.path(name), &InputOptions { backend, ..Default::default() }).unwrap();
        let info = input.source.info().clone();
        let seconds = |ticks: u64| ticks as f64 / f64::from(info.timescale);
        let mut frames = Vec::new();
        loop {
            match input.source.read() {
                Ok(Some(frame)) => frames.push(Shown {
                    image: convert::upright(frame.pixels, &info, info.width, info.height),
                    start: seconds(frame.start),
                    duration: seconds(frame.duration),
                }),
                ended => return (info.clone(), frames, ended.err().map(|e| e.to_string())),
            }
        }
    }

    /// Why a film is not opened.
    pub fn refusal(&self, name: &str, backend: Backend) -> String {
        let opened = video::open(&self.path(name), &InputOptions { backend, ..Default::default() });
        opened.err().unwrap_or_else(|| panic!("{name} was opened")).to_string()
    }

    /// Our reading of `name` shows what ffmpeg shows, at the same times.
    pub fn compare(&self, name: &str, backend: Backend, least_db: f64) -> Info {
        let (info, frames, error) = self.read(name, backend);
        assert_eq!(error, None, "{name}");
        let size = (info.width, info.height);
        match backend {
            Backend::Builtin => compare(name, &frames, &self.judged(name, size, Chroma::Nearest), least_db),
            _ => {
                // ffmpeg lets every file begin at 0.
                let mut judged = self.judged(name, size, Chroma::Smooth);
                let late = judged[0].start - frames[0].start;
                judged.iter_mut().for_each(|shown| shown.start -= late);
                compare(name, &frames, &judged, least_db);
            }
        }
        info
    }

    /// Copies a film through the whole pipeline, unpainted; gives what a person is told about the result.
    pub fn copy(&self, from: &str, to: &str, backend: Backend) -> Vec<String> {
        self.try_copy(from, to, backend, true).unwrap_or_else(|error| panic!("{from} to {to}: {error}"))
    }

    /// The same without title, date and the like.
    pub fn copy_stripped(&self, from: &str, to: &str) {
        self.try_copy(from, to, Backend::Auto, false)
            .unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
    }

    /// Why a film is not written.
    pub fn copy_refused(&self, from: &str, to: &str, backend: Backend) -> String {
        self.try_copy(from, to, backend, true)
            .err()
            .unwrap_or_else(|| panic!("{from} became {to}"))
            .to_string()
    }

    /// Copies a film; gives what a person is told about it and the result.
    pub fn try_copy(
        &self,
        from: &str,
        to: &str,
        backend: Backend,
        tags: bool,
    ) -> impasto_media::Result<Vec<String>> {
        let input = video::open(&self.path(from), &InputOptions { backend, ..Default::default() })?;
        let info = input.source.info().clone();
        let options = OutputOptions {
            quality: 95,
            sound: true,
            tags,
            resume: false,
            fingerprint: "copy".into(),
            backend,
            encoder: None,
            section: None,
            xmp: None,
        };
        let (output, sink) = Output::begin(&self.path(to), &info, &input, &options)?;
        let notes = [info.notes.clone(), output.notes().to_vec()].concat();
        let (mark, stop) = (output.mark().clone(), AtomicBool::new(false));
        let save = |mark: &video::Mark| output.save(mark);
        let size = (info.width, info.height);
        let job =
            Job { size, mark: &mark, warm_up_frames: 0, checkpoint_frames: 10, save: &save, stop: &stop };
        let report = pipeline::run(input.source, sink, &mut Nothing::default(), &job, &mut |_| ()).unwrap();
        assert!(report.source_error.is_none());
        output.complete()?;
        Ok(notes)
    }
}

/// Two films show the same at the same times.
pub fn compare(name: &str, frames: &[Shown], judged: &[Shown], least_db: f64) {
    assert_eq!(frames.len(), judged.len(), "{name}: frames");
    assert!(!frames.is_empty(), "{name} has frames");
    for (i, (ours, theirs)) in frames.iter().zip(judged).enumerate() {
        assert!(
            (ours.start - theirs.start).abs() < 2e-3,
            "{name}, frame {i}: {} s, not {} s",
            ours.start,
            theirs.start
        );
        let is_last = i + 1 == frames.len();
        assert!(
            is_last || (ours.duration - theirs.duration).abs() < 2e-3,
            "{name}, frame {i} lasts {}",
            ours.duration
        );
        let db = psnr_db(&ours.image, &theirs.image);
        assert!(db > least_db, "{name}, frame {i}: {db:.1} dB");
    }
}

/// Paints nothing: holds the frame that was begun.
#[derive(Default)]
struct Nothing(Option<Image>);

impl Painter for Nothing {
    fn begin(&mut self, frame: Image) -> Result<(), PaintFailure> {
        self.0 = Some(frame);
        Ok(())
    }

    fn is_full(&mut self) -> bool {
        true
    }

    fn finish(&mut self) -> Result<Image, PaintFailure> {
        Ok(self.0.take().expect("it was begun"))
    }

    fn skip(&mut self, _: Image) {}

    fn recall(&mut self, _: &[f64], _: usize, _: usize) -> Result<(), PaintFailure> {
        Ok(())
    }

    fn memory(&mut self) -> Vec<f64> {
        Vec::new()
    }
}

/// Sets the transformation matrix of every track of an MP4 file to a quarter turn clockwise.
pub fn turn(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let places: Vec<_> =
        bytes.windows(4).enumerate().filter(|(_, w)| w == b"tkhd").map(|(at, _)| at + 4).collect();
    assert!(!places.is_empty());
    let one = 1i32 << 16;
    let matrix = [0, one, 0, -one, 0, 0, 0, 0, 1 << 30];
    for body in places {
        assert_eq!(bytes[body], 0, "version 0");
        for (i, value) in matrix.iter().enumerate() {
            bytes[body + 40 + 4 * i..body + 44 + 4 * i].copy_from_slice(&value.to_be_bytes());
        }
    }
    fs::write(path, bytes).unwrap();
}
