//! Which film is meant, and who reads it.

use super::address::is_address;
use super::apng::{self, ApngSource};
use super::every::{Every, Sparse};
use super::ffmpeg::{FfmpegSource, Tools};
use super::frame::Source;
use super::gif::GifSource;
use super::mp4::{Mp4Source, Opened};
use super::pictures::PictureSource;
use super::thinned::Thinned;
use super::viewed::Viewed;
use super::webp::WebpSource;
use super::y4m::{self, Y4mSource};
use super::{Rate, VideoError};
use crate::error::{Error, Result, name_of};
use crate::view::View;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Who reads and writes films.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// This program where it can, a found ffmpeg where it cannot.
    #[default]
    Auto,
    /// This program only.
    Builtin,
    /// ffmpeg, for all files that it reads.
    Ffmpeg,
}

/// How a film is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct InputOptions {
    /// Who reads.
    pub backend: Backend,
    /// Most frames a second; the rate of a folder of pictures.
    pub rate: Option<Rate>,
    /// The frames that are painted; all where nothing is said.
    pub every: Option<Every>,
    /// Turn, crop and mirror of frames.
    pub view: View,
}

/// An open film.
pub struct Input {
    /// Its frames.
    pub source: Box<dyn Source>,
    /// The file or folder; none for standard input.
    pub path: Option<PathBuf>,
    /// The ffmpeg that reads it; none where this program does.
    pub ffmpeg: Option<Tools>,
    /// Whether it is an MP4 or MOV file.
    pub mp4: bool,
}

/// Opens a film: a file by its content, whatever its name; a folder of pictures; `-` for y4m on standard input.
///
/// # Errors
/// When there is no such film, or only ffmpeg could read it and is missing or not wanted.
pub fn open(path: &Path, options: &InputOptions) -> Result<Input> {
    let input = open_whole(path, options)?;
    let pictures = input.path.as_ref().is_some_and(|path| path.is_dir());
    let mut source = input.source;
    if let Some(rate) = options.rate.filter(|_| !pictures) {
        source = Box::new(Thinned::new(source, rate));
    }
    if let Some(every) = options.every {
        source = Box::new(Sparse::new(source, every));
    }
    if !options.view.is_whole() {
        source = Box::new(Viewed::new(source, options.view));
    }
    Ok(Input { source, ..input })
}

fn open_whole(path: &Path, options: &InputOptions) -> Result<Input> {
    let plain = |source: Box<dyn Source>| Input { source, path: Some(path.into()), ffmpeg: None, mp4: false };
    if path == Path::new("-") {
        let stream = Box::new(io::stdin());
        let source = Y4mSource::new(stream, "standard input".into(), None)?;
        return Ok(Input { path: None, ..plain(Box::new(source)) });
    }
    if is_address(path) {
        return through_ffmpeg(path, options, "an address".into(), false);
    }
    let meta = fs::metadata(path).map_err(|e| Error::read(path, e))?;
    if meta.is_dir() {
        return Ok(plain(Box::new(PictureSource::open(path, options.rate.unwrap_or(Rate::DEFAULT))?)));
    }
    let (head, file) = head(path)?;
    if head.is_empty() {
        return Err(Error::Empty { name: name_of(path) });
    }
    let kind = sniff(&head);
    if !meta.is_file() {
        return piped(path, head, file, &kind).map(plain);
    }
    if options.backend == Backend::Ffmpeg && !matches!(kind, Sniffed::Nothing(_)) {
        return through_ffmpeg(path, options, "--backend ffmpeg".into(), kind == Sniffed::Mp4);
    }
    match kind {
        Sniffed::Y4m => {
            let file = File::open(path).map_err(|e| Error::read(path, e))?;
            match Y4mSource::open(Box::new(file), name_of(path), Some(meta.len()))? {
                Ok(source) => Ok(plain(Box::new(source))),
                Err(why) => through_ffmpeg(path, options, why, false),
            }
        }
        Sniffed::Gif => Ok(plain(Box::new(GifSource::open(path)?))),
        Sniffed::Apng => Ok(plain(Box::new(ApngSource::open(path)?))),
        Sniffed::Webp => Ok(plain(Box::new(WebpSource::open(path)?))),
        Sniffed::Mp4 => match Mp4Source::open(path)? {
            Opened::Source(source) => Ok(Input { mp4: true, ..plain(source) }),
            Opened::NotBuiltIn(why) => through_ffmpeg(path, options, why, true),
        },
        Sniffed::Other(what) => through_ffmpeg(path, options, what.into(), false),
        Sniffed::Nothing(found) => {
            Err(VideoError::NotAVideo { name: name_of(path), found: found.into() }.into())
        }
    }
}

