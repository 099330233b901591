//! Stills to bytes and files: JPEG, PNG, WebP, TIFF.

use std::io::{self, Cursor};
use std::path::Path;

use ::tiff::encoder::{TiffEncoder, colortype};
use ::tiff::tags::Tag;
use impasto_core::Image;
use jpeg_encoder::{ColorType, SamplingFactor};

use super::{Still, webp};
use crate::atomic;
use crate::error::{Error, Result, name_of, plain};

/// The formats that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// JPEG, without transparency (laid on white).
    Jpeg,
    /// PNG, 8 bit, lossless.
    Png,
    /// WebP, lossy.
    WebP,
    /// TIFF, 8 bit, lossless, uncompressed.
    Tiff,
}

impl OutputFormat {
    /// The format that a file name's ending asks for.
    ///
    /// # Errors
    /// [`Error::UnknownExtension`] when it asks for none that we write.
    pub fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("jpg" | "jpeg" | "jpe" | "jfif") => Ok(OutputFormat::Jpeg),
            Some("png") => Ok(OutputFormat::Png),
            Some("webp") => Ok(OutputFormat::WebP),
            Some("tif" | "tiff") => Ok(OutputFormat::Tiff),
            _ => Err(Error::UnknownExtension { name: name_of(path), known: ".jpg, .png, .webp, .tif" }),
        }
    }

    /// The name people use.
    pub fn name(self) -> &'static str {
        match self {
            OutputFormat::Jpeg => "JPEG",
            OutputFormat::Png => "PNG",
            OutputFormat::WebP => "WebP",
            OutputFormat::Tiff => "TIFF",
        }
    }

    /// Whether [`WriteOptions::keep_metadata`] can be honoured: not in a TIFF.
    pub fn keeps_metadata(self) -> bool {
        self != OutputFormat::Tiff
    }

    /// The longest side in px.
    fn max_side(self) -> usize {
        match self {
            OutputFormat::Jpeg => 65_535,
            OutputFormat::WebP => webp::MAX_SIDE,
            OutputFormat::Png | OutputFormat::Tiff => i32::MAX as usize,
        }
    }
}

/// How a still is written. Its mark ([`Still::xmp`]) goes into every format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteOptions {
    /// 1..=100 for JPEG and WebP; the others lose nothing. From 90 on a JPEG keeps full colour resolution.
    pub quality: u8,
    /// Whether the photo's EXIF block (camera, date, place) is written again. It is not, unless asked.
    pub keep_metadata: bool,
}

impl Default for WriteOptions {
    /// Quality 92, no metadata.
    fn default() -> Self {
        WriteOptions { quality: 92, keep_metadata: false }
    }
}

/// Writes `still` to `path` in the format of the name's ending, whole or not at all.
///
/// # Errors
/// When the ending is unknown, the picture too large for the format, or the file cannot be written.
pub fn write(path: &Path, still: &Still, options: WriteOptions) -> Result<()> {
    let format = OutputFormat::of(path)?;
    let bytes = encode_named(still, format, options, &name_of(path))?;
    atomic::write(path, &bytes).map_err(|e| Error::write(path, e))
}

/// The same, but never in place of a file that is there.
///
/// # Errors
/// As [`write()`], and [`Error::IsThere`].
pub fn write_new(path: &Path, still: &Still, options: WriteOptions) -> Result<()> {
    let format = OutputFormat::of(path)?;
    let bytes = encode_named(still, format, options, &name_of(path))?;
    atomic::write_new(path, &bytes).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => Error::IsThere { name: name_of(path) },
        _ => Error::write(path, e),
    })
}

/// The bytes of `still` as a file of `format`.
///
/// # Errors
/// When the picture is too large for the format.
pub fn encode(still: &Still, format: OutputFormat, options: WriteOptions) -> Result<Vec<u8>> {
    encode_named(still, format, options, "the picture")
}

fn encode_named(still: &Still, format: OutputFormat, options: WriteOptions, name: &str) -> Result<Vec<u8>> {
    let (width, height) = (still.image.width(), still.image.height());
    let max_side = format.max_side();
    if width.max(height) > max_side {
        return Err(Error::FormatTooSmall {
            name: name.into(),
            format: format.name(),
            width,
            height,
            max_side,
        });
    }
    let exif = still.exif.as_deref().filter(|_| options.keep_metadata);
    let quality = options.quality.clamp(1, 100);
    let encoded = match format {
        OutputFormat::Jpeg => jpeg(still, quality, exif),
        OutputFormat::Png => png(still, exif),
        OutputFormat::WebP => webp_file(still, quality, exif),
        OutputFormat::Tiff => tiff_file(still),
    };
    encoded.map_err(|why| Error::Encode { name: name.into(), format: format.name(), why })
}

/// The place of XMP in each format (XMP specification, part 3).
const XMP_IN_JPEG: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const XMP_IN_PNG: &str = "XML:com.adobe.xmp";
const XMP_IN_TIFF: Tag = Tag::Unknown(700);

