//! From a tile of results to memory: what follows the sums, the edges, the pool, the statistics.

use super::transform::{Line, square};
use crate::kernel::finish::{Beside, Finish, Lane};
use crate::kernel::sums::Sums;
use crate::kernel::view::{View, Way};
use crate::simd::{Simd, zero};
use impasto_core::noise::MAX_PLANES;

/// Transforms the sums that `read` gives into a tile, finishes it, and writes what of it lies inside the picture.
///
/// # Safety
/// The tile's first position `(y, x)` must be inside the output (before pooling) of `view`'s size.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "a tile, and where it goes")]
pub(super) unsafe fn store_tile<S: Simd, L: Line<S, N, TILE>, const N: usize, const TILE: usize>(
    s: S,
    finish: &Finish,
    line: L,
    read: impl Fn(usize, usize) -> S::F,
    view: View,
    (y, x): (usize, usize),
    channel: usize,
    mut sums: Option<&mut Sums<S>>,
) {
    let (high, wide) = ((view.height() - y).min(TILE), (view.width() - x).min(TILE));
    // SAFETY: positions below `high` and `wide` are inside; pooled positions are half of those.
    unsafe {
        let lane = finish.lane(s, channel);
        if high == TILE && wide == TILE && !finish.pool {
            return store_whole(s, finish, &lane, line, read, (y, x), channel, sums);
        }
        let mut tile = [[zero(s); TILE]; TILE];
        square(s, line, read, |dy: usize, dx: usize, v| tile[dy][dx] = v);
        for (dy, row) in tile.iter_mut().enumerate().take(high) {
            for (dx, v) in row.iter_mut().enumerate().take(wide) {
                *v = lane.value::<f32>(s, *v, y + dy, x + dx);
                if !finish.pool {
                    s.store(finish.out.at::<f32>(y + dy, x + dx).add(channel), *v);
                    if let Some(sums) = &mut sums {
                        sums.add(s, *v);
                    }
                }
            }
        }
        if finish.pool {
            pool_tile(s, finish, &tile, (y / 2, x / 2), (high, wide), channel, sums);
        }
    }
}

/// A tile that lies wholly inside, as most do: each value is finished and written as it comes, and no question is asked for it.
///
/// # Safety
/// As for [`store_tile`], and the tile's last position must be inside the output.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "a tile, and where it goes")]
unsafe fn store_whole<S: Simd, L: Line<S, N, TILE>, const N: usize, const TILE: usize>(
    s: S,
    finish: &Finish,
    lane: &Lane<S>,
    line: L,
    read: impl Fn(usize, usize) -> S::F,
    (y, x): (usize, usize),
    channel: usize,
    sums: Option<&mut Sums<S>>,
) {
    let channels = finish.out.channels;
    let row = finish.out.width * channels;
    // SAFETY: as the caller says; a residual has the output's size.
    unsafe {
        let out = finish.out.at::<f32>(y, x).add(channel);
        let put = |dy: usize, dx: usize, v| s.store(out.add(dy * row + dx * channels), v);
        // Every way is written out: closures that call closures may be compiled without the instruction set, at half the speed.
        macro_rules! written {
            ($dy:ident, $dx:ident, $v:ident => $value:expr) => {
                match sums {
                    None => square(s, line, read, |$dy: usize, $dx: usize, $v| put($dy, $dx, $value)),
                    Some(sums) => {
                        let mut kept = *sums;
                        square(s, line, read, |$dy: usize, $dx: usize, $v| {
                            let v = $value;
                            put($dy, $dx, v);
                            kept.add(s, v);
                        });
                        *sums = kept;
                    }
                }
            };
        }
        let Some(Beside { at, cell, transform }) = lane.beside(y, x) else {
            return written!(dy, dx, v => lane.alone(s, v));
        };
        let cells = finish.out.width * MAX_PLANES;
        match transform.way() {
            Way::Plain => written!(dy, dx, v => lane.joined(s, v, s.load(at.add(dy * row + dx * channels)))),
            Way::Quiet => written!(dy, dx, v => {
                let other = transform.quiet(s, s.load(at.add(dy * row + dx * channels)));
                lane.joined(s, v, other)
            }),
            Way::Noisy => {
                let (planes, mut others) = (transform.planes(s), [[zero(s); TILE]; TILE]);
                for (dy, others) in others.iter_mut().enumerate() {
                    for (dx, other) in others.iter_mut().enumerate() {
                        let v = s.load(at.add(dy * row + dx * channels));
                        *other = transform.noisy(s, v, &planes, cell.add(dy * cells + dx * MAX_PLANES));
                    }
                }
                written!(dy, dx, v => lane.joined(s, v, others[dy][dx]))
            }
        }
    }
}

/// Writes the maxima of 2x2 positions; windows over the edge take what there is.
///
/// # Safety
/// As for [`store_tile`].
#[inline(always)]
unsafe fn pool_tile<S: Simd, const TILE: usize>(
    s: S,
    finish: &Finish,
    tile: &[[S::F; TILE]; TILE],
    (y, x): (usize, usize),
    (high, wide): (usize, usize),
    channel: usize,
    mut sums: Option<&mut Sums<S>>,
) {
    for dy in (0..high).step_by(2) {
        for dx in (0..wide).step_by(2) {
            let (below, right) = ((dy + 1).min(high - 1), (dx + 1).min(wide - 1));
            let upper = s.at_least(tile[dy][dx], tile[dy][right]);
            let v = s.at_least(upper, s.at_least(tile[below][dx], tile[below][right]));
            // SAFETY: half of a position inside the unpooled output.
            unsafe { s.store(finish.out.at::<f32>(y + dy / 2, x + dx / 2).add(channel), v) };
            if let Some(sums) = &mut sums {
                sums.add(s, v);
            }
        }
    }
}
