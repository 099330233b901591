//! TIFF, through the `tiff` crate itself: palettes, YCbCr, floats, planes apart, alpha that is multiplied in.

use std::borrow::Cow;
use std::io::Cursor;

use ::tiff::decoder::{Decoder, DecodingResult};
use ::tiff::{TiffError, decoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer};

use super::colour::Profile;
use super::decode::{Pixels, Raw};
use super::ifd::{COMPRESSION, ICC, Ifd, ORIENTATION, PHOTOMETRIC};
use super::{Format, Limits, Note};
use crate::error::{Error, Result, plain};

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS: u16 = 258;
const SAMPLES: u16 = 277;
const PLANAR: u16 = 284;
const COLOUR_MAP: u16 = 320;
const EXTRA: u16 = 338;
const SAMPLE_FORMAT: u16 = 339;
/// Of strips and of tiles: places, and lengths.
const CHUNKS: [u16; 4] = [273, 279, 324, 325];
const SUBSAMPLING: u16 = 530;
const JPEG: u64 = 7;

/// Colours of a file, by its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colours {
    Grey,
    Rgb,
    Palette,
    Cmyk,
    YCbCr,
}

/// Samples of a picture, interleaved.
enum Samples {
    U8(Vec<u8>),
    U16(Vec<u16>),
    F32(Vec<f32>),
}

/// Decodes the first page of a TIFF file.
pub(super) fn decode(bytes: &[u8], name: &str, limits: Limits) -> Result<Raw> {
    let damaged = |why: &str| Error::damaged(name, Format::Tiff.name(), why);
    let ifd = Ifd::first(bytes).ok_or_else(|| damaged("its directory is missing"))?;
    let side = |tag| ifd.number(tag).and_then(|side| usize::try_from(side).ok());
    let (Some(width), Some(height)) = (side(WIDTH), side(HEIGHT)) else {
        return Err(damaged("it does not say how large the picture is"));
    };
    limits.check(name, width, height)?;
    let page = Page { bytes, ifd: &ifd, name, limits, width, height };
    limits.check_bytes(name, (width, height), page.bytes_decoded())?;
    let colours = page.colours()?;
    let mut notes = Vec::new();
    if ifd.next != 0 {
        notes.push(Note::FirstPageOnly);
    }
    let pixels = page.pixels(colours, &mut notes)?;
    let orientation = ifd.number(ORIENTATION).and_then(|v| Orientation::from_exif(v as u8));
    Ok(Raw {
        pixels,
        profile: ifd.blob(ICC).map_or(Profile::None, |icc| Profile::of_icc(icc.to_vec())),
        exif: None,
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        notes,
    })
}

/// The first page.
struct Page<'a> {
    bytes: &'a [u8],
    ifd: &'a Ifd<'a>,
    name: &'a str,
    limits: Limits,
    width: usize,
    height: usize,
}

