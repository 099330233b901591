//! The last part of the way from a painting to its photo.

use impasto_core::Image;

/// Below this strength the photo comes through. Above it the network alone makes the style milder, which leaves no double edges.
const OPAQUE: f32 = 0.5;

/// The share of the painting in what is shown: 0 at strength 0, 1 from [`OPAQUE`] on, where it arrives without a kink.
fn share(strength: f32) -> f32 {
    let x = (strength / OPAQUE).min(1.0);
    x * (2.0 - x)
}

/// Moves `painted`, which was painted with `strength`, towards `photo`, which it is at 0.
///
/// # Panics
/// If the sizes differ.
pub(crate) fn toward_photo(painted: &mut Image, photo: &Image, strength: f32) {
    let size = |image: &Image| (image.width(), image.height());
    assert_eq!(size(painted), size(photo), "a painting and its photo have one size");
    let share = (256.0 * share(strength)).round() as i32;
    if share == 256 {
        return;
    }
    for (painted, &photo) in painted.rgb_mut().iter_mut().zip(photo.rgb()) {
        let away = i32::from(*painted) - i32::from(photo);
        // Between the two bytes, so it fits.
        *painted = (i32::from(photo) + ((away * share + 128) >> 8)) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_photo_at_0_and_the_painting_from_a_half_on() {
        let (photo, painting) =
            (Image::from_fn(2, 1, |_, _| [0, 200, 255]), Image::from_fn(2, 1, |_, _| [255, 100, 0]));
        let at = |strength| {
            let mut shown = painting.clone();
            toward_photo(&mut shown, &photo, strength);
            shown.pixel(1, 0)
        };
        assert_eq!((at(0.0), at(0.5), at(1.0)), ([0, 200, 255], [255, 100, 0], [255, 100, 0]));
        let mut last = at(0.0);
        for step in 1..=20 {
            let now = at(step as f32 / 40.0);
            assert!(now[0] > last[0] || now[0] == 255, "{step}: {now:?}");
            assert!(now[1] <= last[1] && now[2] <= last[2]);
            last = now;
        }
    }
}
