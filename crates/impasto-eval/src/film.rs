//! Steadiness of a painted film, measured against the film itself: change of places that do not change, and difference to the frame
//! before where the camera's motion predicts the film.

use impasto_core::{Image, Tensor};
use serde::{Deserialize, Serialize};

/// A pixel is still while the mean of its surroundings changes by less than this, of 255.
const STILL: f32 = 3.0;
/// Half the side of the surroundings, px: wide enough to average a camera's noise away.
const AROUND: usize = 4;
/// The film is predicted by the camera's motion where it differs by less than this, of 255.
const PREDICTED: f32 = 6.0;
/// Pixels at the border that the motion cannot predict.
const BORDER: usize = 12;

/// A film's frames, and where they stand still and move with the camera.
pub struct Film {
    frames: Vec<Image>,
    /// For each frame after the first, the pixels that are still.
    still: Vec<Vec<bool>>,
    /// The camera's motion from each frame to the next, px; `None` where it cannot be followed.
    shifts: Vec<Option<[f32; 2]>>,
}

/// Figures of one painted film, means over frames.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilmFigures {
    /// Mean change from frame to frame of still pixels, of 255; none where nothing is still.
    pub still: Option<f64>,
    /// Mean difference to the frame before, moved along with the camera, where the film itself is predicted within 6 of 255; of 255. None
    /// where the camera's motion cannot be followed.
    pub warp: Option<f64>,
    /// Mean absolute Laplacian of luma, of 255: the price of holding still.
    pub sharpness: f64,
}

/// A film's part of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClipReport {
    /// Its name.
    pub clip: String,
    /// Width of the frames, px.
    pub width: usize,
    /// Height of the frames, px.
    pub height: usize,
    /// Number of frames.
    pub frames: usize,
    /// Names of the paintings; figures are means over them.
    pub styles: Vec<String>,
    /// The film itself.
    pub unpainted: FilmFigures,
    /// By model and steadiness.
    pub results: Vec<ClipFigures>,
}

/// One model's painting of a film.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClipFigures {
    /// The candidate's name.
    pub model: String,
    /// The dial of the video command, `0..1`.
    pub steady: f32,
    /// Means over styles.
    pub figures: FilmFigures,
}

impl Film {
    /// Finds what is still; `shift(before, now)` gives the camera's motion in px `[x, y]`.
    ///
    /// # Panics
    /// If the frames differ in size.
    pub fn new(frames: Vec<Image>, shift: impl Fn(&Image, &Image) -> Option<[f32; 2]>) -> Self {
        let size = |frame: &Image| (frame.width(), frame.height());
        assert!(frames.windows(2).all(|pair| size(&pair[0]) == size(&pair[1])), "frames of one size");
        let smooth: Vec<Vec<f32>> = frames.iter().map(averaged).collect();
        let same =
            |pair: &[Vec<f32>]| pair[0].iter().zip(&pair[1]).map(|(a, b)| (a - b).abs() < STILL).collect();
        let still = smooth.windows(2).map(same).collect();
        let shifts = frames.windows(2).map(|pair| shift(&pair[0], &pair[1])).collect();
        Self { frames, still, shifts }
    }

    /// The frames.
    pub fn frames(&self) -> &[Image] {
        &self.frames
    }

    /// Figures of the film itself.
    pub fn unpainted(&self) -> FilmFigures {
        self.figures(&self.frames)
    }

    /// Figures of the film as `painted`.
    ///
    /// # Panics
    /// If the number of frames or a size differs.
    pub fn figures(&self, painted: &[Image]) -> FilmFigures {
        assert_eq!(painted.len(), self.frames.len(), "a pastiche of every frame");
        FilmFigures { still: self.still(painted), warp: self.warp(painted), sharpness: sharpness(painted) }
    }

