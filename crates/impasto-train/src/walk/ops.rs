//! The layers that are no convolutions, forward and back, over maps.

use super::map::{Element, Map};
use super::simd::wide_fn;
use super::statistics::to_lanes;

wide_fn! {
    fn relu_row<E>(x: &[E], y: &mut [E]) {
        x.iter().zip(y).for_each(|(x, y)| *y = E::narrow(x.wide().max(0.0)));
    }
}

wide_fn! {
    fn gate_row<E>(value: &[E], gradient: &mut [E]) {
        value.iter().zip(gradient).for_each(|(v, g)| *g = if v.wide() > 0.0 { *g } else { E::default() });
    }
}

wide_fn! {
    fn sum_row<E>(a: &[E], b: &[E], y: &mut [E]) {
        a.iter().zip(b).zip(y).for_each(|((a, b), y)| *y = E::narrow(a.wide() + b.wide()));
    }
}

wide_fn! {
    fn add_row<E>(from: &[E], to: &mut [E]) {
        from.iter().zip(to).for_each(|(from, to)| *to = E::narrow(to.wide() + from.wide()));
    }
}

wide_fn! {
    /// `dx = (keep ? dx : 0) + a[c] * dy + b[c] * x + s[c]`.
    fn mixed_row<E>(dy: &[E], x: &[E], lanes: usize, a: &[f32], b: &[f32], s: &[f32], keep: bool, dx: &mut [E]) {
        for ((dy, x), dx) in dy.chunks_exact(lanes).zip(x.chunks_exact(lanes)).zip(dx.chunks_exact_mut(lanes)) {
            for c in 0..lanes {
                let before = if keep { dx[c].wide() } else { 0.0 };
                dx[c] = E::narrow(before + a[c] * dy[c].wide() + b[c] * x[c].wide() + s[c]);
            }
        }
    }
}

wide_fn! {
    fn pool_row<E>(upper: &[E], lower: &[E], lanes: usize, columns: usize, y: &mut [E]) {
        for (u, y) in y.chunks_exact_mut(lanes).enumerate() {
            let (left, right) = (2 * u * lanes, (2 * u + 1).min(columns - 1) * lanes);
            let (a, b) = (&upper[left..left + lanes], &upper[right..right + lanes]);
            let (c, d) = (&lower[left..left + lanes], &lower[right..right + lanes]);
            for k in 0..lanes {
                let top = if b[k].wide() > a[k].wide() { b[k] } else { a[k] };
                let low = if d[k].wide() > c[k].wide() { d[k] } else { c[k] };
                y[k] = if low.wide() > top.wide() { low } else { top };
            }
        }
    }
}

/// `max(x, 0)`.
pub(super) fn relu<E: Element>(x: &Map<E>, y: &mut Map<E>) {
    (0..x.shape().height).for_each(|v| relu_row(x.row(v), y.row_mut(v)));
}

/// Zeroes the gradient where the value is not positive.
pub(super) fn gate<E: Element>(value: &Map<E>, gradient: &mut Map<E>) {
    (0..value.shape().height).for_each(|v| gate_row(value.row(v), gradient.row_mut(v)));
}

/// `a + b`.
pub(super) fn sum<E: Element>(a: &Map<E>, b: &Map<E>, y: &mut Map<E>) {
    (0..a.shape().height).for_each(|v| sum_row(a.row(v), b.row(v), y.row_mut(v)));
}

/// `to += from`, or `to = from`.
pub(super) fn accumulate<E: Element>(from: &Map<E>, keep: bool, to: &mut Map<E>) {
    for v in 0..from.shape().height {
        match keep {
            true => add_row(from.row(v), to.row_mut(v)),
            false => to.row_mut(v).copy_from_slice(from.row(v)),
        }
    }
}

/// `dx = a * dy + b * x + shift` per channel, added if `keep`.
pub(super) fn mixed<E: Element>(
    dy: &Map<E>,
    x: &Map<E>,
    [a, b, shift]: [&[f32]; 3],
    keep: bool,
    dx: &mut Map<E>,
) {
    let lanes = x.lanes();
    let (a, b, shift) = (to_lanes(a, lanes), to_lanes(b, lanes), to_lanes(shift, lanes));
    for v in 0..x.shape().height {
        mixed_row(dy.row(v), x.row(v), lanes, &a, &b, &shift, keep, dx.row_mut(v));
    }
}

/// 2x2 maximum, windows over the edge take what there is.
pub(super) fn max_pool2<E: Element>(x: &Map<E>, y: &mut Map<E>) {
    let (h, w, lanes) = (x.shape().height, x.shape().width, x.lanes());
    for v in 0..y.shape().height {
        let lower = (2 * v + 1).min(h - 1);
        pool_row(x.row(2 * v), x.row(lower), lanes, w, y.row_mut(v));
    }
}

