//! JPEG XL, through `jxl-oxide`.

use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer};
use jxl_oxide::{AllocTracker, EnumColourEncoding, JxlImage, RenderingIntent};

use super::colour::Profile;
use super::decode::{Pixels, Raw};
use super::{Format, Limits, Note};
use crate::error::{Error, Result, plain};

/// Decodes a JPEG XL file, upright; of an animated one, the first frame.
pub(super) fn decode(bytes: &[u8], name: &str, limits: Limits) -> Result<Raw> {
    let damaged = |why: String| Error::damaged(name, Format::Jxl.name(), why);
    let fail = |e| damaged(plain(e));
    // Decoding takes floats, and several copies of them.
    let memory = usize::try_from(limits.pixels.saturating_mul(64)).unwrap_or(usize::MAX);
    let tracker = AllocTracker::with_limit(memory);
    let mut file = JxlImage::builder().alloc_tracker(tracker).read(bytes).map_err(fail)?;
    let (width, height) = (file.width() as usize, file.height() as usize);
    limits.check(name, width, height)?;
    // It is decoded to floats, four a pixel.
    limits.check_bytes(name, (width, height), 16 * (width as u64) * (height as u64))?;
    if !file.is_loading_done() {
        return Err(damaged("it ends in the middle of the picture".into()));
    }
    let mut notes = Vec::new();
    if file.num_loaded_keyframes() > 1 {
        notes.push(Note::FirstFrameOnly);
    }
    if file.hdr_type().is_some() {
        notes.push(Note::HighDynamicRange);
    }
    if file.pixel_format().has_black() {
        return Err(Error::Unsupported {
            name: name.into(),
            format: Format::Jxl.name(),
            why: "its colours are inks (CMYK)".into(),
        });
    }
    file.request_color_encoding(EnumColourEncoding::srgb(RenderingIntent::Relative));
    let render = file.render_frame(0).map_err(fail)?;
    // Colours that are described by a profile alone stay as they are.
    let profile = Profile::of_icc(file.rendered_icc());
    if file.image_header().metadata.bit_depth.bits_per_sample() > 8 {
        notes.push(Note::RoundedTo8Bit);
    }
    let picture = picture(render.stream(), file.pixel_format().has_alpha())
        .ok_or_else(|| damaged("its size and its data do not fit each other".into()))?;
    Ok(Raw {
        pixels: Pixels::Plain(picture),
        profile,
        exif: None,
        // The decoder has turned it.
        orientation: Orientation::NoTransforms,
        notes,
    })
}

/// 16 bits a channel, so that a profile can be applied without banding.
fn picture(mut stream: jxl_oxide::ImageStream, alpha: bool) -> Option<DynamicImage> {
    let (width, height, channels) = (stream.width(), stream.height(), stream.channels());
    let mut samples = vec![0u16; width as usize * height as usize * channels as usize];
    stream.write_to_buffer(&mut samples);
    match (channels, alpha) {
        (1, _) => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageLuma16),
        (2, true) => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageLumaA16),
        (3, _) => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgb16),
        (4, true) => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgba16),
        _ => None,
    }
}