    fn still(&self, painted: &[Image]) -> Option<f64> {
        let (mut sum, mut count) = (0u64, 0u64);
        for (pair, still) in painted.windows(2).zip(&self.still) {
            let pixels = pair[0].rgb().chunks_exact(3).zip(pair[1].rgb().chunks_exact(3)).zip(still);
            for ((a, b), _) in pixels.filter(|(_, still)| **still) {
                sum += (0..3).map(|c| u64::from(a[c].abs_diff(b[c]))).sum::<u64>();
                count += 3;
            }
        }
        (count > 0).then(|| sum as f64 / count as f64)
    }

    fn warp(&self, painted: &[Image]) -> Option<f64> {
        let (mut sum, mut count) = (0.0f64, 0u64);
        for (t, shift) in self.shifts.iter().enumerate() {
            let Some(shift) = shift else { continue };
            let film = [&self.frames[t], &self.frames[t + 1]].map(Image::to_tensor);
            let pastiche = [&painted[t], &painted[t + 1]].map(Image::to_tensor);
            let (own, pixels) = warp_of_pair(&film, &pastiche, *shift);
            (sum, count) = (sum + own, count + pixels);
        }
        (count > 0).then(|| sum / count as f64)
    }
}

/// Sum over predicted pixels of the difference of the second pastiche to the first, moved along, and the number of those pixels.
fn warp_of_pair(film: &[Tensor; 2], pastiche: &[Tensor; 2], shift: [f32; 2]) -> (f64, u64) {
    let (height, width) = (film[0].shape().height, film[0].shape().width);
    let (mut sum, mut count) = (0.0f64, 0u64);
    for y in BORDER..height.saturating_sub(BORDER) {
        for x in BORDER..width.saturating_sub(BORDER) {
            let (u, v) = (x as f32 - shift[0], y as f32 - shift[1]);
            let inside = |at: f32, len: usize| at >= 0.0 && at < (len - 1) as f32;
            if !inside(u, width) || !inside(v, height) {
                continue;
            }
            let away = |[before, now]: &[Tensor; 2]| {
                let difference = |c| (now.row(c, y)[x] - between(before, c, u, v)).abs();
                (0..3).map(difference).sum::<f32>() * 255.0 / 3.0
            };
            if away(film) < PREDICTED {
                (sum, count) = (sum + f64::from(away(pastiche)), count + 1);
            }
        }
    }
    (sum, count)
}

/// Bilinear interpolation at column `x`, row `y`.
fn between(t: &Tensor, c: usize, x: f32, y: f32) -> f32 {
    let (left, top) = (x as usize, y as usize);
    let (fx, fy) = (x - left as f32, y - top as f32);
    let across = |row: &[f32]| row[left] + fx * (row[left + 1] - row[left]);
    let (upper, lower) = (across(t.row(c, top)), across(t.row(c, top + 1)));
    upper + fy * (lower - upper)
}

/// See [`FilmFigures::sharpness`].
fn sharpness(frames: &[Image]) -> f64 {
    frames.iter().map(laplacian).sum::<f64>() / frames.len() as f64
}

fn laplacian(frame: &Image) -> f64 {
    let (width, height) = (frame.width(), frame.height());
    let luma = |p: &[u8]| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]);
    let luma: Vec<f32> = frame.rgb().chunks_exact(3).map(luma).collect();
    let mut sum = 0.0f64;
    for y in 1..height - 1 {
        for at in y * width + 1..(y + 1) * width - 1 {
            let around = luma[at - width] + luma[at + width] + luma[at - 1] + luma[at + 1];
            sum += f64::from((around - 4.0 * luma[at]).abs());
        }
    }
    sum / ((height - 2) * (width - 2)) as f64
}

/// Mean green of each pixel's surroundings, by sums along rows and then along columns.
fn averaged(image: &Image) -> Vec<f32> {
    let (w, h) = (image.width(), image.height());
    let green: Vec<f32> = image.rgb().iter().skip(1).step_by(3).map(|v| f32::from(*v)).collect();
    let rows = box_mean(&green, w, h, |x, y| y * w + x);
    box_mean(&rows, h, w, |y, x| y * w + x)
}

