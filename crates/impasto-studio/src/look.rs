//! The picture as it is seen: mirrored, or split between camera and painting.

use crate::picture::Picture;
use impasto_core::Image;
use impasto_pixel::Planes;

/// The painting with the left share `split` (`0..=1`) of what is seen taken from `original`, and mirrored where asked.
///
/// Both have one size; where they do not, as after a change in mid-stream, nothing is split.
pub fn seen(painted: Picture, original: &Picture, mirror: bool, split: f32) -> Picture {
    let (width, height) = (painted.width(), painted.height());
    let same = (original.width(), original.height()) == (width, height);
    // Even, so that chroma of half the width is cut at the same place.
    let columns = if same { (width as f32 * split / 2.0).round() as usize * 2 } else { 0 }.min(width);
    if columns == 0 && !mirror {
        return painted;
    }
    // What is seen on the left lies on the right before it is mirrored.
    let from = if mirror { width - columns } else { 0 };
    if painted.has_planes() && original.planes().color == painted.planes().color {
        let mut planes = painted.planes().clone();
        change_planes(&mut planes, original.planes(), from, columns, mirror);
        return planes.into();
    }
    let mut image = painted.image().clone();
    change_image(&mut image, original.image(), from, columns, mirror);
    image.into()
}

fn change_image(image: &mut Image, original: &Image, from: usize, columns: usize, mirror: bool) {
    let width = image.width();
    let cut = 3 * from..3 * (from + columns);
    let rows = image.rgb_mut().chunks_exact_mut(3 * width);
    for (row, before) in rows.zip(original.rgb().chunks_exact(3 * width)) {
        row[cut.clone()].copy_from_slice(&before[cut.clone()]);
        if mirror {
            row.reverse();
            // Reversed byte by byte, a pixel is BGR.
            row.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2));
        }
    }
}

fn change_planes(planes: &mut Planes, original: &Planes, from: usize, columns: usize, mirror: bool) {
    let chroma_width = planes.chroma.plane(planes.width, planes.height).0;
    let ends = (from, from + columns);
    let chroma_ends = (from.div_ceil(2), (from + columns).div_ceil(2));
    let parts = [
        (&mut planes.y, &original.y, planes.width, ends),
        (&mut planes.u, &original.u, chroma_width, chroma_ends),
        (&mut planes.v, &original.v, chroma_width, chroma_ends),
    ];
    for (plane, before, stride, (from, to)) in parts {
        for (row, before) in plane.chunks_exact_mut(stride).zip(before.chunks_exact(stride)) {
            row[from..to].copy_from_slice(&before[from..to]);
            if mirror {
                row.reverse();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: usize, height: usize, base: u8) -> Image {
        Image::from_fn(width, height, |x, y| [base + x as u8, y as u8, 7])
    }

    #[test]
    fn images_are_split_and_mirrored() {
        let (painted, original) = (ramp(8, 3, 100), Picture::from(ramp(8, 3, 0)));
        let found = |mirror, split| seen(painted.clone().into(), &original, mirror, split).image().clone();
        assert_eq!(found(false, 0.0), painted);
        assert_eq!(found(true, 0.0).pixel(1, 2), [106, 2, 7]);
        assert_eq!((found(false, 0.5).pixel(3, 1), found(false, 0.5).pixel(4, 1)), ([3, 1, 7], [104, 1, 7]));
        // Seen on the left is still the camera, and both halves are mirrored.
        assert_eq!((found(true, 0.5).pixel(0, 0), found(true, 0.5).pixel(7, 0)), ([7, 0, 7], [100, 0, 7]));
        assert_eq!(found(false, 1.0), *original.image());
    }

    #[test]
    fn planes_are_changed_as_images_are() {
        for (width, height) in [(16, 8), (17, 9)] {
            let (a, b) = (impasto::scene::draw(width, height, 0.0), impasto::scene::draw(width, height, 9.0));
            let planes = |image: &Image| Picture::from(Picture::from(image.clone()).planes().clone());
            for (mirror, split) in [(true, 0.0), (false, 0.5), (true, 0.25), (true, 1.0)] {
                let by_planes = seen(planes(&a), &planes(&b), mirror, split);
                let by_image = seen(a.clone().into(), &b.clone().into(), mirror, split);
                assert!(by_planes.has_planes());
                let luma = |picture: &Picture| picture.planes().y.clone();
                let far =
                    luma(&by_planes).iter().zip(luma(&by_image)).filter(|(a, b)| a.abs_diff(*b) > 2).count();
                assert_eq!(far, 0, "{width}x{height} mirror {mirror} split {split}");
            }
        }
    }

    #[test]
    fn sizes_that_differ_are_not_split() {
        let painted = ramp(8, 3, 100);
        assert_eq!(*seen(painted.clone().into(), &ramp(6, 3, 0).into(), false, 0.5).image(), painted);
    }
}
