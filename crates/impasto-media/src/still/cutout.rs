//! Pixels that nobody sees, given colours that follow from those that are seen.
//!
//! The colours under full transparency are an accident of the program that wrote the file. A network reads them like any
//! other: they would decide the statistics of the picture and the strokes at the cut-out's edge. Each of them is replaced
//! by a seen pixel: the border is a mirror, so that texture goes on beyond it.

use impasto_core::Image;

/// Opacity, of 255, below which nobody tells a pixel's colour.
const SEEN: u8 = 8;

/// Whether any pixel is seen.
pub fn is_seen(alpha: &[u8]) -> bool {
    alpha.iter().any(|&a| a >= SEEN)
}

/// The picture with every unseen pixel replaced by a seen one. A picture of which nothing is seen becomes grey.
pub fn fill(image: &Image, alpha: &[u8]) -> Image {
    let (width, height) = (image.width(), image.height());
    if alpha.iter().all(|&a| a >= SEEN) {
        return image.clone();
    }
    if !is_seen(alpha) {
        return Image::from_fn(width, height, |_, _| [128; 3]);
    }
    let nearest = nearest_seen(alpha, width, height);
    let seen = |x: i64, y: i64| {
        let inside = (0..width as i64).contains(&x) && (0..height as i64).contains(&y);
        inside && alpha[y as usize * width + x as usize] >= SEEN
    };
    Image::from_fn(width, height, |x, y| {
        let (near_x, near_y) = nearest[y * width + x];
        let mirror = (2 * i64::from(near_x) - x as i64, 2 * i64::from(near_y) - y as i64);
        match seen(mirror.0, mirror.1) {
            true => image.pixel(mirror.0 as usize, mirror.1 as usize),
            false => image.pixel(near_x as usize, near_y as usize),
        }
    })
}

/// The smallest rectangle `[left, top, width, height]` that holds all that is seen; `None` where nothing is.
pub fn bounds(alpha: &[u8], width: usize) -> Option<[usize; 4]> {
    let rows = || alpha.chunks_exact(width).enumerate();
    let is_seen = |row: &[u8]| row.iter().any(|&a| a >= SEEN);
    let top = rows().find(|(_, row)| is_seen(row))?.0;
    let bottom = rows().rfind(|(_, row)| is_seen(row))?.0;
    let first = |row: &[u8]| row.iter().position(|&a| a >= SEEN);
    let last = |row: &[u8]| row.iter().rposition(|&a| a >= SEEN);
    let left = rows().filter_map(|(_, row)| first(row)).min()?;
    let right = rows().filter_map(|(_, row)| last(row)).max()?;
    Some([left, top, right + 1 - left, bottom + 1 - top])
}

/// For every pixel the place of a seen one, near the nearest: two sweeps over the eight neighbours (Danielsson 1980).
fn nearest_seen(alpha: &[u8], width: usize, height: usize) -> Vec<(u32, u32)> {
    const NONE: (u32, u32) = (u32::MAX, u32::MAX);
    let own = |i: usize| if alpha[i] >= SEEN { ((i % width) as u32, (i / width) as u32) } else { NONE };
    let mut found: Vec<_> = (0..alpha.len()).map(own).collect();
    let mut sweep = |backwards: bool| {
        for step in 0..height {
            let y = if backwards { height - 1 - step } else { step };
            let beside = if backwards { y + 1 } else { y.wrapping_sub(1) };
            for x in 0..width {
                for from in [x.wrapping_sub(1), x, x + 1] {
                    take_nearer(&mut found, (x, y), (from, beside), (width, height));
                }
            }
            for x in 1..width {
                take_nearer(&mut found, (x, y), (x - 1, y), (width, height));
            }
            for x in (0..width - 1).rev() {
                take_nearer(&mut found, (x, y), (x + 1, y), (width, height));
            }
        }
    };
    sweep(false);
    sweep(true);
    found
}

/// Takes over a neighbour's seen pixel where it is nearer than the one known.
fn take_nearer(
    found: &mut [(u32, u32)],
    at: (usize, usize),
    from: (usize, usize),
    (width, height): (usize, usize),
) {
    if from.0 >= width || from.1 >= height {
        return;
    }
    let candidate = found[from.1 * width + from.0];
    let known = found[at.1 * width + at.0];
    if candidate.0 != u32::MAX && distance(candidate, at) < distance(known, at) {
        found[at.1 * width + at.0] = candidate;
    }
}

/// Squared; a pixel that is not known is farther than all others.
fn distance(seen: (u32, u32), (x, y): (usize, usize)) -> u64 {
    if seen.0 == u32::MAX {
        return u64::MAX;
    }
    let (dx, dy) = (u64::from(seen.0).abs_diff(x as u64), u64::from(seen.1).abs_diff(y as u64));
    dx * dx + dy * dy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unseen_pixels_have_no_say() {
        let alpha: Vec<u8> = (0..60).map(|i| if i % 10 < 4 { 255 } else { (i % 3) as u8 }).collect();
        let under =
            |hidden: u8| {
                Image::from_fn(10, 6, |x, y| {
                    if x < 4 { [x as u8, y as u8, 9] } else { [hidden, 255 - hidden, hidden] }
                })
            };
        let filled = fill(&under(0), &alpha);
        assert_eq!(filled, fill(&under(200), &alpha));
        assert_eq!(filled.pixel(2, 3), [2, 3, 9], "what is seen stays");
        assert_eq!(filled.pixel(4, 3), [2, 3, 9], "the border (at 3) is a mirror");
        assert_eq!(filled.pixel(9, 3), [3, 3, 9], "beyond the mirror's reach the border goes on");
    }

    #[test]
    fn nothing_seen_is_grey_and_everything_seen_stays() {
        let image = Image::from_fn(3, 2, |x, _| [x as u8; 3]);
        assert_eq!(fill(&image, &[255; 6]), image);
        assert_eq!(fill(&image, &[0; 6]).pixel(1, 1), [128; 3]);
        assert!(!is_seen(&[0; 6]) && bounds(&[0; 6], 3).is_none());
    }

    #[test]
    fn the_nearest_is_found_from_every_side() {
        let mut alpha = vec![0; 81];
        alpha[4 * 9 + 4] = 255;
        let image = Image::from_fn(9, 9, |x, y| if (x, y) == (4, 4) { [7; 3] } else { [99; 3] });
        assert!(fill(&image, &alpha).rgb().iter().all(|&v| v == 7));
        assert_eq!(bounds(&alpha, 9), Some([4, 4, 1, 1]));
    }
}
