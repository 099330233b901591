//! From a tile of results to memory: what follows the sums, the edges, the pool, the statistics.

use super::TILE;
use crate::kernel::finish::{Finish, Lane};
use crate::kernel::sums::Sums;
use crate::kernel::view::View;
use crate::simd::Simd;

/// Finishes a tile and writes what of it lies inside the picture.
///
/// # Safety
/// The tile's first position must be inside the output (before pooling) of `view`'s size.
#[inline(always)]
pub(super) unsafe fn store_tile<S: Simd>(
    s: S,
    finish: &Finish,
    mut tile: [[S::F; TILE]; TILE],
    view: View,
    (ty, tx): (usize, usize),
    channel: usize,
    mut sums: Option<&mut Sums<S>>,
) {
    let (y, x) = (ty * TILE, tx * TILE);
    let (high, wide) = ((view.height() - y).min(TILE), (view.width() - x).min(TILE));
    // SAFETY: positions below `high` and `wide` are inside; pooled positions are half of those.
    unsafe {
        let lane = finish.lane(s, channel);
        if high == TILE && wide == TILE && !finish.pool {
            return store_whole(s, finish, &lane, &mut tile, (y, x), channel, sums);
        }
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

/// Writes a tile that lies wholly inside, as most do: no question is asked for each value.
///
/// # Safety
/// As for [`store_tile`], and the tile's last position must be inside the output.
#[inline(always)]
unsafe fn store_whole<S: Simd>(
    s: S,
    finish: &Finish,
    lane: &Lane<S>,
    tile: &mut [[S::F; TILE]; TILE],
    (y, x): (usize, usize),
    channel: usize,
    sums: Option<&mut Sums<S>>,
) {
    let channels = finish.out.channels;
    let row = finish.out.width * channels;
    // SAFETY: as the caller says; a residual has the output's size.
    unsafe {
        match lane.beside(y, x) {
            Some((other, touch)) => {
                for (dy, line) in tile.iter_mut().enumerate() {
                    for (dx, v) in line.iter_mut().enumerate() {
                        let other = touch.apply(s, s.load(other.add(dy * row + dx * channels)));
                        *v = lane.joined(s, *v, other);
                    }
                }
            }
            None => {
                for line in tile.iter_mut() {
                    for v in line {
                        *v = lane.alone(s, *v);
                    }
                }
            }
        }
        let out = finish.out.at::<f32>(y, x).add(channel);
        for (dy, line) in tile.iter().enumerate() {
            for (dx, &v) in line.iter().enumerate() {
                s.store(out.add(dy * row + dx * channels), v);
            }
        }
        if let Some(sums) = sums {
            sums.add_all(s, tile);
        }
    }
}

/// Writes the maxima of 2x2 positions; windows over the edge take what there is.
///
/// # Safety
/// As for [`store_tile`].
#[inline(always)]
unsafe fn pool_tile<S: Simd>(
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