impl Page<'_> {
    fn unsupported(&self, why: impl Into<String>) -> Error {
        Error::Unsupported { name: self.name.into(), format: Format::Tiff.name(), why: why.into() }
    }

    fn damaged(&self, why: &str) -> Error {
        Error::damaged(self.name, Format::Tiff.name(), why)
    }

    fn colours(&self) -> Result<Colours> {
        if let Some(packed) = self.ifd.number(COMPRESSION).and_then(unread_compression) {
            return Err(self.unsupported(format!("it is packed with {packed}")));
        }
        match self.ifd.number(PHOTOMETRIC) {
            Some(0 | 1) => Ok(Colours::Grey),
            Some(2) => Ok(Colours::Rgb),
            Some(3) => Ok(Colours::Palette),
            Some(5) => Ok(Colours::Cmyk),
            Some(6) => Ok(Colours::YCbCr),
            Some(4) => Err(self.unsupported("it holds a mask, not a picture")),
            Some(8..=10) => Err(self.unsupported("its colours are CIE L*a*b*")),
            Some(32844 | 32845) => Err(self.unsupported("its colours are LogLuv (high dynamic range)")),
            Some(_) => Err(self.unsupported("it has a kind of colours that is not known")),
            None => Err(self.damaged("it does not say which colours it has")),
        }
    }

    /// Samples a pixel, all of them.
    fn samples(&self) -> usize {
        self.ifd.number(SAMPLES).unwrap_or(1).clamp(1, 64) as usize
    }

    /// Bytes of the samples, once they are read.
    fn bytes_decoded(&self) -> u64 {
        let bits = self.ifd.numbers(BITS).and_then(|bits| bits.into_iter().max()).unwrap_or(1);
        let samples = (self.width as u64).saturating_mul(self.height as u64) * self.samples() as u64;
        samples.saturating_mul(bits.div_ceil(8))
    }

    fn pixels(&self, colours: Colours, notes: &mut Vec<Note>) -> Result<Pixels> {
        let bits = self.ifd.numbers(BITS).unwrap_or_else(|| vec![1]);
        if bits.iter().any(|b| *b != bits[0]) {
            return Err(self.unsupported("its channels have different depths"));
        }
        let (samples, channels) = self.read(colours)?;
        if matches!(samples, Samples::F32(_)) {
            notes.push(Note::FloatsTo8Bit);
        }
        let deep = bits[0];
        match colours {
            Colours::Palette => self.through_palette(&samples),
            Colours::Cmyk => {
                if channels != 4 {
                    return Err(self
                        .unsupported("it has inks beyond cyan, magenta, yellow and black, or transparency"));
                }
                Ok(Pixels::Cmyk {
                    width: self.width,
                    height: self.height,
                    inks: self.bytes_of(samples, notes),
                })
            }
            Colours::YCbCr => {
                let mut ycc = self.bytes_of(samples, notes);
                if channels != 3 {
                    return Err(self.unsupported("it has YCbCr colours with transparency"));
                }
                // JPEG's own decoder has made RGB of it.
                if self.ifd.number(COMPRESSION) != Some(JPEG) {
                    ycc.chunks_exact_mut(3).for_each(rgb_from_ycc);
                }
                self.plain(Samples::U8(ycc), 3, false)
            }
            Colours::Grey if deep < 8 => {
                let Samples::U8(mut grey) = samples else {
                    return Err(self.damaged("its depth makes no sense"));
                };
                let most = (1u16 << deep) - 1;
                grey.iter_mut().for_each(|v| *v = (u16::from(*v) * 255 / most) as u8);
                self.plain(Samples::U8(grey), 1, false)
            }
            Colours::Grey => self.plain_with_alpha(samples, channels, 1),
            Colours::Rgb => self.plain_with_alpha(samples, channels, 3),
        }
    }

    /// Keeps `colours` channels and the alpha among the extra ones, and divides by it where it was multiplied in.
    fn plain_with_alpha(&self, samples: Samples, channels: usize, colours: usize) -> Result<Pixels> {
        let extra = self.ifd.numbers(EXTRA).unwrap_or_default();
        // Without the tag, a fourth sample has always been read as alpha; 0 is "something else".
        let kind = |i: usize| extra.get(i).copied().unwrap_or(if extra.is_empty() { 2 } else { 0 });
        let alpha = (colours..channels).find(|i| matches!(kind(i - colours), 1 | 2));
        if channels < colours {
            return Err(self.damaged("it has too few samples a pixel"));
        }
        let picked: Vec<usize> = (0..colours).chain(alpha).collect();
        let multiplied = alpha.is_some_and(|i| kind(i - colours) == 1);
        let samples = match samples {
            Samples::U8(v) => Samples::U8(pick(v, channels, &picked)),
            Samples::U16(v) => Samples::U16(pick(v, channels, &picked)),
            Samples::F32(v) => Samples::F32(pick(v, channels, &picked)),
        };
        self.plain(samples, picked.len(), multiplied)
    }

    /// A picture of 1 (grey), 2 (grey, alpha), 3 or 4 channels.
    fn plain(&self, mut samples: Samples, channels: usize, multiplied: bool) -> Result<Pixels> {
        if multiplied {
            match &mut samples {
                Samples::U8(v) => v.chunks_exact_mut(channels).for_each(|p| divide(p, 255)),
                Samples::U16(v) => v.chunks_exact_mut(channels).for_each(|p| divide(p, 65_535)),
                Samples::F32(v) => v.chunks_exact_mut(channels).for_each(|p| {
                    let (alpha, colours) = p.split_last_mut().expect("two channels or more");
                    if *alpha > 0.0 {
                        colours.iter_mut().for_each(|c| *c /= *alpha);
                    }
                }),
            }
        }
        let picture = picture(samples, channels, self.width as u32, self.height as u32);
        picture.map(Pixels::Plain).ok_or_else(|| self.damaged("it ends in the middle of the picture"))
    }

    /// 8-bit samples, with a note where there were more bits.
    fn bytes_of(&self, samples: Samples, notes: &mut Vec<Note>) -> Vec<u8> {
        match samples {
            Samples::U8(bytes) => bytes,
            Samples::U16(deep) => {
                notes.push(Note::RoundedTo8Bit);
                deep.into_iter().map(super::colour::byte_from_u16).collect()
            }
            Samples::F32(v) => v.into_iter().map(|v| (v.clamp(0.0, 1.0) * 255.0 + 0.5) as u8).collect(),
        }
    }

    fn through_palette(&self, indices: &Samples) -> Result<Pixels> {
        let map = self.ifd.numbers(COLOUR_MAP).unwrap_or_default();
        let entries = map.len() / 3;
        if entries == 0 {
            return Err(self.damaged("its palette is missing"));
        }
        // Some programs wrote 8 bits where the standard has 16.
        let deep = map.iter().any(|&v| v > 255);
        let level = |v: u64| if deep { super::colour::byte_from_u16(v as u16) } else { v as u8 };
        let colour = |i: usize| [0, 1, 2].map(|c| level(map[c * entries + i.min(entries - 1)]));
        let rgb: Vec<u8> = match indices {
            Samples::U8(v) => v.iter().flat_map(|&i| colour(usize::from(i))).collect(),
            Samples::U16(v) => v.iter().flat_map(|&i| colour(usize::from(i))).collect(),
            Samples::F32(_) => return Err(self.damaged("its palette is looked up by fractions")),
        };
        self.plain(Samples::U8(rgb), 3, false)
    }

    /// All samples and the count of channels: planes that lie apart are read one by one and put together.
    fn read(&self, colours: Colours) -> Result<(Samples, usize)> {
        let samples = self.samples();
        if self.ifd.number(PLANAR) == Some(2) && samples > 1 {
            if colours == Colours::YCbCr && self.is_subsampled() {
                return Err(self.unsupported("its colours have another size than its brightness"));
            }
            let planes = (0..samples).map(|i| self.decoded(&self.plane(i, samples)?, Colours::Grey));
            return Ok((interleaved(planes.collect::<Result<_>>()?, self)?, samples));
        }
        if colours == Colours::YCbCr && self.is_subsampled() && self.ifd.number(COMPRESSION) != Some(JPEG) {
            return Err(self.unsupported("its colours have another size than its brightness"));
        }
        // The decoder knows no palettes: to it the indices are grey.
        let file = match colours {
            Colours::Palette => self.ifd.with_number(PHOTOMETRIC, 1).map(Cow::Owned),
            Colours::Grey | Colours::Rgb | Colours::Cmyk | Colours::YCbCr => Some(Cow::Borrowed(self.bytes)),
        };
        let file = file.ok_or_else(|| self.damaged("its directory is cut short"))?;
        let read = self.decoded(&file, colours)?;
        Ok((read, self.channels(colours)))
    }

    /// Channels that the decoder gives of a file whose samples lie together.
    fn channels(&self, colours: Colours) -> usize {
        let extra = self.ifd.numbers(EXTRA).unwrap_or_default();
        let alpha_first = matches!(extra.first(), Some(1 | 2));
        match colours {
            Colours::Grey | Colours::Palette => self.samples(),
            Colours::Rgb if alpha_first || (extra.is_empty() && self.samples() == 4) => 4,
            Colours::Rgb | Colours::YCbCr => 3,
            Colours::Cmyk if alpha_first || (extra.is_empty() && self.samples() == 5) => 5,
            Colours::Cmyk => 4,
        }
    }

    fn is_subsampled(&self) -> bool {
        self.ifd.numbers(SUBSAMPLING).unwrap_or_else(|| vec![2, 2]).iter().any(|&n| n != 1)
    }

    /// The file as if it held one of its planes only, as grey.
    fn plane(&self, plane: usize, planes: usize) -> Result<Vec<u8>> {
        let mut copy = self.bytes.to_vec();
        let edit = |copy: &mut [u8]| {
            let (bits, form) = (self.ifd.number(BITS)?, self.ifd.number(SAMPLE_FORMAT));
            self.ifd.put_number(copy, PHOTOMETRIC, 1)?;
            self.ifd.put_number(copy, SAMPLES, 1)?;
            self.ifd.put_number(copy, BITS, bits)?;
            self.ifd.put_number(copy, PLANAR, 1)?;
            if let Some(form) = form {
                self.ifd.put_number(copy, SAMPLE_FORMAT, form)?;
            }
            self.ifd.hide(copy, EXTRA);
            for tag in CHUNKS {
                if self.ifd.entry(tag).is_some() {
                    self.ifd.put_part(copy, tag, plane, planes)?;
                }
            }
            Some(())
        };
        edit(&mut copy).ok_or_else(|| self.damaged("its directory is cut short"))?;
        Ok(copy)
    }

    fn decoded(&self, file: &[u8], colours: Colours) -> Result<Samples> {
        let fail = |e| self.tiff_error(e);
        let mut caps = decoder::Limits::default();
        let most = usize::try_from(self.limits.pixels.saturating_mul(16)).unwrap_or(usize::MAX);
        (caps.decoding_buffer_size, caps.intermediate_buffer_size) = (most, most);
        let mut decoder = Decoder::new(Cursor::new(file)).map_err(fail)?.with_limits(caps);
        let mut read = DecodingResult::U8(Vec::new());
        decoder.read_image_to_buffer(&mut read).map_err(fail)?;
        let bits = self.ifd.number(BITS).unwrap_or(1);
        match read {
            DecodingResult::U8(v) if bits < 8 && matches!(colours, Colours::Grey | Colours::Palette) => {
                Ok(Samples::U8(unpacked(&v, self.width * self.samples_in(colours), bits as usize)))
            }
            DecodingResult::U8(v) => Ok(Samples::U8(v)),
            DecodingResult::U16(v) => Ok(Samples::U16(v)),
            DecodingResult::U32(v) => Ok(Samples::U16(v.into_iter().map(|v| (v >> 16) as u16).collect())),
            DecodingResult::F16(v) => Ok(Samples::F32(v.into_iter().map(f32::from).collect())),
            DecodingResult::F32(v) => Ok(Samples::F32(v)),
            DecodingResult::F64(v) => Ok(Samples::F32(v.into_iter().map(|v| v as f32).collect())),
            DecodingResult::U64(_)
            | DecodingResult::I8(_)
            | DecodingResult::I16(_)
            | DecodingResult::I32(_)
            | DecodingResult::I64(_) => Err(self.unsupported("its numbers are signed, or have 64 bits")),
        }
    }

    fn samples_in(&self, colours: Colours) -> usize {
        if self.ifd.number(PLANAR) == Some(2) { 1 } else { self.channels(colours) }
    }

    fn tiff_error(&self, error: TiffError) -> Error {
        match error {
            TiffError::UnsupportedError(_) => {
                self.unsupported("it combines depth, colours and packing in a way that is not read")
            }
            TiffError::LimitsExceeded => self.damaged("it claims to be larger than its picture"),
            TiffError::FormatError(why) => Error::damaged(self.name, Format::Tiff.name(), why),
            TiffError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
                self.damaged("it ends in the middle of the picture")
            }
            other => Error::damaged(self.name, Format::Tiff.name(), plain(other)),
        }
    }
}