wide_fn! {
    /// The first of each window's places, in reading order, that holds the maximum takes the gradient, if that is positive or `all`.
    /// Both rows have even width.
    fn unpool_rows<E>(
        x: [&[E]; 2], y: &[E], dy: &[E], lanes: usize, all: bool, keep: bool, top: &mut [E], low: &mut [E],
    ) {
        for (u, (y, dy)) in y.chunks_exact(lanes).zip(dy.chunks_exact(lanes)).enumerate() {
            let pair = 2 * u * lanes..2 * (u + 1) * lanes;
            let (a, b) = x[0][pair.clone()].split_at(lanes);
            let (c, d) = x[1][pair.clone()].split_at(lanes);
            let (t0, t1) = top[pair.clone()].split_at_mut(lanes);
            let (l0, l1) = low[pair].split_at_mut(lanes);
            let b = &b[..lanes];
            let d = &d[..lanes];
            let t1 = &mut t1[..lanes];
            let l1 = &mut l1[..lanes];
            for k in 0..lanes {
                let (m, g) = (y[k].wide(), dy[k].wide());
                let g = if all || m > 0.0 { g } else { 0.0 };
                let (ia, ib, ic) = (a[k].wide() == m, b[k].wide() == m, c[k].wide() == m);
                let id = d[k].wide() == m;
                let ga = if ia { g } else { 0.0 };
                let gb = if ib & !ia { g } else { 0.0 };
                let gc = if ic & !(ia | ib) { g } else { 0.0 };
                let gd = if id & !(ia | ib | ic) { g } else { 0.0 };
                let before = |v: E| if keep { v.wide() } else { 0.0 };
                t0[k] = E::narrow(before(t0[k]) + ga);
                t1[k] = E::narrow(before(t1[k]) + gb);
                l0[k] = E::narrow(before(l0[k]) + gc);
                l1[k] = E::narrow(before(l1[k]) + gd);
            }
        }
    }
}

/// The gradient of [`max_pool2`]: to the first maximum of each window. With `gate`, only to positive values.
pub(super) fn max_unpool2<E: Element>(
    x: &Map<E>,
    y: &Map<E>,
    dy: &Map<E>,
    gate: bool,
    keep: bool,
    dx: &mut Map<E>,
) {
    let (h, w, lanes) = (x.shape().height, x.shape().width, x.lanes());
    if !h.is_multiple_of(2) || !w.is_multiple_of(2) {
        return unpool_odd(x, y, dy, gate, keep, dx);
    }
    let line = (w + 2) * lanes;
    for v in 0..y.shape().height {
        let (top, low) = dx.data_mut()[(2 * v + 1) * line..].split_at_mut(line);
        let (top, low) = (&mut top[lanes..(w + 1) * lanes], &mut low[lanes..(w + 1) * lanes]);
        let rows = [x.row(2 * v), x.row(2 * v + 1)];
        unpool_rows(rows, y.row(v), dy.row(v), lanes, !gate, keep, top, low);
    }
}

/// The same for maps of odd height or width, value by value.
fn unpool_odd<E: Element>(x: &Map<E>, y: &Map<E>, dy: &Map<E>, gate: bool, keep: bool, dx: &mut Map<E>) {
    let (h, w, lanes) = (x.shape().height, x.shape().width, x.lanes());
    if !keep {
        (0..h).for_each(|v| dx.row_mut(v).fill(E::default()));
    }
    for v in 0..y.shape().height {
        for at in 0..y.shape().width * lanes {
            let (u, k) = (at / lanes, at % lanes);
            let (m, g) = (y.row(v)[at].wide(), dy.row(v)[at].wide());
            if gate && m <= 0.0 {
                continue;
            }
            let places = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(i, j)| (2 * v + i, 2 * u + j));
            let inside = places.into_iter().filter(|&(v, u)| v < h && u < w);
            if let Some((v, u)) = inside.into_iter().find(|&(v, u)| x.row(v)[u * lanes + k].wide() == m) {
                let to = &mut dx.row_mut(v)[u * lanes + k];
                *to = E::narrow(to.wide() + g);
            }
        }
    }
}

wide_fn! {
    fn mean_row<E>(upper: &[E], lower: &[E], lanes: usize, columns: usize, y: &mut [E]) {
        for (u, y) in y.chunks_exact_mut(lanes).enumerate() {
            let (left, right) = (2 * u * lanes, (2 * u + 1).min(columns - 1) * lanes);
            let (a, b) = (&upper[left..left + lanes], &upper[right..right + lanes]);
            let (c, d) = (&lower[left..left + lanes], &lower[right..right + lanes]);
            for k in 0..lanes {
                y[k] = E::narrow(0.25 * ((a[k].wide() + b[k].wide()) + (c[k].wide() + d[k].wide())));
            }
        }
    }
}

