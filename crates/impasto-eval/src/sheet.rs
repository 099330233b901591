//! Contact sheets: paintings side by side, to look at.

use impasto_core::{Image, Tensor};

/// White px between cells.
const GAP_PX: usize = 4;

/// A grid of square pictures on white.
pub struct Sheet {
    /// Name for its file, without ending.
    pub name: String,
    cell_px: usize,
    rows: Vec<Vec<Option<Image>>>,
}

impl Sheet {
    /// An empty sheet of cells of `cell_px`.
    pub fn new(name: impl Into<String>, cell_px: usize) -> Self {
        Self { name: name.into(), cell_px, rows: Vec::new() }
    }

    /// Adds a row; `None` leaves its place white.
    ///
    /// # Panics
    /// If a picture has not the size of a cell.
    pub fn push(&mut self, row: Vec<Option<&Tensor>>) {
        let image = |t: &Tensor| {
            assert_eq!((t.shape().height, t.shape().width), (self.cell_px, self.cell_px));
            Image::from_tensor(t)
        };
        self.rows.push(row.into_iter().map(|cell| cell.map(image)).collect());
    }

    /// Draws it.
    pub fn draw(&self) -> Image {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let side = |cells: usize| (cells * (self.cell_px + GAP_PX) + GAP_PX).max(1);
        let step = self.cell_px + GAP_PX;
        Image::from_fn(side(columns), side(self.rows.len()), |x, y| {
            let inside = |at: usize| at.checked_sub(GAP_PX).map(|at| (at / step, at % step));
            match (inside(x), inside(y)) {
                (Some((column, x)), Some((row, y))) if x < self.cell_px && y < self.cell_px => self.rows[row]
                    .get(column)
                    .and_then(Option::as_ref)
                    .map_or([255; 3], |picture| picture.pixel(x, y)),
                _ => [255; 3],
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
        let mut sheet = Sheet::new("s", 8);
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
