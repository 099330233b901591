//! Contact sheets: pictures of one size in rows, each with its name below.

use impasto::Image;
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// White between the pictures, in px.
const GAP_PX: usize = 8;
/// Height of a line of text with its white, in px.
const LINE_PX: usize = 22;
const FONT: (FontWeight, RasterHeight) = (FontWeight::Regular, RasterHeight::Size16);

/// All pictures, which have one size, in rows of about as many as there are rows, with their labels.
pub fn draw(pictures: &[(Image, String)]) -> Image {
    let columns = (pictures.len() as f64).sqrt().ceil().max(1.0) as usize;
    let rows = pictures.len().div_ceil(columns);
    let (width, height) = pictures.first().map_or((1, 1), |(first, _)| (first.width(), first.height()));
    let (cell_width, cell_height) = (width + GAP_PX, height + LINE_PX + GAP_PX);
    let labels: Vec<_> = pictures.iter().map(|(_, label)| line(label, width)).collect();
    Image::from_fn(columns * cell_width - GAP_PX, rows * cell_height - GAP_PX, |x, y| {
        let (inside_x, inside_y) = (x % cell_width, y % cell_height);
        let at = y / cell_height * columns + x / cell_width;
        match pictures.get(at) {
            Some((picture, _)) if inside_x < width && inside_y < height => picture.pixel(inside_x, inside_y),
            Some(_) if inside_x < width && inside_y < height + LINE_PX => {
                [labels[at][(inside_y - height) * width + inside_x]; 3]
            }
            _ => [255; 3],
        }
    })
}

/// Two pictures of one height, the second to the right of the first.
pub fn side_by_side(left: &Image, right: &Image) -> Image {
    let (width, height) = (left.width(), left.height());
    Image::from_fn(width + GAP_PX + right.width(), height, |x, y| match x.checked_sub(width + GAP_PX) {
        None if x < width => left.pixel(x, y),
        None => [255; 3],
        Some(x) => right.pixel(x, y),
    })
}

/// A line of text, dark on white, `width` x [`LINE_PX`]; what does not fit ends in dots.
fn line(text: &str, width: usize) -> Vec<u8> {
    let mut out = vec![255; width * LINE_PX];
    let step = get_raster_width(FONT.0, FONT.1);
    let most = width / step;
    let count = text.chars().count();
    let fitting: String = match count > most {
        true => text.chars().take(most.saturating_sub(2)).chain("..".chars()).take(most).collect(),
        false => text.into(),
    };
    let start = (width - fitting.chars().count() * step) / 2;
    let top = (LINE_PX - FONT.1.val()) / 2;
    for (i, letter) in fitting.chars().enumerate() {
        let Some(raster) = get_raster(letter, FONT.0, FONT.1).or_else(|| get_raster('?', FONT.0, FONT.1))
        else {
            continue;
        };
        for (y, row) in raster.raster().iter().enumerate() {
            for (x, ink) in row.iter().enumerate() {
                out[(top + y) * width + start + i * step + x] = 255 - ink;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_has_every_picture_once_with_its_name() {
        let pictures: Vec<_> =
            (1..=3).map(|i| (Image::from_fn(40, 20, |_, _| [i; 3]), format!("p{i}"))).collect();
        let sheet = draw(&pictures);
        let (cell_width, cell_height) = (40 + GAP_PX, 20 + LINE_PX + GAP_PX);
        assert_eq!((sheet.width(), sheet.height()), (2 * cell_width - GAP_PX, 2 * cell_height - GAP_PX));
        let at = |x, y| sheet.pixel(x, y)[0];
        assert_eq!((at(0, 0), at(cell_width, 0), at(3, cell_height + 3)), (1, 2, 3));
        assert_eq!((at(41, 0), at(cell_width, cell_height)), (255, 255));
        let dark = |column: usize, row: usize| {
            let (left, top) = (column * cell_width, row * cell_height + 20);
            (0..LINE_PX).any(|y| (0..40).any(|x| at(left + x, top + y) < 100))
        };
        assert!(dark(0, 0) && dark(1, 0) && dark(0, 1) && !dark(1, 1), "labels stand below their pictures");
    }

    #[test]
    fn labels_never_leave_their_place() {
        for width in [1, 9, 20, 300] {
            assert_eq!(line("a very long name of a style", width).len(), width * LINE_PX);
        }
    }
}
