//! A film of which not every frame is painted: the painting of one stays while the next ones are shown.

use super::frame::{Frame, Info, Pixels, Source};
use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// Side in px of the blocks in which movement is looked for.
const BLOCK_PX: usize = 8;
/// A block has changed when its mean brightness differs by more than this, of 255; noise of single pixels averages out.
const MOVED: u32 = 2;
/// Longest stretch without movement, in frames: a slow fade is followed after that.
const LONGEST: u64 = 250;

/// The frames that are painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// The first of so many.
    Nth(u64),
    /// Those that differ from the last that was painted.
    Moved,
}

impl FromStr for Every {
    type Err = String;

    fn from_str(word: &str) -> std::result::Result<Self, String> {
        match word.parse() {
            Ok(n @ 1..=1000) => Ok(Every::Nth(n)),
            _ if word == "moved" => Ok(Every::Moved),
            _ => Err("a whole number from 1 to 1000, or `moved`, is needed".into()),
        }
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Every::Nth(n) => write!(f, "{n}"),
            Every::Moved => f.write_str("moved"),
        }
    }
}

/// Leaves frames out; the one before them is shown for as long.
pub struct Sparse<S> {
    source: S,
    info: Info,
    every: Every,
    next: Option<Frame>,
    /// Came up while the next frame was looked for; told once the frame before it is out.
    failed: Option<Error>,
}

impl<S: Source> Sparse<S> {
    /// The frames of `source` that `every` names.
    pub fn new(source: S, every: Every) -> Self {
        let mut info = source.info().clone();
        match every {
            Every::Nth(n) => {
                info.frames = info.frames.map(|frames| frames.div_ceil(n));
                info.frame_ticks *= n;
            }
            // Nobody knows before the film was read.
            Every::Moved => info.frames = None,
        }
        Self { source, info, every, next: None, failed: None }
    }

    /// Whether the `number`-th frame after `kept` is left out.
    fn is_left_out(&self, kept: &Frame, number: u64, frame: &Frame) -> bool {
        match self.every {
            Every::Nth(n) => number < n,
            Every::Moved => number < LONGEST && !has_moved(&kept.pixels, &frame.pixels),
        }
    }
}

