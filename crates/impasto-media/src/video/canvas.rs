//! The picture of an animation as it is seen: parts laid over each other, and taken away again (GIF, APNG).

use super::frame::Pixels;
use impasto_core::Image;

/// What becomes of a part when its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposal {
    /// It stays.
    Keep,
    /// Its rectangle becomes transparent.
    Clear,
    /// What was there before comes back.
    Restore,
}

/// A rectangle in px. It may reach beyond the canvas.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Part {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

/// RGBA, not multiplied, transparent at first.
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    shown: Vec<u8>,
    last: Part,
    disposal: Disposal,
    /// What was there before the last part, where that comes back.
    under: Vec<u8>,
}

impl Canvas {
    pub fn new(width: usize, height: usize) -> Self {
        let shown = vec![0; 4 * width * height];
        Self { width, height, shown, last: Part::default(), disposal: Disposal::Keep, under: Vec::new() }
    }

    /// Ends the part before, and lays the next: its RGBA replaces what is there, or is blended `over` it.
    pub fn lay(&mut self, part: Part, rgba: &[u8], disposal: Disposal, over: bool) {
        self.dispose();
        if disposal == Disposal::Restore {
            self.under.clone_from(&self.shown);
        }
        (self.last, self.disposal) = (part, disposal);
        for (i, pixel) in rgba.as_chunks::<4>().0.iter().enumerate() {
            let (x, y) = (part.left + i % part.width.max(1), part.top + i / part.width.max(1));
            if x < self.width && y < self.height {
                let at = 4 * (y * self.width + x);
                let below = &mut self.shown[at..at + 4];
                match over {
                    true => blend(below, pixel),
                    false => below.copy_from_slice(pixel),
                }
            }
        }
    }

    fn dispose(&mut self) {
        let Part { left, top, width, height } = self.last;
        for y in top..(top + height).min(self.height) {
            let row = 4 * (y * self.width + left.min(self.width));
            let row = row..4 * (y * self.width + (left + width).min(self.width));
            match self.disposal {
                Disposal::Keep => return,
                Disposal::Clear => self.shown[row].fill(0),
                Disposal::Restore => self.shown[row.clone()].copy_from_slice(&self.under[row]),
            }
        }
    }

    /// Whether something is not there.
    pub fn is_transparent(&self) -> bool {
        self.shown.chunks_exact(4).any(|pixel| pixel[3] < 255)
    }

    pub fn pixels(&self) -> Pixels {
        split(&self.shown, self.width, self.height)
    }
}

/// Colours and opacity of interleaved RGBA.
pub(crate) fn split(rgba: &[u8], width: usize, height: usize) -> Pixels {
    let pixels = rgba.as_chunks::<4>().0;
    let rgb = pixels.iter().flat_map(|p| [p[0], p[1], p[2]]).collect();
    let image = Image::new(width, height, rgb).expect("a length of that size");
    Pixels::Rgba(image, pixels.iter().map(|p| p[3]).collect())
}

/// `above` over `below`, both RGBA that is not multiplied.
fn blend(below: &mut [u8], above: &[u8; 4]) {
    let (over, under) = (u32::from(above[3]), u32::from(below[3]));
    if over == 255 || under == 0 {
        return below.copy_from_slice(above);
    }
    // In units of 1/255².
    let alpha = 255 * over + under * (255 - over);
    for c in 0..3 {
        let sum = 255 * over * u32::from(above[c]) + under * (255 - over) * u32::from(below[c]);
        below[c] = ((sum + alpha / 2) / alpha) as u8;
    }
    below[3] = ((alpha + 127) / 255) as u8;
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: [u8; 4] = [255, 0, 0, 255];

    fn seen(canvas: &Canvas) -> Vec<u8> {
        let Pixels::Rgba(_, alpha) = canvas.pixels() else { panic!("a canvas has opacity") };
        alpha
    }

    #[test]
    fn parts_come_and_go() {
        let part = |left| Part { left, top: 0, width: 1, height: 1 };
        let mut canvas = Canvas::new(3, 1);
        canvas.lay(part(0), &RED, Disposal::Keep, true);
        canvas.lay(part(1), &RED, Disposal::Clear, true);
        assert_eq!(seen(&canvas), [255, 255, 0]);
        canvas.lay(part(2), &RED, Disposal::Restore, true);
        assert_eq!(seen(&canvas), [255, 0, 255]);
        canvas.lay(part(9), &RED, Disposal::Keep, true);
        assert_eq!(seen(&canvas), [255, 0, 0], "what lies outside is not seen");
        canvas.lay(part(0), &[0; 4], Disposal::Keep, true);
        assert_eq!(seen(&canvas), [255, 0, 0], "nothing over something");
        canvas.lay(part(0), &[0; 4], Disposal::Keep, false);
        assert_eq!(seen(&canvas), [0, 0, 0], "nothing instead of something");
    }

    #[test]
    fn half_over_half_is_three_quarters() {
        let mut below = [0, 0, 255, 128];
        blend(&mut below, &[255, 0, 0, 128]);
        assert_eq!(below, [170, 0, 85, 192]);
    }
}
