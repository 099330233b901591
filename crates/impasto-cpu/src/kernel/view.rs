//! How kernels see activations.
//!
//! Layout: `[height][width][channels]`, channels padded to a multiple of 16; the padding is always zero. A [`View`]
//! is such an activation as its reader wants it: doubled in size, scaled per channel, rectified. None of that is
//! ever written to memory; the reader does it while it loads.

use crate::simd::{BLOCK, Simd};
use impasto_core::Padding;

/// A pointer into the plan's arena that may cross threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ptr(pub *mut f32);
// SAFETY: a plan runs its steps one after another, and the jobs of a step write disjoint places.
unsafe impl Send for Ptr {}
// SAFETY: as above.
unsafe impl Sync for Ptr {}

/// An activation in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Map {
    /// First value.
    pub data: Ptr,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels in memory, a multiple of 16.
    pub channels: usize,
}

impl Map {
    /// The first channel of a position.
    ///
    /// # Safety
    /// The position must be inside.
    #[inline(always)]
    pub(crate) unsafe fn at(&self, y: usize, x: usize) -> *mut f32 {
        // SAFETY: inside the map, as the caller says.
        unsafe { self.data.0.add((y * self.width + x) * self.channels) }
    }
}

/// An activation as its reader wants it: `max(gain * x + shift, floor)`, doubled in size if `up`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    /// What is in memory.
    pub map: Map,
    /// Each position stands for 2x2.
    pub up: bool,
    /// `gain[channels]`, then `shift[channels]`.
    pub affine: Option<Ptr>,
    /// Whether negative values become 0, after the affine map.
    pub relu: bool,
}

impl View {
    /// Rows the reader sees.
    pub(crate) fn height(&self) -> usize {
        self.map.height << usize::from(self.up)
    }

    /// Columns the reader sees.
    pub(crate) fn width(&self) -> usize {
        self.map.width << usize::from(self.up)
    }

    /// What happens to channels `channel..` on the way.
    ///
    /// # Safety
    /// `channel + LANES` must be at most `map.channels`.
    #[inline(always)]
    pub(crate) unsafe fn touch<S: Simd>(&self, s: S, channel: usize) -> Touch<S> {
        let floor = s.splat(if self.relu { 0.0 } else { f32::NEG_INFINITY });
        let affine = self.affine.map(|Ptr(p)| {
            // SAFETY: the two halves have `map.channels` values each.
            unsafe { (s.load(p.add(channel)), s.load(p.add(self.map.channels + channel))) }
        });
        Touch { affine, floor, plain: self.affine.is_none() && !self.relu }
    }

    /// The same view without its affine map and rectifier, for readers that have applied them.
    pub(crate) fn is_plain(&self) -> bool {
        self.affine.is_none() && !self.relu
    }
}

/// [`View`]'s arithmetic for one register of channels.
#[derive(Clone, Copy)]
pub(crate) struct Touch<S: Simd> {
    affine: Option<(S::F, S::F)>,
    floor: S::F,
    plain: bool,
}

impl<S: Simd> Touch<S> {
    /// Applies it.
    #[inline(always)]
    pub(crate) fn apply(&self, s: S, v: S::F) -> S::F {
        if self.plain {
            return v;
        }
        let v = match self.affine {
            Some((gain, shift)) => s.fma(gain, v, shift),
            None => v,
        };
        s.at_least(self.floor, v)
    }
}

/// Where the positions of a padded axis come from: an index, or -1 for a zero.
pub(crate) type Axis = Vec<i32>;

/// For each of `out` windows of `kernel` taps, `stride` apart, the stored position under each tap.
pub(crate) fn window_axis(
    view_len: usize,
    up: bool,
    out: usize,
    kernel: usize,
    stride: usize,
    padding: Padding,
) -> Axis {
    let before = (kernel / 2) as isize;
    let tap = |o: usize, k: usize| source(view_len, up, (o * stride + k) as isize - before, padding);
    (0..out).flat_map(|o| (0..kernel).map(move |k| tap(o, k))).collect()
}

fn source(view_len: usize, up: bool, at: isize, padding: Padding) -> i32 {
    padding.source(at, view_len).map_or(-1, |i| (i >> usize::from(up)) as i32)
}

/// Positions -1, 0, 1, ... of an axis, `count` of them. One step beyond the end is padding; what lies further is
/// read by no result that is kept, and is zero. For a doubled view the positions are those in memory.
pub(crate) fn line_axis(stored: usize, up: bool, count: usize, padding: Padding) -> Axis {
    let one = |i: usize| {
        let at = i as isize - 1;
        if at > stored as isize {
            return -1;
        }
        // Doubled and padded by one, mirroring and repeating the edge are the same thing.
        let padding = if up && padding == Padding::Reflect { Padding::Replicate } else { padding };
        padding.source(at, stored).map_or(-1, |i| i as i32)
    };
    (0..count).map(one).collect()
}

/// Channels in memory for `channels` in the table.
pub(crate) fn padded(channels: usize) -> usize {
    channels.next_multiple_of(BLOCK)
}