/// A compression that is not read, by name.
fn unread_compression(tag: u64) -> Option<&'static str> {
    match tag {
        6 => Some("the old kind of JPEG"),
        9 | 10 => Some("JBIG"),
        33003 | 33005 | 34712 => Some("JPEG 2000"),
        34661 => Some("JBIG"),
        34676 | 34677 => Some("SGI's log compression"),
        34887 => Some("LERC"),
        34925 => Some("LZMA"),
        34926 | 50000 => Some("Zstandard"),
        34927 | 50001 => Some("WebP"),
        22610 | 34892 => Some("JPEG XR or lossy JPEG"),
        50002 | 52546 => Some("JPEG XL"),
        _ => None,
    }
}

/// Of every pixel of `channels` samples, those in `picked`.
fn pick<T: Copy>(samples: Vec<T>, channels: usize, picked: &[usize]) -> Vec<T> {
    if picked.len() == channels {
        return samples;
    }
    samples.chunks_exact(channels).flat_map(|p| picked.iter().map(|&i| p[i])).collect()
}

/// Colours that were multiplied by the last channel, as they were before.
fn divide<T: Copy + Into<u32> + TryFrom<u32>>(pixel: &mut [T], most: u32) {
    let (alpha, colours) = pixel.split_last_mut().expect("two channels or more");
    let alpha: u32 = (*alpha).into();
    if alpha == 0 {
        return;
    }
    for colour in colours {
        let value = (((*colour).into() as u64 * u64::from(most) + u64::from(alpha) / 2) / u64::from(alpha))
            .min(u64::from(most)) as u32;
        *colour = T::try_from(value).unwrap_or(*colour);
    }
}