/// Means over `2 * AROUND + 1` values along the first coordinate, cut off at the ends.
fn box_mean(values: &[f32], along: usize, across: usize, at: impl Fn(usize, usize) -> usize) -> Vec<f32> {
    let mut out = vec![0.0; values.len()];
    for j in 0..across {
        for i in 0..along {
            let range = i.saturating_sub(AROUND)..(i + AROUND + 1).min(along);
            let count = range.len() as f32;
            out[at(i, j)] = range.map(|k| values[at(k, j)]).sum::<f32>() / count;
        }
    }
    out
}

impl FilmFigures {
    /// Means; a figure that one of them lacks is left out of its mean.
    ///
    /// # Panics
    /// If there are none.
    pub fn mean(all: &[FilmFigures]) -> Self {
        assert!(!all.is_empty(), "nothing to take the mean of");
        let some = |of: fn(&FilmFigures) -> Option<f64>| {
            let values: Vec<f64> = all.iter().filter_map(of).collect();
            (!values.is_empty()).then(|| crate::report::mean(values))
        };
        let sharpness = crate::report::mean(all.iter().map(|f| f.sharpness));
        Self { still: some(|f| f.still), warp: some(|f| f.warp), sharpness }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 64;

    /// A textured picture whose window starts at column `from`.
    fn view(from: usize) -> Image {
        Image::from_fn(WIDTH, 40, |x, y| {
            let at = (x + from) as f32;
            [(60.0 + 50.0 * (0.3 * at).sin() * (0.2 * y as f32).cos() + 60.0) as u8; 3]
        })
    }

    fn brighter(image: &Image, by: u8) -> Image {
        Image::from_fn(image.width(), image.height(), |x, y| image.pixel(x, y).map(|v| v + by))
    }

    #[test]
    fn only_still_places_count_as_still() {
        let half = Image::from_fn(WIDTH, 40, |x, y| if x < 32 { view(0).pixel(x, y) } else { [250; 3] });
        let film = Film::new(vec![view(0), half], |_, _| None);
        let painted = |left: u8, right: u8| {
            Image::from_fn(WIDTH, 40, |x, _| if x < 32 { [left; 3] } else { [right; 3] })
        };
        let same = film.figures(&[painted(10, 10), painted(10, 200)]);
        let stirred = film.figures(&[painted(10, 10), painted(14, 10)]);
        // Surroundings mix at the border of both halves: some columns of the left one are not still.
        assert_eq!(same.still, Some(0.0));
        assert_eq!(stirred.still, Some(4.0));
        assert_eq!(same.warp, None, "no camera to follow");
        let moved = Film::new(vec![view(0), brighter(&view(0), 40)], |_, _| None);
        assert_eq!(moved.unpainted().still, None, "nothing is still");
    }

    #[test]
    fn a_painting_that_moves_along_has_no_warp_error() {
        // Things move to the left by 3 px a frame.
        let film = Film::new(vec![view(0), view(3)], |_, _| Some([-3.0, 0.0]));
        assert!(film.unpainted().warp.unwrap() < 0.01);
        let stays = film.figures(&[view(0), view(0)]).warp.unwrap();
        assert!(stays > 5.0, "{stays}");
        let brighter = film.figures(&[view(0), brighter(&view(3), 7)]).warp.unwrap();
        assert!((brighter - 7.0).abs() < 0.01, "{brighter}");
    }

    #[test]
    fn sharpness_is_the_laplacian_and_means_leave_out_what_is_missing() {
        let dot = Image::from_fn(5, 5, |x, y| if (x, y) == (2, 2) { [90; 3] } else { [0; 3] });
        // In the middle 4 x 90, on its four neighbours 90 each, over nine pixels.
        assert!((sharpness(&[dot]) - 80.0).abs() < 1e-3);
        let figures = |still, sharpness| FilmFigures { still, warp: None, sharpness };
        let mean = FilmFigures::mean(&[figures(Some(2.0), 1.0), figures(None, 3.0)]);
        assert_eq!(mean, figures(Some(2.0), 2.0));
    }
}
