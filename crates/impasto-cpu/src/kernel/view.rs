//! Activations as kernels see them.
//!
//! Layout: `[height][width][channels]`, channels padded to a multiple of 16; the padding is always zero. A [`View`]
//! is such an activation as its reader wants it: doubled in size, scaled per channel, rectified. None of that is
//! ever written to memory; the reader does it while it loads.

use crate::simd::{BLOCK, Simd};
use impasto_core::Padding;
use impasto_core::noise::MAX_PLANES;

/// A pointer into the plan's arena that may cross threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ptr(pub *mut f32);
// SAFETY: a plan runs its steps one after another, and the jobs of a step write disjoint places.
unsafe impl Send for Ptr {}
// SAFETY: as above.
unsafe impl Sync for Ptr {}

/// Number type in memory. Arithmetic is always in `f32`.
pub(crate) trait Element: Copy + 'static {
    /// Reads one register.
    ///
    /// # Safety
    /// As for [`Simd::load`].
    unsafe fn load<S: Simd>(s: S, p: *const Self) -> S::F;
    /// Writes one register.
    ///
    /// # Safety
    /// As for [`Simd::store`].
    unsafe fn store<S: Simd>(s: S, p: *mut Self, v: S::F);
}

impl Element for f32 {
    #[inline(always)]
    unsafe fn load<S: Simd>(s: S, p: *const f32) -> S::F {
        // SAFETY: as the caller says.
        unsafe { s.load(p) }
    }
    #[inline(always)]
    unsafe fn store<S: Simd>(s: S, p: *mut f32, v: S::F) {
        // SAFETY: as the caller says.
        unsafe { s.store(p, v) }
    }
}

/// bf16, as its bits.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Half(pub u16);

impl Element for Half {
    #[inline(always)]
    unsafe fn load<S: Simd>(s: S, p: *const Half) -> S::F {
        // SAFETY: as the caller says.
        unsafe { s.load_half(p.cast()) }
    }
    #[inline(always)]
    unsafe fn store<S: Simd>(s: S, p: *mut Half, v: S::F) {
        // SAFETY: as the caller says.
        unsafe { s.store_half(p.cast(), v) }
    }
}

/// An activation in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Map {
    /// First value.
    pub data: Ptr,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels in memory, a multiple of 16; of 32 in bf16.
    pub channels: usize,
    /// Whether values are bf16 ([`Half`]), not `f32`.
    pub half: bool,
}

impl Map {
    /// The first channel of a position.
    ///
    /// # Safety
    /// The position must be inside, and `E` be what the map holds.
    #[inline(always)]
    pub(crate) unsafe fn at<E: Element>(&self, y: usize, x: usize) -> *mut E {
        // SAFETY: inside the map, as the caller says.
        unsafe { self.data.0.cast::<E>().add((y * self.width + x) * self.channels) }
    }
}

/// The noise field that is added to an activation, see [`impasto_core::noise`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noise {
    /// `[MAX_PLANES][channels]`, written anew in every frame.
    pub gains: Ptr,
    /// `[height][width][MAX_PLANES]`.
    pub cells: Ptr,
}

