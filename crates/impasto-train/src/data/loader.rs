//! Prepares batches on threads of its own.

use super::{Augment, Library, crop, window};
use crate::learner::{Group, StylePicture, Twin, View};
use impasto_core::Random;
use impasto_core::{Image, Shape, Tensor};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

/// Batches prepared ahead.
const AHEAD: usize = 4;
/// Threads that prepare batches, at most: each holds one or two, and large ones take 60 MB.
const MOST_WORKERS: usize = 16;
/// A crop whose values deviate by less is drawn anew, up to so many times.
const LIVELY: f32 = 0.05;
const CROPS: usize = 6;

/// Settings of drawing groups.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampling {
    /// The run's seed.
    pub seed: u64,
    /// Side of a photo's crop, px; a multiple of 8.
    pub photo_px: usize,
    /// Side of a painting's crop, px.
    pub painting_px: usize,
    /// Paintings for one crop of a photo.
    pub styles: usize,
    /// Photos in a row that share their paintings and are judged together; divides the groups of a step.
    #[serde(default = "one")]
    pub photos_per_painting: usize,
    /// Sides of a photo's crops, as parts of its shorter side: the smallest and the largest. Crops are never enlarged.
    pub photo_scale: [f32; 2],
    /// The same of a painting's.
    pub painting_scale: [f32; 2],
    /// Different crops of one painting; their statistics are computed once.
    pub variants: usize,
    /// Change of a painting's colours, 0 to 1.
    pub colour: f32,
    /// Largest shift of a photo's twin in each direction, px.
    #[serde(default)]
    pub motion_px: usize,
    /// Difference between the sides of a photo's crop and of the loss network's view, px; a multiple of 8.
    #[serde(default)]
    pub jitter_px: usize,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            seed: 1,
            photo_px: 192,
            painting_px: 288,
            styles: 1,
            photos_per_painting: 3,
            photo_scale: [0.43, 0.92],
            painting_scale: [0.6, 1.0],
            variants: 2,
            colour: 0.0,
            motion_px: 0,
            jitter_px: 8,
        }
    }
}

/// Before there was the setting, no two photos shared a painting.
fn one() -> usize {
    1
}

/// Two libraries, and how groups are drawn from them.
#[derive(Clone)]
pub struct Source {
    /// Contents.
    pub photos: Arc<Library>,
    /// Styles.
    pub paintings: Arc<Library>,
    /// Settings of drawing.
    pub sampling: Sampling,
}

/// Streams of random numbers that must not be mixed up.
#[derive(Clone, Copy)]
enum Stream {
    PhotoOrder = 1,
    PaintingOrder,
    Photo,
    Painting,
    Noise,
    Places,
}

