//! Keeping the photo's own colours.

use impasto_core::Image;
use impasto_core::image::byte_from_unit;

/// Moves the colours of `painted` towards those of `photo`, both of one size, by `amount` in `0..1`.
///
/// The painted brightness stays: in the luma and colour differences of ITU-R BT.601 (full range, on sRGB values as
/// they are) Y comes from the painting, Cb and Cr go from the painting's (0) to the photo's (1).
///
/// # Panics
/// If the sizes differ.
pub fn keep_color(painted: &mut Image, photo: &Image, amount: f32) {
    let size = |image: &Image| (image.width(), image.height());
    assert_eq!(size(painted), size(photo), "keep_color needs pictures of one size");
    if amount == 0.0 {
        return;
    }
    for (painted, photo) in painted.rgb_mut().chunks_exact_mut(3).zip(photo.rgb().chunks_exact(3)) {
        let (y, cb, cr) = differences_from_rgb(painted);
        let (_, own_cb, own_cr) = differences_from_rgb(photo);
        let rgb = rgb_from_differences(y, cb + amount * (own_cb - cb), cr + amount * (own_cr - cr));
        painted.copy_from_slice(&rgb.map(byte_from_unit));
    }
}

/// `0..=255` to luma in `0..1` and the unscaled differences `B - Y`, `R - Y`.
fn differences_from_rgb(rgb: &[u8]) -> (f32, f32, f32) {
    let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(|byte| f32::from(byte) / 255.0);
    let y = luma(r, g, b);
    (y, b - y, r - y)
}

fn rgb_from_differences(y: f32, b_y: f32, r_y: f32) -> [f32; 3] {
    let (r, b) = (y + r_y, y + b_y);
    [r, (y - 0.299 * r - 0.114 * b) / 0.587, b]
}

/// BT.601 luma.
fn luma(r: f32, g: f32, b: f32) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures() -> (Image, Image) {
        let photo = Image::from_fn(16, 16, |x, y| [(60 + 4 * x) as u8, (90 + 3 * y) as u8, 100]);
        let painted = Image::from_fn(16, 16, |x, y| [(100 + 3 * y) as u8, 110, (80 + 4 * x) as u8]);
        (photo, painted)
    }

    #[test]
    fn nothing_kept_changes_nothing() {
        let (photo, painted) = pictures();
        let mut out = painted.clone();
        keep_color(&mut out, &photo, 0.0);
        assert_eq!(out, painted);
    }

    #[test]
    fn all_kept_has_the_paintings_luma_and_the_photos_differences() {
        let (photo, painted) = pictures();
        let mut out = painted.clone();
        keep_color(&mut out, &photo, 1.0);
        for i in 0..256 {
            let at = |image: &Image| differences_from_rgb(&image.rgb()[3 * i..3 * i + 3]);
            let ((y, cb, cr), (painted_y, ..), (_, photo_cb, photo_cr)) =
                (at(&out), at(&painted), at(&photo));
            assert!(
                (y - painted_y).abs() < 0.01 && (cb - photo_cb).abs() < 0.01 && (cr - photo_cr).abs() < 0.01
            );
        }
    }

    #[test]
    fn a_picture_keeps_its_own_colour() {
        let (photo, _) = pictures();
        let mut out = photo.clone();
        keep_color(&mut out, &photo, 0.7);
        assert_eq!(out, photo);
    }
}
