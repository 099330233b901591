//! Sizes that a dial asks for, within reason.

use anyhow::{Result, bail};
use impasto::Image;
use impasto_media::resize;
use impasto_media::still::Limits;
use std::str::FromStr;

/// Refuses a size with more pixels than a picture may have. `dial` asked for it.
pub fn check(image: &Image, shorter_px: usize, dial: &str) -> Result<()> {
    let (width, height) = resize::size_for_shorter_side(image.width(), image.height(), shorter_px);
    check_sides(width, height, &format!("{dial} {shorter_px}"))
}

/// Refuses a size with more pixels than a picture may have. `what` asked for it.
pub fn check_sides(width: usize, height: usize, what: &str) -> Result<()> {
    let limit = Limits::default().pixels;
    if width as u64 * height as u64 > limit {
        bail!("{what} would make it {width}x{height} px; the limit is {limit} pixels");
    }
    Ok(())
}

/// Width and height in px.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Width in px.
    pub width: usize,
    /// Height in px.
    pub height: usize,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let side = |side: &str| side.parse().ok().filter(|px| (1..=16_384).contains(px));
        let sides = word.split_once('x').and_then(|(w, h)| Some((side(w)?, side(h)?)));
        let (width, height) = sides.ok_or("WIDTHxHEIGHT in px is needed, such as 640x360")?;
        Ok(Self { width, height })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_of_a_picture_cannot_become_a_giant() {
        let thread = Image::black(10_000, 1);
        assert!(check(&thread, 0, "--size").is_ok());
        assert!(check(&thread, 1, "--size").is_ok());
        assert!(check(&thread, 200, "--size").is_err());
    }

    #[test]
    fn sizes_have_two_sides() {
        assert_eq!("640x360".parse(), Ok(Size { width: 640, height: 360 }));
        for bad in ["640", "0x1", "640x", "x", "1x99999", "-1x5"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }
}
