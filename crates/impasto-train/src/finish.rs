//! Finishing a still: gradient steps on the painted picture itself against the judge (Gatys et al. 2015), tile by tile.
//!
//! A step costs memory for one tile a thread, whatever the picture's size. Statistics are those of the whole picture: each step goes against
//! the ones that the step before it has found. A tile looks `HALO_PX` further than it counts, which is further than the judge looks, so that
//! its part of the gradient is the whole picture's own, and there is no seam.

use crate::descent::{Critic, StyleTarget};
use crate::learner::LearnerError;
use crate::learner::cpu::team::spread;
use crate::learner::pass::{Part, Tapes};
use crate::loss::covariance::{Covariance, FeatureSums, Slope, back, balanced};
use crate::loss_network::{EPS, LossNetwork};
use crate::optimiser::Adam;
use crate::walk::{Fast, Kernels, Map, Tape, Value, Wanted};
use impasto_core::Random;
use impasto_core::network::NodeId;
use impasto_core::{Image, Shape, Tensor};
use std::ops::Range;
use std::sync::Mutex;

/// Tiles look so much further than they count, px.
const HALO_PX: usize = 48;
/// Tiles begin at multiples of this, px, so that poolings lie where they would in the whole picture.
const ALIGN_PX: usize = 8;

/// Weights of the losses, and the steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FinishConfig {
    /// Steps.
    pub steps: usize,
    /// Adam's rate, in `0..1` of brightness; it falls as a cosine to nothing.
    pub rate: f32,
    /// `0..1`: how far it goes: rate and style count so much.
    pub strength: f32,
    /// Balanced covariances and means.
    pub style: f32,
    /// MSE of normalised features at the deepest look.
    pub content: f32,
    /// Side that a tile counts, px.
    pub tile_px: usize,
    /// Threads.
    pub threads: usize,
}

impl Default for FinishConfig {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        Self { steps: 60, rate: 0.015, strength: 1.0, style: 2.0, content: 0.1, tile_px: 512, threads }
    }
}

/// Means and covariances of several paintings, each with its weight: what lies between them.
///
/// # Errors
/// If the judge cannot be walked.
///
/// # Panics
/// If there is no painting.
pub fn target(judge: &LossNetwork, paintings: &[(&Image, f32)]) -> Result<StyleTarget, LearnerError> {
    let mut critic = Critic::new(judge)?;
    let total: f32 = paintings.iter().map(|(_, weight)| weight).sum();
    let mut mean: Option<StyleTarget> = None;
    for (painting, weight) in paintings {
        let own = critic.style_of(&painting.to_tensor()).map(|covariance| scaled(covariance, weight / total));
        mean = Some(match mean.take() {
            None => own,
            Some(before) => std::array::from_fn(|i| sum(&before[i], &own[i])),
        });
    }
    Ok(mean.expect("there is a painting"))
}

fn scaled(mut covariance: Covariance, by: f32) -> Covariance {
    covariance.mean.iter_mut().chain(&mut covariance.matrix).for_each(|v| *v *= by);
    covariance
}

fn sum(a: &Covariance, b: &Covariance) -> Covariance {
    let add = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a + b).collect();
    Covariance { count: a.count, mean: add(&a.mean, &b.mean), matrix: add(&a.matrix, &b.matrix) }
}

/// Noise to begin a texture with.
pub fn noise(width: usize, height: usize, seed: u64) -> Image {
    let mut random = Random::new(seed);
    Image::from_fn(width, height, |_, _| {
        [(); 3].map(|()| impasto_core::image::byte_from_unit(0.5 + 0.2 * random.normal()))
    })
}

