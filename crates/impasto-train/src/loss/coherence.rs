//! Contrastive coherence (CCPL, Wu et al. 2022), without the projection: what differs between neighbours in the photo differs in
//! the pastiche, and no other place's difference looks like it.

use crate::walk::{Element, Map};
use impasto_core::Random;

/// Temperature of the contrast.
pub(crate) const TAU: f32 = 0.07;
/// The eight neighbours in reading order, as rows and columns.
const NEIGHBOURS: [(isize, isize); 8] =
    [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)];

/// `count` places, row and column, with all neighbours inside.
pub fn anchors((height, width): (usize, usize), count: usize, random: &mut Random) -> Vec<(usize, usize)> {
    (0..count).map(|_| (random.integer(1, height - 2), random.integer(1, width - 2))).collect()
}

/// Each anchor with each of its neighbours, as rows and columns.
pub(crate) fn neighbours(anchors: &[(usize, usize)]) -> Vec<[(usize, usize); 2]> {
    let one = |anchor: (usize, usize), (dv, du): (isize, isize)| {
        [anchor, (anchor.0.wrapping_add_signed(dv), anchor.1.wrapping_add_signed(du))]
    };
    anchors.iter().flat_map(|&anchor| NEIGHBOURS.map(|step| one(anchor, step))).collect()
}

/// A difference between two places, of unit length.
struct Difference {
    unit: Vec<f32>,
    length: f32,
    anchor: (usize, usize),
    neighbour: (usize, usize),
}

/// For each anchor and neighbour, `d = f(anchor) - f(neighbour)` over its length, in `y` and in `x`; the mean of the cross entropies of
/// `softmax(<d_y, d_x> / 0.07)` over all places against the same place. The gradient goes to `dy`, added, or set unless `keep`;
/// with `gate` it is 0 where `y` is.
pub fn coherence<E: Element>(
    y: &Map<E>,
    x: &Map<E>,
    anchors: &[(usize, usize)],
    weight: f32,
    (gate, keep): (bool, bool),
    dy: &mut Map<E>,
) -> f32 {
    if !keep {
        (0..y.shape().height).for_each(|v| dy.row_mut(v).fill(E::default()));
    }
    let (own, other) = (differences(y, anchors), differences(x, anchors));
    let (count, mut value) = (own.len() as f32, 0.0);
    for (i, d) in own.iter().enumerate() {
        let logits: Vec<f32> = other.iter().map(|o| dot(&d.unit, &o.unit) / TAU).collect();
        let most = logits.iter().copied().fold(f32::MIN, f32::max);
        let sum: f32 = logits.iter().map(|l| (l - most).exp()).sum();
        value += (most + sum.ln() - logits[i]) / count;
        let mut to_unit = vec![0.0; d.unit.len()];
        for (j, (o, l)) in other.iter().zip(&logits).enumerate() {
            let slope = ((l - most).exp() / sum - f32::from(u8::from(i == j))) * weight / (TAU * count);
            to_unit.iter_mut().zip(&o.unit).for_each(|(t, o)| *t += slope * o);
        }
        // Through the division by the length.
        let along = dot(&to_unit, &d.unit);
        let back = to_unit.iter().zip(&d.unit).map(|(t, u)| (t - along * u) / d.length);
        let back: Vec<f32> = back.collect();
        add(y, dy, d.anchor, &back, 1.0, gate);
        add(y, dy, d.neighbour, &back, -1.0, gate);
    }
    value
}

fn differences<E: Element>(f: &Map<E>, anchors: &[(usize, usize)]) -> Vec<Difference> {
    let (lanes, channels) = (f.lanes(), f.shape().channels);
    let at = |(v, u): (usize, usize)| &f.row(v)[u * lanes..u * lanes + channels];
    let one = |[anchor, neighbour]: [(usize, usize); 2]| {
        let away: Vec<f32> = at(anchor).iter().zip(at(neighbour)).map(|(a, b)| a.wide() - b.wide()).collect();
        let length = dot(&away, &away).sqrt().max(1e-12);
        Difference { unit: away.iter().map(|a| a / length).collect(), length, anchor, neighbour }
    };
    neighbours(anchors).into_iter().map(one).collect()
}

fn add<E: Element>(y: &Map<E>, dy: &mut Map<E>, (v, u): (usize, usize), by: &[f32], sign: f32, gate: bool) {
    let start = u * y.lanes();
    let values = &y.row(v)[start..];
    let room = &mut dy.row_mut(v)[start..];
    for ((room, y), by) in room.iter_mut().zip(values).zip(by) {
        if !gate || y.wide() > 0.0 {
            *room = E::narrow(room.wide() + sign * by);
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
