//! The pictures of a folder, brought to one size.

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
    /// Reads all pictures of `folder`, or the one picture that it names.
    pub fn read(folder: &Path) -> Result<Self, EvalError> {
        let mut named = Vec::new();
        if folder.is_file() {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Ok(Self { named: vec![(name, still::read(folder)?.image)] });
        }
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

    /// Their central parts of this width and height: brought to the least size that covers it, then cropped.
    pub fn central(&self, size: (usize, usize)) -> Vec<Tensor> {
        self.named.iter().map(|(_, image)| central(image, size).to_tensor()).collect()
    }
}

fn central(image: &Image, (width, height): (usize, usize)) -> Image {
    let (own_width, own_height) = (image.width() as f64, image.height() as f64);
    let scale = (width as f64 / own_width).max(height as f64 / own_height);
    let scaled = |own: f64, least: usize| ((own * scale).round() as usize).max(least);
    let small = resize::resize(image, scaled(own_width, width), scaled(own_height, height));
    let (left, top) = ((small.width() - width) / 2, (small.height() - height) / 2);
    Image::from_fn(width, height, |x, y| small.pixel(left + x, top + y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_central() {
        let wide = Image::from_fn(30, 10, |x, _| if (10..20).contains(&x) { [200; 3] } else { [0; 3] });
        let tall = Image::from_fn(10, 31, |_, y| if (10..20).contains(&y) { [200; 3] } else { [0; 3] });
        for image in [wide, tall] {
            let square = central(&image, (10, 10));
            assert_eq!((square.width(), square.height()), (10, 10));
            assert!(square.rgb().iter().all(|&v| v == 200));
        }
        let banded = Image::from_fn(30, 30, |_, y| if (5..25).contains(&y) { [200; 3] } else { [0; 3] });
        let wide = central(&banded, (90, 20));
        assert_eq!((wide.width(), wide.height()), (90, 20));
        assert!(wide.rgb().iter().all(|&v| v == 200));
    }
}