/// Why an encoder failed, in its words.
type Encoded = std::result::Result<Vec<u8>, String>;

fn jpeg(still: &Still, quality: u8, exif: Option<&[u8]>) -> Encoded {
    let mut out = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut out, quality);
    encoder.set_sampling_factor(if quality >= 90 {
        SamplingFactor::R_4_4_4
    } else {
        SamplingFactor::R_4_2_0
    });
    if let Some(exif) = exif {
        encoder.add_exif_metadata(exif).map_err(plain)?;
    }
    if let Some(xmp) = &still.xmp {
        encoder.add_app_segment(1, [XMP_IN_JPEG, xmp.as_bytes()].concat()).map_err(plain)?;
    }
    let laid = still.alpha.as_ref().map(|alpha| on_white(&still.image, alpha));
    let rgb = laid.as_deref().unwrap_or(still.image.rgb());
    let (w, h) = (still.image.width() as u16, still.image.height() as u16);
    encoder.encode(rgb, w, h, ColorType::Rgb).map_err(plain)?;
    Ok(out)
}

fn png(still: &Still, exif: Option<&[u8]>) -> Encoded {
    let mut info = ::png::Info::with_size(still.image.width() as u32, still.image.height() as u32);
    info.bit_depth = ::png::BitDepth::Eight;
    info.color_type = if still.alpha.is_some() { ::png::ColorType::Rgba } else { ::png::ColorType::Rgb };
    info.exif_metadata = exif.map(Into::into);
    let mut out = Vec::new();
    let mut encoder = ::png::Encoder::with_info(&mut out, info).map_err(plain)?;
    encoder.set_compression(::png::Compression::Fast);
    encoder.set_filter(::png::Filter::Adaptive);
    if let Some(xmp) = &still.xmp {
        encoder.add_itxt_chunk(XMP_IN_PNG.into(), xmp.clone()).map_err(plain)?;
    }
    let mut writer = encoder.write_header().map_err(plain)?;
    match &still.alpha {
        None => writer.write_image_data(still.image.rgb()),
        Some(alpha) => writer.write_image_data(&rgba(&still.image, alpha)),
    }
    .map_err(plain)?;
    writer.finish().map_err(plain)?;
    Ok(out)
}

fn tiff_file(still: &Still) -> Encoded {
    let mut out = Cursor::new(Vec::new());
    let mut file = TiffEncoder::new(&mut out).map_err(plain)?;
    let (w, h) = (still.image.width() as u32, still.image.height() as u32);
    let mark = still.xmp.as_deref().map(str::as_bytes);
    match &still.alpha {
        None => write_tiff::<colortype::RGB8>(&mut file, (w, h), mark, still.image.rgb()),
        Some(alpha) => write_tiff::<colortype::RGBA8>(&mut file, (w, h), mark, &rgba(&still.image, alpha)),
    }
    .map_err(plain)?;
    Ok(out.into_inner())
}

fn write_tiff<C: colortype::ColorType<Inner = u8>>(
    file: &mut TiffEncoder<&mut Cursor<Vec<u8>>>,
    (width, height): (u32, u32),
    xmp: Option<&[u8]>,
    samples: &[u8],
) -> ::tiff::TiffResult<()> {
    let mut image = file.new_image::<C>(width, height)?;
    if let Some(xmp) = xmp {
        image.encoder().write_tag(XMP_IN_TIFF, xmp)?;
    }
    image.write_data(samples)
}

fn webp_file(still: &Still, quality: u8, exif: Option<&[u8]>) -> Encoded {
    let (width, height) = (still.image.width(), still.image.height());
    let file = match &still.alpha {
        None => webp::encode(still.image.rgb(), false, width, height, quality)?,
        Some(alpha) => webp::encode(&rgba(&still.image, alpha), true, width, height, quality)?,
    };
    let xmp = still.xmp.as_deref().map(str::as_bytes);
    Ok(match (exif, xmp) {
        (None, None) => file,
        (exif, xmp) => webp::with_metadata(&file, still.alpha.is_some(), width, height, [exif, xmp]),
    })
}

fn rgba(image: &Image, alpha: &[u8]) -> Vec<u8> {
    image.rgb().chunks_exact(3).zip(alpha).flat_map(|(p, &a)| [p[0], p[1], p[2], a]).collect()
}

/// The picture laid on white paper.
fn on_white(image: &Image, alpha: &[u8]) -> Vec<u8> {
    let lay = |c: u8, a: u8| ((u32::from(c) * u32::from(a) + 255 * u32::from(255 - a) + 127) / 255) as u8;
    image
        .rgb()
        .chunks_exact(3)
        .zip(alpha)
        .flat_map(|(p, &a)| [lay(p[0], a), lay(p[1], a), lay(p[2], a)])
        .collect()
}