impl Source {
    fn random(&self, stream: Stream, number: u64) -> Random {
        let mut mix = Random::new(self.sampling.seed ^ (stream as u64) << 56);
        let base = mix.bits();
        Random::new(base ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// The `number`-th picture of an endless sequence of shuffles of `0..count`.
    fn shuffled(&self, stream: Stream, number: u64, count: usize) -> usize {
        let (round, at) = (number / count as u64, (number % count as u64) as usize);
        let mut order: Vec<usize> = (0..count).collect();
        let mut random = self.random(stream, round);
        // Only the first `at + 1` places are needed.
        for i in 0..=at {
            order.swap(i, random.integer(i, count - 1));
        }
        order[at]
    }

    /// Group `number` of the run.
    pub fn group(&self, number: u64) -> Group {
        self.painted_in(number, self.styles(self.pool(number)))
    }

    fn pool(&self, number: u64) -> u64 {
        number / self.sampling.photos_per_painting.max(1) as u64
    }

    /// The paintings of a pool.
    fn styles(&self, pool: u64) -> Vec<StylePicture> {
        let count = self.sampling.styles as u64;
        (0..count).map(|i| self.style(pool * count + i)).collect()
    }

    fn painted_in(&self, number: u64, styles: Vec<StylePicture>) -> Group {
        let s = &self.sampling;
        let mut random = self.random(Stream::Photo, number);
        let (_, photo) = self.photos.get(self.shuffled(Stream::PhotoOrder, number, self.photos.places()));
        let whole = self.lively_crop(&photo, &mut random);
        let mut place = |most| (random.integer(0, most), random.integer(0, most));
        let (here, there) = (place(s.motion_px), place(s.motion_px));
        let view = View { at: place(s.jitter_px), side: s.photo_px - s.jitter_px };
        let content = window(&whole, here, s.photo_px);
        let noise = noise(content.shape(), &mut self.random(Stream::Noise, number));
        let away = |a: usize, b: usize| a as isize - b as isize;
        let moved = [away(there.0, here.0), away(there.1, here.1)];
        let twin = Twin { picture: window(&whole, there, s.photo_px), moved, noise };
        let seed = self.random(Stream::Places, number).bits();
        Group { content, styles, twin, view, pool: self.pool(number), seed }
    }

    /// A crop of a photo on which something can be seen, if one is found. On a flat one all deviations are nearly 0, AdaIN divides by them
    /// site after site, and a single gradient outweighs thousands of others.
    fn lively_crop(&self, photo: &Image, random: &mut Random) -> Tensor {
        let s = &self.sampling;
        let [smallest, largest] = s.photo_scale;
        let scale = Augment { smallest, largest, colour: 0.0 };
        let mut one = || crop(photo, s.photo_px + s.motion_px, &scale, random);
        let mut best = one();
        for _ in 1..CROPS {
            if deviation(&best) >= LIVELY {
                break;
            }
            let other = one();
            if deviation(&other) > deviation(&best) {
                best = other;
            }
        }
        best
    }

    fn style(&self, number: u64) -> StylePicture {
        let s = &self.sampling;
        let count = self.paintings.places();
        let (which, painting) = self.paintings.get(self.shuffled(Stream::PaintingOrder, number, count));
        let round = number / count as u64;
        let key = which as u64 * s.variants as u64 + round % s.variants as u64;
        let [smallest, largest] = s.painting_scale;
        let augment = Augment { smallest, largest, colour: s.colour };
        let picture = crop(&painting, s.painting_px, &augment, &mut self.random(Stream::Painting, key));
        StylePicture { picture, key: Some(key << 16 | s.painting_px as u64) }
    }

    /// Groups `first..first + count`.
    pub fn batch(&self, first: u64, count: usize) -> Vec<Group> {
        let mut last: Option<(u64, Vec<StylePicture>)> = None;
        let mut one = |number: u64| {
            let pool = self.pool(number);
            let styles = match last.take() {
                Some((known, styles)) if known == pool => styles,
                _ => self.styles(pool),
            };
            last = Some((pool, styles.clone()));
            self.painted_in(number, styles)
        };
        (first..first + count as u64).map(&mut one).collect()
    }
}

/// Of all values of a picture.
fn deviation(picture: &Tensor) -> f32 {
    let n = picture.data().len() as f32;
    let mean = picture.data().iter().sum::<f32>() / n;
    (picture.data().iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / n).sqrt()
}

/// Nearly normal numbers: sums of four uniform ones.
fn noise(shape: Shape, random: &mut Random) -> Tensor {
    Tensor::from_fn(shape, |_, _, _| {
        let bits = random.bits();
        let sum: u32 = (0..4).map(|i| (bits >> (16 * i)) as u32 & 0xFFFF).sum();
        // The sum of four has deviation sqrt(4 / 12) of one's range.
        (sum as f32 / 65_536.0 - 2.0) * 3.0f32.sqrt()
    })
}

/// Batches of `groups` groups from `first` on, in order.
pub struct Loader {
    /// Batch `i` comes from the worker `i % workers`.
    workers: Vec<Worker>,
    next: usize,
}

struct Worker {
    batches: Receiver<Vec<Group>>,
    _thread: JoinHandle<()>,
}

impl Loader {
    /// Starts `workers` threads, at least one and at most 16; they end when the loader is dropped. The batches do not depend on their number.
    pub fn start(source: &Source, first: u64, groups: usize, workers: usize) -> Self {
        let workers = workers.clamp(1, MOST_WORKERS);
        let one = |worker: usize| {
            let (send, batches) = sync_channel(AHEAD.div_ceil(workers));
            let source = source.clone();
            let mut first = first + (worker * groups) as u64;
            let work = move || {
                while send.send(source.batch(first, groups)).is_ok() {
                    first += (workers * groups) as u64;
                }
            };
            let thread = std::thread::Builder::new().name("training data".into()).spawn(work);
            Worker { batches, _thread: thread.expect("the system gives threads") }
        };
        Self { workers: (0..workers).map(one).collect(), next: 0 }
    }

    /// The next batch; `None` if a thread has ended, which only a panic there does.
    pub fn next_batch(&mut self) -> Option<Vec<Group>> {
        let batch = self.workers[self.next].batches.recv().ok();
        self.next = (self.next + 1) % self.workers.len();
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::drawn;

    #[test]
    fn the_number_of_workers_changes_no_batch() {
        let photos = Arc::new(Library::of_images(drawn::photos(3)));
        let paintings = Arc::new(Library::of_images(drawn::paintings(3)));
        let sampling = Sampling { photo_px: 32, painting_px: 32, ..Sampling::default() };
        let source = Source { photos, paintings, sampling };
        for workers in [1, 3] {
            let mut loader = Loader::start(&source, 4, 2, workers);
            for batch in 0..5 {
                let expected = source.batch(4 + 2 * batch, 2);
                assert_eq!(loader.next_batch().unwrap(), expected, "batch {batch} of {workers} workers");
            }
        }
    }

    #[test]
    fn flat_crops_are_drawn_anew_where_there_is_more_to_see() {
        // All white, but for a chequered quarter.
        let bytes = (0..200 * 200)
            .flat_map(|i| {
                let (x, y) = (i % 200, i / 200);
                [if x < 100 && y < 100 && (x / 8 + y / 8) % 2 == 0 { 0 } else { 255 }; 3]
            })
            .collect();
        let photo = Image::new(200, 200, bytes).unwrap();
        let paintings = Arc::new(Library::of_images(drawn::paintings(2)));
        let sampling = Sampling { photo_px: 32, photo_scale: [0.2, 0.3], ..Sampling::default() };
        let source =
            Source { photos: Arc::new(Library::of_images(vec![photo.clone()])), paintings, sampling };
        let flat = |picture: &Tensor| deviation(picture) < LIVELY;
        let count = |of: &dyn Fn(u64) -> Tensor| (0..40).filter(|&n| flat(&of(n))).count();
        let scale = Augment { smallest: 0.2, largest: 0.3, colour: 0.0 };
        let plain = count(&|n| crop(&photo, 40, &scale, &mut Random::new(n)));
        let chosen = count(&|n| source.lively_crop(&photo, &mut Random::new(n)));
        assert!(plain > 15 && chosen < plain / 3, "{chosen} of {plain}");
        let white = Image::new(200, 200, vec![255; 200 * 200 * 3]).unwrap();
        assert!(
            flat(&source.lively_crop(&white, &mut Random::new(1))),
            "a white photo has nothing else to give"
        );
    }
}
