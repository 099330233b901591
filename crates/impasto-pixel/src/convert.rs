//! Planar YCbCr to sRGB and back.
//!
//! YCbCr follows ITU-R BT.601, BT.709 or BT.2020 in the range that is stated. Chroma is taken as lying in the middle of
//! its pixels.

#[cfg(any(test, target_arch = "wasm32"))]
mod plain;
#[cfg(not(target_arch = "wasm32"))]
mod vectors;

#[cfg(target_arch = "wasm32")]
pub use plain::{image_from_planes, planes_from_image};
#[cfg(not(target_arch = "wasm32"))]
pub use vectors::{image_from_planes, planes_from_image};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Color, Matrix};
    use impasto_core::Image;

    fn flat(rgb: [u8; 3]) -> Image {
        Image::from_fn(16, 16, |_, _| rgb)
    }

    /// Pure red in every standard, by the formulas of the recommendations.
    #[test]
    fn matrices_and_ranges_are_those_of_the_standards() {
        let red = [
            (Matrix::Bt601, false, [81, 90, 240]),
            (Matrix::Bt601, true, [76, 85, 255]),
            (Matrix::Bt709, false, [63, 102, 240]),
            (Matrix::Bt709, true, [54, 99, 255]),
            (Matrix::Bt2020, false, [74, 97, 240]),
        ];
        for (matrix, full, expected) in red {
            let color = Color { matrix, full };
            let planes = planes_from_image(&flat([255, 0, 0]), color);
            let found = [planes.y[20], planes.u[20], planes.v[20]];
            assert!(found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1), "{color:?}: {found:?}");
            let back = image_from_planes(&planes).pixel(3, 3);
            assert!(back[0] >= 252 && back[1] <= 3 && back[2] <= 3, "{color:?}: {back:?}");
        }
    }

    #[test]
    fn the_usual_colour_depends_on_the_size() {
        assert_eq!(Color::usual(720, 576).matrix, Matrix::Bt601);
        assert_eq!(Color::usual(1280, 720).matrix, Matrix::Bt709);
    }
}