/// Full-range BT.601 (CCIR 601-1), TIFF's default.
fn rgb_from_ycc(p: &mut [u8]) {
    let (y, cb, cr) = (f32::from(p[0]), f32::from(p[1]) - 128.0, f32::from(p[2]) - 128.0);
    let rgb = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
    for (value, light) in p.iter_mut().zip(rgb) {
        // `as` saturates at 0 and 255.
        *value = (light + 0.5) as u8;
    }
}

/// Values of `bits` (1, 2 or 4) each, whose rows of `row` values begin at whole bytes.
fn unpacked(packed: &[u8], row: usize, bits: usize) -> Vec<u8> {
    let mask = (1u8 << bits) - 1;
    let value = move |bytes: &[u8], i: usize| {
        let at = i * bits;
        bytes[at / 8] >> (8 - bits - at % 8) & mask
    };
    packed
        .chunks_exact((row * bits).div_ceil(8))
        .flat_map(|bytes| (0..row).map(move |i| value(bytes, i)))
        .collect()
}

fn interleaved(planes: Vec<Samples>, page: &Page) -> Result<Samples> {
    fn weave<T: Copy>(planes: &[Vec<T>]) -> Vec<T> {
        let shortest = planes.iter().map(Vec::len).min().unwrap_or(0);
        (0..shortest).flat_map(|i| planes.iter().map(move |plane| plane[i])).collect()
    }
    let (mut bytes, mut deep, mut floats) = (Vec::new(), Vec::new(), Vec::new());
    let count = planes.len();
    for plane in planes {
        match plane {
            Samples::U8(v) => bytes.push(v),
            Samples::U16(v) => deep.push(v),
            Samples::F32(v) => floats.push(v),
        }
    }
    match (bytes.len() == count, deep.len() == count, floats.len() == count) {
        (true, _, _) => Ok(Samples::U8(weave(&bytes))),
        (_, true, _) => Ok(Samples::U16(weave(&deep))),
        (_, _, true) => Ok(Samples::F32(weave(&floats))),
        (false, false, false) => Err(page.unsupported("its channels have different depths")),
    }
}

