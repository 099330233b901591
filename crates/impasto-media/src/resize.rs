//! Pictures larger and smaller: those of [`impasto_pixel::resize`], and stills with their alpha.

pub use impasto_pixel::resize::*;

use crate::still::Still;

/// The still, its picture and its alpha, with the shorter side at `shorter_px`; 0 keeps it.
pub fn resize_still(still: Still, shorter_px: usize) -> Still {
    let from = (still.image.width(), still.image.height());
    let to = size_for_shorter_side(from.0, from.1, shorter_px);
    if from == to {
        return still;
    }
    let alpha = still.alpha.as_deref().map(|a| resize_plane(a, from, to));
    Still { image: resize(&still.image, to.0, to.1), alpha, ..still }
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::Image;

    #[test]
    fn alpha_follows_the_picture() {
        let mut still = Still::from_image(Image::from_fn(40, 20, |_, _| [9; 3]));
        still.alpha = Some((0..800).map(|i| if i % 40 < 20 { 0 } else { 255 }).collect());
        let small = resize_still(still, 10);
        let alpha = small.alpha.unwrap();
        assert_eq!((small.image.width(), alpha.len()), (20, 200));
        assert_eq!((alpha[2], alpha[17]), (0, 255));
    }
}