fn through_ffmpeg(path: &Path, options: &InputOptions, why: String, mp4: bool) -> Result<Input> {
    let name = name_of(path);
    if options.backend == Backend::Builtin {
        return Err(VideoError::NotBuiltIn { name, why }.into());
    }
    let Some(tools) = Tools::find() else { return Err(VideoError::NeedsFfmpeg { name, why }.into()) };
    let source = Box::new(FfmpegSource::open(path, &tools)?);
    Ok(Input { source, path: Some(path.into()), ffmpeg: Some(tools), mp4 })
}

/// Bytes that tell a file's kind.
const HEAD: u64 = 4096;

/// The first bytes, and the open file behind them.
fn head(path: &Path) -> Result<(Vec<u8>, File)> {
    let mut head = Vec::new();
    let mut file = File::open(path).map_err(|e| Error::read(path, e))?;
    file.by_ref().take(HEAD).read_to_end(&mut head).map_err(|e| Error::read(path, e))?;
    Ok((head, file))
}

/// A named pipe or the like, which can be read only once.
fn piped(path: &Path, head: Vec<u8>, rest: File, kind: &Sniffed) -> Result<Box<dyn Source>> {
    if *kind != Sniffed::Y4m {
        let found = "a pipe that carries something else than y4m".into();
        return Err(VideoError::NotAVideo { name: name_of(path), found }.into());
    }
    let stream = Box::new(io::Cursor::new(head).chain(rest));
    Ok(Box::new(Y4mSource::new(stream, name_of(path), None)?))
}

#[derive(Debug, PartialEq)]
enum Sniffed {
    Y4m,
    Gif,
    Webp,
    Apng,
    Mp4,
    /// Perhaps a film, that only ffmpeg reads.
    Other(&'static str),
    /// Surely none.
    Nothing(&'static str),
}

fn sniff(head: &[u8]) -> Sniffed {
    let at = |offset: usize, sign: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(sign));
    if at(0, y4m::MAGIC) {
        return Sniffed::Y4m;
    }
    if at(0, b"GIF8") {
        return Sniffed::Gif;
    }
    if at(0, b"RIFF") && at(8, b"WEBP") {
        return Sniffed::Webp;
    }
    if apng::is_animated(head) {
        return Sniffed::Apng;
    }
    if at(4, b"ftypavis") {
        return Sniffed::Other("a moving AVIF picture");
    }
    let still: [(usize, &[u8]); 7] = [
        (0, b"\xff\xd8\xff"),
        (0, b"\x89PNG"),
        (4, b"ftypheic"),
        (4, b"ftypheix"),
        (4, b"ftypavif"),
        (4, b"ftypmif1"),
        (4, b"ftypcrx "),
    ];
    if still.iter().any(|&(offset, sign)| at(offset, sign)) {
        return Sniffed::Nothing("a still picture (`impasto stylize` paints it)");
    }
    let boxes: [&[u8]; 7] = [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"];
    if boxes.iter().any(|name| at(4, name)) {
        return Sniffed::Mp4;
    }
    let others: [(usize, &[u8], &str); 6] = [
        (0, b"\x1a\x45\xdf\xa3", "a Matroska (MKV, WebM) file"),
        (8, b"AVI ", "an AVI file"),
        (0, b"FLV", "an FLV file"),
        (0, b"OggS", "an Ogg file"),
        (0, b"\0\0\x01\xba", "an MPEG file"),
        (0, b"\x30\x26\xb2\x75", "a WMV file"),
    ];
    if let Some((.., what)) = others.iter().find(|(offset, sign, _)| at(*offset, sign)) {
        return Sniffed::Other(what);
    }
    if head[0] == 0x47 && head.get(188) == Some(&0x47) {
        return Sniffed::Other("an MPEG transport stream");
    }
    match std::str::from_utf8(head) {
        Ok(text) if !text.contains('\0') => Sniffed::Nothing("a text file"),
        _ if head.iter().all(|&byte| byte == 0) => Sniffed::Nothing("nothing but zero bytes"),
        _ => Sniffed::Other("a file of an unknown kind"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_content() {
        assert_eq!(sniff(b"\0\0\0\x18ftypisom"), Sniffed::Mp4);
        assert_eq!(sniff(b"\0\0\0\x08wide\0\0"), Sniffed::Mp4);
        assert_eq!(sniff(b"YUV4MPEG2 W"), Sniffed::Y4m);
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n\0\0\0\x08acTL\0\0\0\x01IDAT"), Sniffed::Apng);
        assert!(matches!(sniff(b"\x89PNG\r\n\x1a\n\0\0\0\x08IDAT acTL"), Sniffed::Nothing(_)));
        assert!(matches!(sniff(b"\0\0\0\x18ftypavis"), Sniffed::Other(_)));
        assert!(matches!(sniff(b"\0\0\0\x18ftypheic"), Sniffed::Nothing(_)));
        assert!(matches!(sniff(b"hello"), Sniffed::Nothing("a text file")));
        assert!(matches!(sniff(&[0; 99]), Sniffed::Nothing(_)));
        assert!(matches!(sniff(b"\x1a\x45\xdf\xa3\x01"), Sniffed::Other(_)));
    }
}