/// Moves `start` down the losses to `style` and, where there is one, to `photo`'s drawing; `on_step` gets the steps done and the style loss.
///
/// # Errors
/// If the judge cannot be walked.
///
/// # Panics
/// If photo and start differ in size.
pub fn finish(
    judge: &LossNetwork,
    start: &Image,
    photo: Option<&Image>,
    style: &StyleTarget,
    config: &FinishConfig,
    on_step: &mut dyn FnMut(usize, f32),
) -> Result<Image, LearnerError> {
    let mut finisher = Finisher::new(judge, (start.width(), start.height()), config)?;
    let photo = photo.map(|photo| {
        assert_eq!((photo.width(), photo.height()), (start.width(), start.height()), "photo and start");
        finisher.content(&photo.to_tensor())
    });
    let mut picture = start.to_tensor();
    let mut adam = Adam::new(picture.data().len());
    let mut own = finisher.statistics(&picture);
    for step in 0..config.steps {
        let goal = Goal::new(&own, style, photo.as_ref(), config);
        let (gradient, next) = finisher.step(&picture, &goal);
        let part = step as f32 / config.steps as f32;
        let rate = config.strength * config.rate * 0.5 * (1.0 + (std::f32::consts::PI * part).cos());
        adam.step(picture.data_mut(), gradient.data(), rate);
        picture.data_mut().iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
        on_step(step + 1, goal.value);
        own = next;
    }
    Ok(Image::from_tensor(&picture))
}

/// A part of the picture: what counts, and what is looked at.
#[derive(Clone, Debug, PartialEq)]
struct Tile {
    keep: [Range<usize>; 2],
    see: [Range<usize>; 2],
}

/// Results of one tile.
#[derive(Default)]
struct Found {
    sums: Option<[FeatureSums; 4]>,
    /// The photo's deepest features, where they were asked for.
    content: Option<Map<f32>>,
    /// Of what is looked at.
    gradient: Option<Tensor>,
}

struct Seat {
    tapes: Tapes<Fast>,
    scratch: <Fast as Kernels>::Scratch,
}

struct Finisher {
    kernels: Fast,
    part: Part<Fast>,
    looks: [NodeId; 4],
    tiles: Vec<(usize, Tile)>,
    seats: Vec<Mutex<Seat>>,
    found: Vec<Mutex<Found>>,
}

/// A photo's drawing: its normalised deepest features, tile by tile.
struct Content {
    tiles: Vec<Map<f32>>,
    /// Mean and 1 / deviation by channel.
    moments: Scales,
}

/// Means, and 1 / deviation, by channel.
type Scales = (Vec<f32>, Vec<f32>);

/// The photo's drawing, the picture's own scales, and the weight of a position.
type Drawing<'a> = (&'a Content, Scales, f32);

/// The slopes of one step.
struct Goal<'a> {
    own: &'a StyleTarget,
    slopes: [Slope; 4],
    content: Option<Drawing<'a>>,
    value: f32,
}

impl<'a> Goal<'a> {
    fn new(
        own: &'a StyleTarget,
        style: &StyleTarget,
        content: Option<&'a Content>,
        config: &FinishConfig,
    ) -> Self {
        let mut value = 0.0;
        let slopes = std::array::from_fn(|look| {
            let (away, slope) = balanced(&own[look], &style[look], 0.25 * config.style * config.strength);
            value += 0.25 * away;
            slope
        });
        let deepest = &own[3];
        let count = deepest.count * deepest.mean.len();
        let content = content.map(|content| (content, moments(deepest), 2.0 * config.content / count as f32));
        Self { own, slopes, content, value }
    }
}

/// Scales of a map's channels.
fn moments(covariance: &Covariance) -> Scales {
    let variances = covariance.matrix.iter().step_by(covariance.mean.len() + 1);
    (covariance.mean.clone(), variances.map(|v| 1.0 / (v.max(0.0) + EPS).sqrt()).collect())
}

impl Finisher {
    fn new(judge: &LossNetwork, size: (usize, usize), config: &FinishConfig) -> Result<Self, LearnerError> {
        let kernels = Fast::new()?;
        let tiles: Vec<_> = tiles(size, config.tile_px).into_iter().enumerate().collect();
        let seat = || Mutex::new(Seat { tapes: Tapes::new(kernels), scratch: Default::default() });
        Ok(Self {
            kernels,
            part: Part::frozen(kernels, judge)?,
            looks: judge.looks,
            seats: (0..config.threads.clamp(1, tiles.len())).map(|_| seat()).collect(),
            found: tiles.iter().map(|_| Mutex::default()).collect(),
            tiles,
        })
    }