fn picture(samples: Samples, channels: usize, w: u32, h: u32) -> Option<DynamicImage> {
    match (samples, channels) {
        (Samples::U8(v), 1) => ImageBuffer::from_raw(w, h, v).map(DynamicImage::ImageLuma8),
        (Samples::U8(v), 2) => ImageBuffer::from_raw(w, h, v).map(DynamicImage::ImageLumaA8),
        (Samples::U8(v), 3) => ImageBuffer::from_raw(w, h, v).map(DynamicImage::ImageRgb8),
        (Samples::U8(v), _) => ImageBuffer::from_raw(w, h, v).map(DynamicImage::ImageRgba8),
        (Samples::U16(v), 1) => ImageBuffer::from_raw(w, h, v).map(DynamicImage::ImageLuma16),
        (Samples::U16(v), 2) => ImageBuffer::from_raw(w, h, v).map(DynamicImage::ImageLumaA16),
        (Samples::U16(v), 3) => ImageBuffer::from_raw(w, h, v).map(DynamicImage::ImageRgb16),
        (Samples::U16(v), _) => ImageBuffer::from_raw(w, h, v).map(DynamicImage::ImageRgba16),
        (Samples::F32(v), 1) => {
            let grey = v.into_iter().flat_map(|v| [v; 3]).collect();
            ImageBuffer::from_raw(w, h, grey).map(DynamicImage::ImageRgb32F)
        }
        (Samples::F32(v), 2) => {
            let grey = v.chunks_exact(2).flat_map(|p| [p[0], p[0], p[0], p[1]]).collect();
            ImageBuffer::from_raw(w, h, grey).map(DynamicImage::ImageRgba32F)
        }
        (Samples::F32(v), 3) => ImageBuffer::from_raw(w, h, v).map(DynamicImage::ImageRgb32F),
        (Samples::F32(v), _) => ImageBuffer::from_raw(w, h, v).map(DynamicImage::ImageRgba32F),
    }
}
