//! Parts of a picture that are not there.

use impasto_core::Image;

/// Opacity from which on a GIF's pixel is there.
pub(crate) const SEEN: u8 = 128;

/// The picture on white.
pub(crate) fn on_white(mut image: Image, alpha: &[u8]) -> Image {
    for (pixel, &a) in image.rgb_mut().chunks_exact_mut(3).zip(alpha) {
        let a = u32::from(a);
        for c in pixel {
            *c = ((u32::from(*c) * a + 255 * (255 - a) + 127) / 255) as u8;
        }
    }
    image
}

/// Gives every pixel that nobody sees the mean colour of those that are seen, so that hidden colours decide nothing.
pub(crate) fn fill_unseen(image: &mut Image, alpha: &[u8]) {
    let (mut sum, mut weight) = ([0u64; 3], 0u64);
    for (pixel, &a) in image.rgb().chunks_exact(3).zip(alpha) {
        (0..3).for_each(|c| sum[c] += u64::from(pixel[c]) * u64::from(a));
        weight += u64::from(a);
    }
    let mean = sum.map(|sum| (sum + weight / 2).checked_div(weight).unwrap_or(255) as u8);
    for (pixel, _) in image.rgb_mut().chunks_exact_mut(3).zip(alpha).filter(|(_, a)| **a == 0) {
        pixel.copy_from_slice(&mean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_colours_decide_nothing() {
        let filled = |hidden: [u8; 3]| {
            let mut image = Image::from_fn(3, 1, |x, _| [[10, 20, 30], [30, 40, 50], hidden][x]);
            fill_unseen(&mut image, &[255, 255, 0]);
            image
        };
        assert_eq!(filled([255, 0, 0]), filled([0, 9, 255]));
        assert_eq!(filled([0; 3]).pixel(2, 0), [20, 30, 40]);
        let white = on_white(filled([0; 3]), &[255, 0, 0]);
        assert_eq!((white.pixel(0, 0), white.pixel(1, 0)), ([10, 20, 30], [255; 3]));
    }
}