    /// Looks at every tile, and lets `then` go on with its tape.
    fn look(
        &mut self,
        picture: &Tensor,
        then: impl Fn(&mut Tape<Fast>, &Part<Fast>, (usize, &Tile), &mut Found) + Sync,
    ) {
        let Self { kernels, part, looks, tiles, seats, found } = self;
        spread(seats, tiles, found, |seat, (number, tile), found| {
            let seen = seen(picture, tile);
            let Shape { height, width, .. } = seen.shape();
            let tape = seat.tapes.of_size(&part.program, height, width);
            tape.run(&part.program, &part.packed, &seen, &[]);
            let scratch = &mut seat.scratch;
            found.sums = Some(looks.map(|id| {
                let map = tape.value(id).map();
                let mut sums = FeatureSums::new(map.shape().channels);
                sums.add(*kernels, &cut(map, &kept(map, tile)), scratch);
                sums
            }));
            then(tape, part, (*number, tile), found);
        });
    }

    /// Of all tiles that were looked at last, together.
    fn covariances(&mut self) -> StyleTarget {
        let mut all: Option<[FeatureSums; 4]> = None;
        for found in &mut self.found {
            let own = found.get_mut().expect("no thread holds it").sums.take().expect("it was looked at");
            match &mut all {
                None => all = Some(own),
                Some(all) => all.iter_mut().zip(&own).for_each(|(all, own)| all.merge(own)),
            }
        }
        all.expect("there is a tile").map(|sums| sums.covariance())
    }

    /// Means and covariances of the whole picture.
    fn statistics(&mut self, picture: &Tensor) -> StyleTarget {
        self.look(picture, |_, _, _, _| {});
        self.covariances()
    }

    fn content(&mut self, photo: &Tensor) -> Content {
        let deepest = self.looks[3];
        self.look(photo, |tape, _, (_, tile), found| {
            let map = tape.value(deepest).map();
            found.content = Some(cut(map, &kept(map, tile)));
        });
        let moments = moments(&self.covariances()[3]);
        let take = |found: &mut Mutex<Found>| {
            found.get_mut().expect("no thread holds it").content.take().expect("it was just put there")
        };
        Content { tiles: self.found.iter_mut().map(take).collect(), moments }
    }

    /// The gradient to the picture, and its statistics.
    fn step(&mut self, picture: &Tensor, goal: &Goal) -> (Tensor, StyleTarget) {
        let (kernels, looks) = (self.kernels, self.looks);
        self.look(picture, |tape, part, (number, tile), found| {
            for (look, id) in looks.into_iter().enumerate() {
                tape.seed(id, true, |y, keep, dy| {
                    let mut own = Map::zeros(y.shape());
                    back(kernels, y, &goal.own[look], &goal.slopes[look], (true, false), &mut own);
                    add_kept(&own, &kept(y, tile), keep, dy);
                });
            }
            if let Some((content, own, weight)) = &goal.content {
                tape.seed(looks[3], false, |y, keep, dy| {
                    let place = kept(y, tile);
                    let photo = (&content.tiles[number], &content.moments);
                    add_kept(&drawing((y, own), photo, &place, *weight), &place, keep, dy);
                });
            }
            let mut only_picture = Wanted { weights: None, style: None, picture: true };
            tape.backward(&part.program, &part.packed, &mut only_picture);
            found.gradient = match tape.gradient(0) {
                Value::Map(map) => Some(map.to_tensor()),
                Value::Vector(_) | Value::None => None,
            };
        });
        let mut gradient = Tensor::zeros(picture.shape());
        for ((_, tile), found) in self.tiles.iter().zip(&mut self.found) {
            let own = found.get_mut().expect("no thread holds it").gradient.take();
            add_seen(&mut gradient, &own.expect("the judge looks at a picture"), tile);
        }
        (gradient, self.covariances())
    }
}