impl<S: Source> Source for Sparse<S> {
    fn info(&self) -> &Info {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let next = self.next.take().map_or_else(|| self.source.read(), |frame| Ok(Some(frame)));
        let Some(mut kept) = next? else { return Ok(None) };
        for number in 1.. {
            match self.source.read() {
                Ok(Some(frame)) if self.is_left_out(&kept, number, &frame) => {
                    kept.duration = frame.start + frame.duration - kept.start;
                }
                Ok(next) => {
                    self.next = next;
                    break;
                }
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        Ok(Some(kept))
    }
}

/// Whether any block of 8x8 px has become brighter or darker.
fn has_moved(before: &Pixels, now: &Pixels) -> bool {
    let (Some((width, before)), Some((_, now))) = (brightness(before), brightness(now)) else { return true };
    if before.len() != now.len() {
        return true;
    }
    let rows = before.chunks(BLOCK_PX * width).zip(now.chunks(BLOCK_PX * width));
    rows.into_iter().any(|(before, now)| row_has_moved(before, now, width))
}

/// The same for the lines of one row of blocks.
fn row_has_moved(before: &[u8], now: &[u8], width: usize) -> bool {
    let lines = (before.len() / width) as u32;
    let mut sums = vec![0i32; width.div_ceil(BLOCK_PX)];
    for (i, (a, b)) in before.iter().zip(now).enumerate() {
        sums[i % width / BLOCK_PX] += i32::from(*b) - i32::from(*a);
    }
    let columns = |block: usize| BLOCK_PX.min(width - block * BLOCK_PX) as u32;
    sums.iter().enumerate().any(|(block, sum)| sum.unsigned_abs() > MOVED * lines * columns(block))
}

/// Width, and a byte a pixel: luma, or green.
fn brightness(pixels: &Pixels) -> Option<(usize, Vec<u8>)> {
    let green = |image: &impasto_core::Image| {
        (image.width(), image.rgb().iter().skip(1).step_by(3).copied().collect::<Vec<_>>())
    };
    match pixels {
        Pixels::Yuv(planes) => Some((planes.width, planes.y.clone())),
        Pixels::Rgb(image) => Some(green(image)),
        // What becomes visible counts too.
        Pixels::Rgba(_, alpha) if alpha.iter().any(|a| *a < 255) => None,
        Pixels::Rgba(image, _) => Some(green(image)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::Image;

    /// Grey frames of that brightness, two ticks each; noise of one level in single pixels.
    struct Greys(Info, Vec<u8>, usize);

    fn greys(values: &[u8]) -> Greys {
        let info = Info { frames: Some(values.len() as u64), ..Info::of("a".into(), "", 20, 12) };
        Greys(info, values.to_vec(), 0)
    }

    impl Source for Greys {
        fn info(&self) -> &Info {
            &self.0
        }

        fn read(&mut self) -> Result<Option<Frame>> {
            let Some(&grey) = self.1.get(self.2) else { return Ok(None) };
            let start = 2 * self.2 as u64;
            let number = self.2;
            let noise = |x: usize, y: usize| 4 * ((x + y + number) % 2) as u8;
            // Only the block in the lower right corner changes; it is 4x4 px.
            let pixel =
                |x, y| if x >= 16 && y >= 8 { [grey + noise(x, y); 3] } else { [50 + noise(x, y); 3] };
            self.2 += 1;
            let pixels = Pixels::Rgb(Image::from_fn(20, 12, pixel));
            Ok(Some(Frame { pixels, start, duration: 2 }))
        }
    }

    fn times(mut source: impl Source) -> Vec<(u64, u64)> {
        std::iter::from_fn(|| source.read().unwrap().map(|frame| (frame.start, frame.duration))).collect()
    }

    #[test]
    fn every_third_frame_is_shown_for_three() {
        let film = Sparse::new(greys(&[9; 7]), Every::Nth(3));
        assert_eq!((film.info().frames, film.info().frame_ticks), (Some(3), 3));
        assert_eq!(times(film), [(0, 6), (6, 6), (12, 2)]);
        assert_eq!(times(Sparse::new(greys(&[9; 2]), Every::Nth(1))), [(0, 2), (2, 2)]);
    }

    #[test]
    fn a_frame_stays_until_something_moves() {
        let film = Sparse::new(greys(&[10, 10, 11, 90, 90, 10]), Every::Moved);
        assert_eq!(film.info().frames, None);
        assert_eq!(times(film), [(0, 6), (6, 4), (10, 2)]);
        let still = times(Sparse::new(greys(&[10; 600]), Every::Moved));
        assert_eq!(still.len(), 3, "a slow fade is followed");
    }

    #[test]
    fn a_film_that_breaks_off_keeps_the_frames_before() {
        struct Broken(Greys);
        impl Source for Broken {
            fn info(&self) -> &Info {
                &self.0.0
            }

            fn read(&mut self) -> Result<Option<Frame>> {
                let broken = || Error::Empty { name: "a".into() };
                self.0.read()?.map(Some).ok_or_else(broken)
            }
        }
        for every in [Every::Nth(2), Every::Moved] {
            let mut film = Sparse::new(Broken(greys(&[10, 90, 90])), every);
            assert!(film.read().unwrap().is_some() && film.read().unwrap().is_some(), "{every}");
            assert!(film.read().is_err() && film.next.is_none(), "{every}");
        }
    }

    #[test]
    fn words_are_read_and_written_alike() {
        for word in ["1", "12", "moved"] {
            assert_eq!(word.parse::<Every>().unwrap().to_string(), word);
        }
        for bad in ["0", "-1", "still", "1001", ""] {
            assert!(bad.parse::<Every>().is_err(), "{bad}");
        }
    }
}
