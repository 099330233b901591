//! Contact sheets: paintings side by side, to look at.

use impasto_core::{Image, Tensor};

/// White px between cells.
const GAP_PX: usize = 4;
const WHITE: [u8; 3] = [255; 3];

/// A grid of pictures on white, each in the upper left corner of its cell.
pub struct Sheet {
    /// Name for its file, without ending.
    pub name: String,
    /// Width and height of a cell.
    cell: (usize, usize),
    rows: Vec<Vec<Option<Image>>>,
}

impl Sheet {
    /// An empty sheet of cells of this width and height.
    pub fn new(name: impl Into<String>, cell: (usize, usize)) -> Self {
        Self { name: name.into(), cell, rows: Vec::new() }
    }

    /// Adds a row; `None` leaves its place white.
    ///
    /// # Panics
    /// If a picture is larger than a cell.
    pub fn push(&mut self, row: Vec<Option<&Tensor>>) {
        let image = |t: &Tensor| {
            assert!(t.shape().width <= self.cell.0 && t.shape().height <= self.cell.1, "larger than a cell");
            Image::from_tensor(t)
        };
        self.rows.push(row.into_iter().map(|cell| cell.map(image)).collect());
    }

    /// Draws it.
    pub fn draw(&self) -> Image {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let side = |cells: usize, cell_px: usize| (cells * (cell_px + GAP_PX) + GAP_PX).max(1);
        // The cell and the pixel in it.
        let inside = |at: usize, cell_px: usize| {
            at.checked_sub(GAP_PX).map(|at| (at / (cell_px + GAP_PX), at % (cell_px + GAP_PX)))
        };
        let (width, height) = self.cell;
        Image::from_fn(side(columns, width), side(self.rows.len(), height), |x, y| {
            let (Some((column, x)), Some((row, y))) = (inside(x, width), inside(y, height)) else {
                return WHITE;
            };
            let picture = self.rows.get(row).and_then(|row| row.get(column)).and_then(Option::as_ref);
            match picture.filter(|picture| x < picture.width() && y < picture.height()) {
                Some(picture) => picture.pixel(x, y),
                None => WHITE,
            }
        })
    }
}

/// `count` positions spread evenly over `0..len`, all of them when there are fewer.
pub(crate) fn spread(len: usize, count: usize) -> Vec<usize> {
    let count = count.min(len);
    (0..count).map(|k| k * len / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::Shape;

    #[test]
    fn cells_stand_where_they_belong() {
        let flat = |v: f32| Tensor::from_fn(Shape::new(3, 8, 8), |_, _, _| v);
        let (black, grey) = (flat(0.0), flat(0.4));
        let mut sheet = Sheet::new("s", (8, 8));
        sheet.push(vec![None, Some(&grey)]);
        sheet.push(vec![Some(&black)]);
        let image = sheet.draw();
        assert_eq!((image.width(), image.height()), (28, 28));
        assert_eq!(image.pixel(4, 4), [255; 3]);
        assert_eq!(
            (image.pixel(15, 4), image.pixel(16, 4), image.pixel(23, 11)),
            ([255; 3], [102; 3], [102; 3])
        );
        assert_eq!(
            (image.pixel(4, 16), image.pixel(16, 16), image.pixel(27, 27)),
            ([0; 3], [255; 3], [255; 3])
        );
    }

    #[test]
    fn few_are_spread_over_all() {
        assert_eq!(spread(14, 4), [0, 3, 7, 10]);
        assert_eq!(spread(3, 9), [0, 1, 2]);
        assert!(spread(0, 9).is_empty());
    }
}
