//! Painting parts of a photo in different styles.

use crate::{Dials, PaintError, Stylizer};
use impasto_core::image::byte_from_unit;
use impasto_core::{Image, Style};

/// Coverage of a region at each pixel: rows from the top, `0..=255` a pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    width: usize,
    height: usize,
    coverage: Vec<u8>,
}

impl Mask {
    /// Wraps coverages.
    ///
    /// # Panics
    /// If there is not one for each of `width * height` pixels.
    pub fn new(width: usize, height: usize, coverage: Vec<u8>) -> Self {
        assert_eq!(coverage.len(), width * height, "one coverage a pixel");
        Self { width, height, coverage }
    }

    /// White covers, black does not: the luma (BT.601) of a picture.
    pub fn from_image(image: &Image) -> Self {
        let luma = |p: &[u8]| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]);
        let coverage = image.rgb().chunks_exact(3).map(|p| byte_from_unit(luma(p) / 255.0)).collect();
        Self { width: image.width(), height: image.height(), coverage }
    }

    /// Covers a picture of that size whole.
    pub fn whole(width: usize, height: usize) -> Self {
        Self { width, height, coverage: vec![255; width * height] }
    }

    fn check(&self, photo: &Image) -> Result<(), PaintError> {
        let (width, height) = (photo.width(), photo.height());
        let (found_width, found_height) = (self.width, self.height);
        match (found_width, found_height) == (width, height) {
            true => Ok(()),
            false => Err(PaintError::MaskSize { width, height, found_width, found_height }),
        }
    }

    /// The part that `masks`, of one size, leave uncovered.
    ///
    /// # Panics
    /// If there is none, or their sizes differ.
    pub fn rest(masks: &[&Mask]) -> Self {
        let mut rest = Self { coverage: vec![255; masks[0].coverage.len()], ..masks[0].clone() };
        for mask in masks {
            assert_eq!((mask.width, mask.height), (rest.width, rest.height), "masks of different size");
            rest.coverage
                .iter_mut()
                .zip(&mask.coverage)
                .for_each(|(rest, &c)| *rest = rest.saturating_sub(c));
        }
        rest
    }
}

/// Paints the whole photo once a style and blends the paintings by the masks; where masks overlap their
/// coverages are weights, and where none covers, the photo stays. Strokes therefore run on
/// under the border of a region, and a soft mask gives a soft border.
pub(crate) fn paint(
    stylizer: &Stylizer,
    photo: &Image,
    regions: &[(Mask, Style)],
    dials: &Dials,
) -> Result<Image, PaintError> {
    // Sizes first: painting takes long.
    regions.iter().try_for_each(|(mask, _)| mask.check(photo))?;
    let paint = |(mask, style): &(Mask, Style)| Ok((mask.clone(), stylizer.paint(photo, style, dials)?));
    joined(photo, regions.iter().map(paint))
}

/// Puts paintings of the whole photo together, each where its mask says; where none covers, the photo stays.
pub fn joined<E: From<PaintError>>(
    photo: &Image,
    regions: impl IntoIterator<Item = Result<(Mask, Image), E>>,
) -> Result<Image, E> {
    let (width, height) = (photo.width(), photo.height());
    let mut sums = vec![0.0f32; 3 * width * height];
    let mut covered = vec![0.0f32; width * height];
    let mut any = false;
    for region in regions {
        let (mask, painted) = region?;
        mask.check(photo)?;
        any = true;
        for (i, &coverage) in mask.coverage.iter().enumerate() {
            let weight = f32::from(coverage) / 255.0;
            covered[i] += weight;
            let (sum, pixel) = (&mut sums[3 * i..3 * i + 3], &painted.rgb()[3 * i..3 * i + 3]);
            sum.iter_mut().zip(pixel).for_each(|(sum, &byte)| *sum += weight * f32::from(byte));
        }
    }
    if !any {
        return Err(PaintError::NoRegion.into());
    }
    Ok(blend(photo, &sums, &covered))
}

fn blend(photo: &Image, sums: &[f32], covered: &[f32]) -> Image {
    let mut out = photo.clone();
    for (i, pixel) in out.rgb_mut().chunks_exact_mut(3).enumerate() {
        let (own, total) = ((1.0 - covered[i]).max(0.0), covered[i].max(1.0));
        for (c, byte) in pixel.iter_mut().enumerate() {
            *byte = byte_from_unit((own * f32::from(*byte) + sums[3 * i + c]) / (total * 255.0));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_what_no_mask_covers() {
        let mask = |coverage: [u8; 4]| Mask::new(2, 2, coverage.to_vec());
        let (a, b) = (mask([0, 255, 100, 0]), mask([0, 0, 100, 200]));
        assert_eq!(Mask::rest(&[&a, &b]), mask([255, 0, 55, 55]));
        assert_eq!(Mask::rest(&[&a]), mask([255, 0, 155, 255]));
        assert_eq!(Mask::rest(&[&a, &a, &a]), mask([255, 0, 0, 255]));
    }
}