/// 2x2 mean, windows over the edge take the mean of what there is.
pub(super) fn avg_pool2<E: Element>(x: &Map<E>, y: &mut Map<E>) {
    let (h, w, lanes) = (x.shape().height, x.shape().width, x.lanes());
    for v in 0..y.shape().height {
        let lower = (2 * v + 1).min(h - 1);
        mean_row(x.row(2 * v), x.row(lower), lanes, w, y.row_mut(v));
    }
}

wide_fn! {
    /// Each position takes `part` of its window's gradient, twice as much in a last column that has no neighbour.
    fn spread_row<E>(dy: &[E], lanes: usize, part: f32, keep: bool, dx: &mut [E]) {
        let columns = dx.len() / lanes;
        for (u, dx) in dx.chunks_exact_mut(lanes).enumerate() {
            let part = if u + 1 == columns && u % 2 == 0 { 2.0 * part } else { part };
            let dy = &dy[u / 2 * lanes..][..lanes];
            for k in 0..lanes {
                let before = if keep { dx[k].wide() } else { 0.0 };
                dx[k] = E::narrow(before + part * dy[k].wide());
            }
        }
    }
}

/// The gradient of [`avg_pool2`].
pub(super) fn avg_unpool2<E: Element>(dy: &Map<E>, keep: bool, dx: &mut Map<E>) {
    let (h, lanes) = (dx.shape().height, dx.lanes());
    for v in 0..h {
        let part = if v + 1 == h && v % 2 == 0 { 0.5 } else { 0.25 };
        spread_row(dy.row(v / 2), lanes, part, keep, dx.row_mut(v));
    }
}

/// Each pixel four times.
pub(super) fn upsample2<E: Element>(x: &Map<E>, y: &mut Map<E>) {
    let lanes = x.lanes();
    for v in 0..y.shape().height {
        let to = y.row_mut(v).chunks_exact_mut(2 * lanes);
        for (to, from) in to.zip(x.row(v / 2).chunks_exact(lanes)) {
            to[..lanes].copy_from_slice(from);
            to[lanes..].copy_from_slice(from);
        }
    }
}

wide_fn! {
    fn fold_row<E>(upper: &[E], lower: &[E], lanes: usize, keep: bool, dx: &mut [E]) {
        for (u, dx) in dx.chunks_exact_mut(lanes).enumerate() {
            let (a, b) = upper[2 * u * lanes..][..2 * lanes].split_at(lanes);
            let (c, d) = lower[2 * u * lanes..][..2 * lanes].split_at(lanes);
            for k in 0..lanes {
                let before = if keep { dx[k].wide() } else { 0.0 };
                dx[k] = E::narrow(before + ((a[k].wide() + b[k].wide()) + (c[k].wide() + d[k].wide())));
            }
        }
    }
}

/// The gradient of [`upsample2`]: sums of four.
pub(super) fn fold2<E: Element>(dy: &Map<E>, keep: bool, dx: &mut Map<E>) {
    let lanes = dx.lanes();
    (0..dx.shape().height)
        .for_each(|v| fold_row(dy.row(2 * v), dy.row(2 * v + 1), lanes, keep, dx.row_mut(v)));
}

/// `to[stride * v][stride * u] = from[v][u]`, zeros between: a strided convolution's gradient for kernels of stride 1.
pub(super) fn spread<E: Element>(from: &Map<E>, stride: usize, to: &mut Map<E>) {
    let lanes = from.lanes();
    for v in 0..from.shape().height {
        let row = to.row_mut(stride * v).chunks_exact_mut(stride * lanes);
        for (to, from) in row.zip(from.row(v).chunks_exact(lanes)) {
            to[..lanes].copy_from_slice(from);
        }
        // `chunks_exact_mut` leaves the last pixel of an odd row.
        let last = from.shape().width - 1;
        let row = to.row_mut(stride * v);
        row[stride * last * lanes..][..lanes].copy_from_slice(&from.row(v)[last * lanes..][..lanes]);
    }
}

/// Copies `count` channels of every pixel, from channel `from` of `x` to channel `to` of `y`, adding if `keep`.
pub(super) fn channels<E: Element>(
    x: &Map<E>,
    from: usize,
    y: &mut Map<E>,
    to: usize,
    count: usize,
    keep: bool,
) {
    let (xl, yl) = (x.lanes(), y.lanes());
    for v in 0..x.shape().height {
        for (x, y) in x.row(v).chunks_exact(xl).zip(y.row_mut(v).chunks_exact_mut(yl)) {
            for (x, y) in x[from..from + count].iter().zip(&mut y[to..to + count]) {
                *y = if keep { E::narrow(y.wide() + x.wide()) } else { *x };
            }
        }
    }
}