/// Tiles of at most about `tile_px` that cover a picture of `width` x `height` px.
fn tiles((width, height): (usize, usize), tile_px: usize) -> Vec<Tile> {
    let tile_px = (tile_px / ALIGN_PX).max(1) * ALIGN_PX;
    let pieces = |length: usize| {
        // All of about one size: a thin last one would cost nearly as much as a whole one.
        let count = length.div_ceil(tile_px);
        let each = length.div_ceil(count).next_multiple_of(ALIGN_PX);
        let piece = move |start: usize| {
            let end = (start + each).min(length);
            (start..end, start.saturating_sub(HALO_PX)..(end + HALO_PX).min(length))
        };
        (0..length).step_by(each).map(piece).collect::<Vec<_>>()
    };
    let columns = pieces(width);
    let tile = |(rows, see_rows): (Range<usize>, Range<usize>)| {
        columns.clone().into_iter().map(move |(columns, see_columns)| Tile {
            keep: [rows.clone(), columns],
            see: [see_rows.clone(), see_columns],
        })
    };
    pieces(height).into_iter().flat_map(tile).collect()
}

/// The positions of a tile's map that count.
fn kept(map: &Map<f32>, tile: &Tile) -> [Range<usize>; 2] {
    let lengths = [map.shape().height, map.shape().width];
    std::array::from_fn(|axis| {
        let (keep, see, length) = (&tile.keep[axis], &tile.see[axis], lengths[axis]);
        let scale = (see.len() as f32 / length as f32).log2().round().exp2() as usize;
        let end = if keep.end == see.end { length } else { (keep.end - see.start) / scale };
        (keep.start - see.start) / scale..end
    })
}

/// The part of the picture that a tile looks at.
fn seen(picture: &Tensor, tile: &Tile) -> Tensor {
    let [rows, columns] = &tile.see;
    let shape = Shape::new(picture.shape().channels, rows.len(), columns.len());
    Tensor::from_fn(shape, |c, y, x| picture.row(c, rows.start + y)[columns.start + x])
}

fn add_seen(sum: &mut Tensor, own: &Tensor, tile: &Tile) {
    let [rows, columns] = &tile.see;
    let Shape { channels, height, width } = sum.shape();
    for (c, y) in (0..channels).flat_map(|c| (0..rows.len()).map(move |y| (c, y))) {
        let at = (c * height + rows.start + y) * width + columns.start;
        let to = &mut sum.data_mut()[at..at + columns.len()];
        to.iter_mut().zip(own.row(c, y)).for_each(|(sum, own)| *sum += own);
    }
}

/// The part of a map at `place`.
fn cut(map: &Map<f32>, [rows, columns]: &[Range<usize>; 2]) -> Map<f32> {
    let (lanes, shape) = (map.lanes(), Shape::new(map.shape().channels, rows.len(), columns.len()));
    let mut part = Map::zeros(shape);
    for y in 0..rows.len() {
        let from = &map.row(rows.start + y)[columns.start * lanes..columns.end * lanes];
        part.row_mut(y).copy_from_slice(from);
    }
    part
}

/// Adds `own` at `place` to what `dy` holds, or sets it there and 0 elsewhere unless `keep`.
fn add_kept(own: &Map<f32>, [rows, columns]: &[Range<usize>; 2], keep: bool, dy: &mut Map<f32>) {
    if !keep {
        dy.data_mut().fill(0.0);
    }
    let lanes = own.lanes();
    for y in rows.clone() {
        let part = columns.start * lanes..columns.end * lanes;
        let to = &mut dy.row_mut(y)[part.clone()];
        to.iter_mut().zip(&own.row(y)[part]).for_each(|(to, own)| *to += own);
    }
}

