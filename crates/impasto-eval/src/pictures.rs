//! The pictures of a folder, as squares.

use crate::EvalError;
use impasto_core::{Image, Tensor};
use impasto_media::{folder, resize, still};
use std::path::Path;

/// The pictures of a folder, sorted by name, at their own size.
pub struct Pictures {
    /// Name and picture.
    named: Vec<(String, Image)>,
}

impl Pictures {
    /// Reads all pictures of `folder`.
    pub fn read(folder: &Path) -> Result<Self, EvalError> {
        let mut named = Vec::new();
        for listed in folder::list_pictures(folder)? {
            let name = listed.relative.display().to_string();
            named.push((name, still::read(&listed.path)?.image));
        }
        if named.is_empty() {
            return Err(EvalError::NoPictures(folder.into()));
        }
        Ok(Self { named })
    }

    /// Their names, relative to the folder.
    pub fn names(&self) -> Vec<String> {
        self.named.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Their central squares: the shorter side brought to `side_px`, then cropped.
    pub fn squares(&self, side_px: usize) -> Vec<Tensor> {
        self.named.iter().map(|(_, image)| square(image, side_px).to_tensor()).collect()
    }
}

fn square(image: &Image, side_px: usize) -> Image {
    let small = resize::resize_shorter_side(image, side_px);
    let (left, top) = ((small.width() - side_px) / 2, (small.height() - side_px) / 2);
    Image::from_fn(side_px, side_px, |x, y| small.pixel(left + x, top + y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_central() {
        let wide = Image::from_fn(30, 10, |x, _| if (10..20).contains(&x) { [200; 3] } else { [0; 3] });
        let tall = Image::from_fn(10, 31, |_, y| if (10..20).contains(&y) { [200; 3] } else { [0; 3] });
        for image in [wide, tall] {
            let square = square(&image, 10);
            assert_eq!((square.width(), square.height()), (10, 10));
            assert!(square.rgb().iter().all(|&v| v == 200));
        }
    }
}