/// An activation as its reader wants it: `max(gain * x + shift + noise, floor)`, doubled in size if `up`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    /// The activation in memory.
    pub map: Map,
    /// Each position stands for 2x2.
    pub up: bool,
    /// `gain[channels]`, then `shift[channels]`.
    pub affine: Option<Ptr>,
    /// The term added after the affine map.
    pub noise: Option<Noise>,
    /// Whether negative values become 0 at the end.
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

    /// Gain, shift, noise and ReLU of channels `channel..`.
    ///
    /// # Safety
    /// `channel + LANES` must be at most `map.channels`.
    #[inline(always)]
    pub(crate) unsafe fn load_transform<S: Simd>(&self, s: S, channel: usize) -> LoadTransform<S> {
        let channels = self.map.channels;
        let floor = s.splat(if self.relu { 0.0 } else { f32::NEG_INFINITY });
        let (gain, shift) = match self.affine {
            // SAFETY: the two halves have `map.channels` values each.
            Some(Ptr(p)) => unsafe { (s.load(p.add(channel)), s.load(p.add(channels + channel))) },
            None => (floor, floor),
        };
        let planes = match self.noise {
            // SAFETY: there are gains of every plane for all channels.
            Some(Noise { gains, .. }) => unsafe { gains.0.add(channel).cast_const() },
            None => std::ptr::null(),
        };
        LoadTransform {
            gain,
            shift,
            planes,
            channels,
            floor,
            affine: self.affine.is_some(),
            plain: self.is_plain(),
        }
    }

    /// The field's numbers for a position in memory; null where no noise is added.
    ///
    /// # Safety
    /// The position must be inside the map.
    #[inline(always)]
    pub(crate) unsafe fn cell(&self, y: usize, x: usize) -> *const f32 {
        match self.noise {
            // SAFETY: the field has a cell for every position.
            Some(Noise { cells, .. }) => unsafe { cells.0.add((y * self.map.width + x) * MAX_PLANES) },
            None => std::ptr::null(),
        }
    }

    /// One register of channels as the reader sees it, at a position of the reader's.
    ///
    /// # Safety
    /// The position and `channel..channel + LANES` must be inside the view, and `E` be what the map holds.
    #[inline(always)]
    pub(crate) unsafe fn read<S: Simd, E: Element>(&self, s: S, y: usize, x: usize, channel: usize) -> S::F {
        let shift = u32::from(self.up);
        // SAFETY: as the caller says.
        unsafe {
            let (y, x) = (y >> shift, x >> shift);
            let v = E::load(s, self.map.at::<E>(y, x).add(channel));
            self.load_transform(s, channel).apply(s, v, self.cell(y, x))
        }
    }

    /// Whether values are taken as they are.
    pub(crate) fn is_plain(&self) -> bool {
        self.affine.is_none() && self.noise.is_none() && !self.relu
    }
}

/// [`View`]'s arithmetic for one register of channels.
#[derive(Clone, Copy)]
pub(crate) struct LoadTransform<S: Simd> {
    /// Meaningful if `affine`.
    gain: S::F,
    shift: S::F,
    /// The gains of the first plane for these channels, those of the next `channels` later; null where no noise is added.
    planes: *const f32,
    channels: usize,
    floor: S::F,
    affine: bool,
    plain: bool,
}

/// Which of the ways through a [`LoadTransform`] is the one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Values stay as they are.
    Plain,
    /// [`LoadTransform::quiet`].
    Quiet,
    /// [`LoadTransform::noisy`].
    Noisy,
}

impl<S: Simd> LoadTransform<S> {
    /// Applies it to a value whose position has this [`View::cell`].
    ///
    /// # Safety
    /// The cell must be readable if noise is added.
    #[inline(always)]
    pub(crate) unsafe fn apply(&self, s: S, v: S::F, cell: *const f32) -> S::F {
        match self.way() {
            Way::Plain => v,
            Way::Quiet => self.quiet(s, v),
            // SAFETY: as the caller says.
            Way::Noisy => unsafe { self.noisy(s, v, &self.planes(s), cell) },
        }
    }

    /// Effect of [`LoadTransform::apply`].
    #[inline(always)]
    pub(crate) fn way(&self) -> Way {
        match self.plain {
            true => Way::Plain,
            false if self.planes.is_null() => Way::Quiet,
            false => Way::Noisy,
        }
    }

    /// As [`LoadTransform::apply`] where no noise is added.
    #[inline(always)]
    pub(crate) fn quiet(&self, s: S, v: S::F) -> S::F {
        let v = if self.affine { s.fma(self.gain, v, self.shift) } else { v };
        s.at_least(self.floor, v)
    }

