//! Sizes that a dial asks for, within reason.

use anyhow::{Result, bail};
use impasto::Image;
use impasto_media::resize;
use impasto_media::still::Limits;

/// Refuses a size with more pixels than a picture may have. `dial` asked for it.
pub fn check(image: &Image, shorter_px: usize, dial: &str) -> Result<()> {
    let (width, height) = resize::size_for_shorter_side(image.width(), image.height(), shorter_px);
    let limit = Limits::default().pixels;
    if width as u64 * height as u64 > limit {
        bail!("{dial} {shorter_px} would make it {width}x{height} px; the limit is {limit} pixels");
    }
    Ok(())
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
}
