//! A film turned, cropped or mirrored.

use super::frame::{Frame, Info, Source};
use crate::error::Result;
use crate::view::View;

/// A film of which frames are shown as a [`View`] says. Its pixels stay as stored; [`super::convert`] turns them.
pub struct Viewed<S> {
    source: S,
    info: Info,
}

impl<S: Source> Viewed<S> {
    /// The film as `view` shows it.
    pub fn new(source: S, view: View) -> Self {
        let mut info = source.info().clone();
        (info.width, info.height) = view.size(info.width, info.height);
        if view.rotation.turns_sides() {
            info.pixel_aspect = (info.pixel_aspect.1, info.pixel_aspect.0);
        }
        info.view = view;
        Self { source, info }
    }
}

impl<S: Source> Source for Viewed<S> {
    fn info(&self) -> &Info {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        self.source.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::{Pixels, Rotation, convert};
    use crate::view::Crop;
    use impasto_core::Image;

    struct Still(Info);

    impl Source for Still {
        fn info(&self) -> &Info {
            &self.0
        }

        fn read(&mut self) -> Result<Option<Frame>> {
            let image = Image::from_fn(40, 20, |x, y| [x as u8, y as u8, 9]);
            let alpha = (0..800).map(|i| if i % 40 < 20 { 255 } else { 128 }).collect();
            Ok(Some(Frame { pixels: Pixels::Rgba(image, alpha), start: 0, duration: 1 }))
        }
    }

    #[test]
    fn pictures_opacity_and_shape_of_pixels_turn_together() {
        let stored = Info { pixel_aspect: (4, 3), ..Info::of("a".into(), "", 40, 20) };
        let view = View { rotation: Rotation::ThreeQuarters, crop: Crop::Shape(1, 1), mirror: false };
        let mut film = Viewed::new(Still(stored), view);
        let info = film.info().clone();
        assert_eq!((info.width, info.height, info.pixel_aspect), (20, 20, (3, 4)));
        let pixels = film.read().unwrap().unwrap().pixels;
        let (image, alpha) = convert::upright_with_alpha(pixels, &info, 20, 20);
        // Turned counter-clockwise, the right column is the top row; the middle 20 of 40 rows are left.
        assert_eq!(image.pixel(0, 0), [29, 0, 9]);
        assert_eq!(image.pixel(19, 19), [10, 19, 9]);
        let alpha = alpha.unwrap();
        assert_eq!((alpha[0], alpha[399]), (128, 255));
    }
}
