//! Animated stickers: GIF, APNG and WebP in, APNG out, with transparency, times and the number of plays.
//!
//! Every frame is the whole picture as it is seen at its time, whatever the file keeps of it.

use std::io::Cursor;
use std::num::NonZeroU32;

use ::png::{BitDepth, ColorType, Encoder};
use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::metadata::LoopCount;
use image::{AnimationDecoder, Frames, ImageResult};
use impasto_core::Image;

use super::{Limits, Still, cutout, sniff};
use crate::error::{Error, Result, plain};

/// A frame: the whole picture, and how long it is shown.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The picture and its alpha.
    pub still: Still,
    /// Time it is shown, in ms.
    pub delay_ms: u32,
}

/// A short animation, decoded.
#[derive(Clone, Debug)]
pub struct Animation {
    /// All frames, of one size.
    pub frames: Vec<Frame>,
    /// Number of times it is played; 0 is for ever.
    pub plays: u32,
}

/// The animation in `bytes`; `None` where there is none of more than one frame, or more pixels in all than a photo may have.
///
/// # Errors
/// When a frame is damaged.
pub fn read(bytes: &[u8], name: &str, limits: Limits) -> Result<Option<Animation>> {
    let format = match sniff::sniff(bytes) {
        sniff::Kind::Picture(format) => format,
        sniff::Kind::Other { .. } => return Ok(None),
    };
    super::guarded_by(name, format, || {
        let fail = |e| Error::damaged(name, format.name(), plain(e));
        match opened(bytes, format).map_err(fail)? {
            Some((frames, plays)) => collected(frames, plays, limits).map_err(fail),
            None => Ok(None),
        }
    })
}

fn opened(bytes: &[u8], format: super::Format) -> ImageResult<Option<(Frames<'_>, LoopCount)>> {
    let open = Cursor::new(bytes);
    Ok(match format {
        super::Format::Gif => {
            let decoder = GifDecoder::new(open)?;
            let plays = match decoder.loop_count() {
                _ if !says_plays(bytes) => LoopCount::Finite(NonZeroU32::MIN),
                // A GIF counts how often it is played again.
                LoopCount::Finite(again) => LoopCount::Finite(again.saturating_add(1)),
                LoopCount::Infinite => LoopCount::Infinite,
            };
            Some((decoder.into_frames(), plays))
        }
        super::Format::Png => {
            let decoder = PngDecoder::new(open)?;
            if !decoder.is_apng()? {
                return Ok(None);
            }
            let decoder = decoder.apng()?;
            let plays = decoder.loop_count();
            Some((decoder.into_frames(), plays))
        }
        super::Format::WebP => {
            let decoder = WebPDecoder::new(open)?;
            if !decoder.has_animation() {
                return Ok(None);
            }
            let plays = decoder.loop_count();
            Some((decoder.into_frames(), plays))
        }
        _ => None,
    })
}

/// Whether a GIF says how often it is played; one that does not is played once.
fn says_plays(gif: &[u8]) -> bool {
    gif.windows(11).any(|w| w == b"NETSCAPE2.0" || w == b"ANIMEXTS1.0")
}

fn collected(frames: Frames<'_>, plays: LoopCount, limits: Limits) -> ImageResult<Option<Animation>> {
    let (mut kept, mut pixels) = (Vec::new(), 0u64);
    for frame in frames {
        let frame = frame?;
        let (width, height) = (frame.buffer().width(), frame.buffer().height());
        pixels += u64::from(width) * u64::from(height);
        if pixels > limits.pixels {
            return Ok(None);
        }
        let (numerator, denominator) = frame.delay().numer_denom_ms();
        let delay_ms = numerator / denominator.max(1);
        kept.push(Frame {
            still: still(frame.into_buffer().as_raw(), width as usize, height as usize),
            delay_ms,
        });
    }
    let plays = match plays {
        LoopCount::Infinite => 0,
        LoopCount::Finite(plays) => plays.get(),
    };
    Ok((kept.len() > 1).then_some(Animation { frames: kept, plays }))
}

/// A frame as a still; unseen pixels follow from the seen ones.
fn still(rgba: &[u8], width: usize, height: usize) -> Still {
    let rgb = rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    let image = Image::new(width, height, rgb).expect("four bytes a pixel");
    let alpha: Vec<u8> = rgba.chunks_exact(4).map(|p| p[3]).collect();
    if alpha.iter().all(|&a| a == 255) {
        return Still::from_image(image);
    }
    Still { image: cutout::fill(&image, &alpha), alpha: Some(alpha), ..Still::from_image(Image::black(1, 1)) }
}