/// The gradient of `weight / 2 * (y^ - x^)^2` at `place`, with `f^ = (f - mean) / deviation` by channel; the moments count as constants. `photo`
/// holds that place alone.
fn drawing(
    (y, own): (&Map<f32>, &Scales),
    (photo, of_photo): (&Map<f32>, &Scales),
    [rows, columns]: &[Range<usize>; 2],
    weight: f32,
) -> Map<f32> {
    let (lanes, mut slope) = (y.lanes(), Map::zeros(y.shape()));
    for (at, row) in rows.clone().enumerate() {
        let values = &y.row(row)[columns.start * lanes..columns.end * lanes];
        let wanted = photo.row(at);
        let goal = &mut slope.row_mut(row)[columns.start * lanes..columns.end * lanes];
        for ((goal, value), wanted) in
            goal.chunks_exact_mut(lanes).zip(values.chunks_exact(lanes)).zip(wanted.chunks_exact(lanes))
        {
            for c in 0..own.0.len() {
                let away = (value[c] - own.0[c]) * own.1[c] - (wanted[c] - of_photo.0[c]) * of_photo.1[c];
                goal[c] = weight * away * own.1[c];
            }
        }
    }
    slope
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::drawn;
    use impasto_core::image::psnr_db;

    fn config() -> FinishConfig {
        FinishConfig { steps: 12, threads: 1, ..FinishConfig::default() }
    }

    fn photo() -> Image {
        let photo = &drawn::photos(2)[1];
        Image::from_fn(150, 117, |x, y| photo.pixel(x * 95 / 149, y * 95 / 116))
    }

    #[test]
    fn tiles_cover_everything_once_and_begin_where_poolings_do() {
        for (size, px) in [((150, 117), 64), ((1024, 768), 512), ((30, 900), 512), ((8, 8), 512)] {
            let mut covered = vec![0u8; size.0 * size.1];
            for Tile { keep: [rows, columns], see } in tiles(size, px) {
                rows.for_each(|y| columns.clone().for_each(|x| covered[y * size.0 + x] += 1));
                assert!(see.iter().all(|see| see.start.is_multiple_of(ALIGN_PX)));
            }
            assert!(covered.iter().all(|&times| times == 1), "{size:?}");
        }
    }

    #[test]
    fn tiles_leave_no_seam() {
        let judge = LossNetwork::builtin();
        let style = target(&judge, &[(&drawn::paintings(2)[1], 1.0)]).unwrap();
        let finished = |tile_px, threads| {
            let config = FinishConfig { steps: 3, tile_px, threads, ..FinishConfig::default() };
            finish(&judge, &photo(), Some(&photo()), &style, &config, &mut |_, _| {}).unwrap()
        };
        let whole = finished(512, 1);
        let tiled = finished(56, 2);
        let worst = whole.rgb().iter().zip(tiled.rgb()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(2) && psnr_db(&whole, &tiled) > 52.0, "{worst:?} {}", psnr_db(&whole, &tiled));
        assert!(psnr_db(&whole, &photo()) < 40.0, "it does something");
        assert_eq!(finished(56, 1), tiled, "threads change nothing");
    }

    #[test]
    fn steps_go_toward_the_style_and_strength_says_how_far() {
        let judge = LossNetwork::builtin();
        let both = drawn::paintings(2);
        let style = target(&judge, &[(&both[0], 1.0), (&both[1], 3.0)]).unwrap();
        let finished = |strength| {
            let mut losses = vec![];
            let config = FinishConfig { strength, ..config() };
            let seen = &mut |_, value| losses.push(value);
            let picture = finish(&judge, &photo(), Some(&photo()), &style, &config, seen).unwrap();
            (psnr_db(&picture, &photo()), losses)
        };
        let (full, losses) = finished(1.0);
        assert!(losses.len() == 12 && losses[11] < 0.9 * losses[0], "{losses:?}");
        assert!(finished(0.3).0 > full + 3.0, "less strength stays nearer to the photo");
    }

    #[test]
    fn texture_comes_from_noise() {
        let judge = LossNetwork::builtin();
        let style = target(&judge, &[(&drawn::paintings(1)[0], 1.0)]).unwrap();
        let mut losses = vec![];
        let config = FinishConfig { rate: 0.05, ..config() };
        let start = noise(64, 48, 1);
        assert_eq!(start, noise(64, 48, 1));
        let texture =
            finish(&judge, &start, None, &style, &config, &mut |_, value| losses.push(value)).unwrap();
        assert!(losses[11] < 0.7 * losses[0], "{losses:?}");
        assert_eq!((texture.width(), texture.height()), (64, 48));
    }
}