    /// The gains of the noise field's planes, for [`LoadTransform::noisy`].
    ///
    /// # Safety
    /// Noise must be added.
    #[inline(always)]
    pub(crate) unsafe fn planes(&self, s: S) -> [S::F; MAX_PLANES] {
        let mut planes = [self.floor; MAX_PLANES];
        for (k, plane) in planes.iter_mut().enumerate() {
            // SAFETY: every plane has gains for all channels.
            *plane = unsafe { s.load(self.planes.add(k * self.channels)) };
        }
        planes
    }

    /// As [`LoadTransform::apply`] where noise is added. Closures that call this may grow too large to be inlined, and are then compiled
    /// without the instruction set: call it from loops.
    ///
    /// # Safety
    /// As for [`LoadTransform::apply`].
    #[inline(always)]
    pub(crate) unsafe fn noisy(&self, s: S, v: S::F, planes: &[S::F; MAX_PLANES], cell: *const f32) -> S::F {
        let mut v = if self.affine { s.fma(self.gain, v, self.shift) } else { v };
        for (k, &plane) in planes.iter().enumerate() {
            // SAFETY: a cell has a number for every plane.
            v = s.fma(plane, s.splat(unsafe { *cell.add(k) }), v);
        }
        s.at_least(self.floor, v)
    }
}

/// Sources of the positions of a padded axis: an index, or -1 for a zero.
pub(crate) type Axis = Vec<i32>;

/// The positions of a padded axis that windows slide over.
pub(crate) struct Spread {
    /// The stored position under each, or -1 for a zero.
    pub at: Axis,
    /// Run lengths from each position on that lie side by side in memory.
    straight: Vec<u32>,
}

impl Spread {
    /// `count` positions from `before` in front of the first; `view_len` of them are inside, of a doubled view if `up`.
    /// Positions further outside than `before` are read by no result that is kept. At most `stored` exist: the last is
    /// repeated.
    pub(crate) fn new(
        (view_len, up): (usize, bool),
        count: usize,
        before: usize,
        padding: Padding,
        stored: Option<usize>,
    ) -> Spread {
        let last = stored.map_or(i32::MAX, |n| n as i32 - 1);
        let one = |i: usize| {
            let beyond = i >= view_len + 2 * before;
            if beyond { -1 } else { source(view_len, up, i as isize - before as isize, padding).min(last) }
        };
        let at: Axis = (0..count).map(one).collect();
        let mut straight = vec![1; count];
        for i in (0..count.saturating_sub(1)).rev() {
            if at[i] >= 0 && at[i + 1] == at[i] + 1 {
                straight[i] = straight[i + 1] + 1;
            }
        }
        Spread { at, straight }
    }

    /// Number of positions from `i` on that lie side by side in memory; 1 for a zero.
    pub(crate) fn straight(&self, i: usize) -> usize {
        self.straight[i] as usize
    }
}

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

/// A 3x3 convolution of a doubled input is four convolutions of the stored one: the weight of a stored position's tap
/// (of 3x3) for the result at row `dy`, column `dx` above the middle position. Five of the nine are zero.
pub(crate) fn doubled_weight(
    value: &dyn Fn(usize, usize, usize) -> f32,
    (dy, dx): (usize, usize),
    tap: usize,
    i: usize,
    o: usize,
) -> f32 {
    // Row t of the window at result row `dy` lies on the stored row (dy + t - 1) / 2, rounded down; the middle is 1.
    let seen = |d: usize, stored: usize| (0..3).filter(move |t| (d + t).div_ceil(2) == stored);
    seen(dy, tap / 3)
        .flat_map(|y| seen(dx, tap % 3).map(move |x| (y, x)))
        .map(|(y, x)| value(o, i, y * 3 + x))
        .sum()
}

/// Channels in memory for `channels` in the table.
pub(crate) fn padded(channels: usize, half: bool) -> usize {
    channels.next_multiple_of(if half { 2 * BLOCK } else { BLOCK })
}