/// The bytes of an APNG file; `xmp` is its mark.
///
/// # Errors
/// When there is no frame, or the frames differ in size.
pub fn encode_apng(animation: &Animation, xmp: Option<&str>, name: &str) -> Result<Vec<u8>> {
    encoded(animation, xmp).map_err(|why| Error::Encode { name: name.into(), format: "PNG", why })
}

fn encoded(animation: &Animation, xmp: Option<&str>) -> std::result::Result<Vec<u8>, String> {
    let first = &animation.frames.first().ok_or("it has no frame")?.still.image;
    let (width, height) = (first.width(), first.height());
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, width as u32, height as u32);
    encoder.set_color(ColorType::Rgba);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_filter(::png::Filter::Adaptive);
    encoder.set_animated(animation.frames.len() as u32, animation.plays).map_err(plain)?;
    if let Some(xmp) = xmp {
        encoder.add_itxt_chunk("XML:com.adobe.xmp".into(), xmp.into()).map_err(plain)?;
    }
    let mut writer = encoder.write_header().map_err(plain)?;
    for Frame { still, delay_ms } in &animation.frames {
        if (still.image.width(), still.image.height()) != (width, height) {
            return Err("its frames differ in size".into());
        }
        writer.set_frame_delay((*delay_ms).min(65_535) as u16, 1000).map_err(plain)?;
        writer.write_image_data(&rgba(still)).map_err(plain)?;
    }
    writer.finish().map_err(plain)?;
    Ok(out)
}

fn rgba(still: &Still) -> Vec<u8> {
    let alpha = |i: usize| still.alpha.as_ref().map_or(255, |alpha| alpha[i]);
    still.image.rgb().chunks_exact(3).enumerate().flat_map(|(i, p)| [p[0], p[1], p[2], alpha(i)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::gif::{GifEncoder, Repeat};
    use image::{Delay, RgbaImage};

    #[test]
    fn a_gif_becomes_an_apng_with_its_times_plays_and_holes() {
        let mut gif = Vec::new();
        let mut encoder = GifEncoder::new(&mut gif);
        encoder.set_repeat(Repeat::Finite(3)).unwrap();
        for (red, delay) in [(250, 100), (90, 250)] {
            let ball =
                RgbaImage::from_fn(12, 8, |x, _| image::Rgba([red, 0, 0, if x < 6 { 255 } else { 0 }]));
            let delay = Delay::from_numer_denom_ms(delay, 1);
            encoder.encode_frame(image::Frame::from_parts(ball, 0, 0, delay)).unwrap();
        }
        drop(encoder);
        let animation = read(&gif, "ball.gif", Limits::default()).unwrap().expect("two frames");
        let apng = encode_apng(&animation, Some("mark"), "ball.png").unwrap();
        let back = read(&apng, "ball.png", Limits::default()).unwrap().expect("two frames");
        assert_eq!((back.plays, animation.plays), (4, 4), "once, and three times again");
        assert_eq!(back.frames.iter().map(|f| f.delay_ms).collect::<Vec<_>>(), [100, 250]);
        for (frame, red) in back.frames.iter().zip([250u8, 90]) {
            assert!(frame.still.image.pixel(3, 3)[0].abs_diff(red) < 4);
            let alpha = frame.still.alpha.as_ref().expect("half of it is not seen");
            assert_eq!((alpha[2], alpha[9]), (255, 0));
        }
    }

    #[test]
    fn what_does_not_move_is_no_animation_and_what_is_too_long_neither() {
        let png = super::super::encode(
            &Still::from_image(Image::black(4, 4)),
            super::super::OutputFormat::Png,
            Default::default(),
        )
        .unwrap();
        assert!(read(&png, "a.png", Limits::default()).unwrap().is_none());
        assert!(read(b"Dear friend", "a.png", Limits::default()).unwrap().is_none());
        let frame = Frame { still: Still::from_image(Image::black(4, 4)), delay_ms: 40 };
        let apng = encode_apng(&Animation { frames: vec![frame; 5], plays: 0 }, None, "b.png").unwrap();
        assert_eq!(read(&apng, "b.png", Limits::default()).unwrap().unwrap().frames.len(), 5);
        let few = Limits { pixels: 64, ..Limits::default() };
        assert!(read(&apng, "b.png", few).unwrap().is_none());
    }
}
