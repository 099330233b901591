//! Pictures between which a judge must tell.

use crate::learner::pass::{Part, Tapes};
use crate::learner::{Group, LearnerError};
use crate::walk::Kernels;
use impasto_core::Random;
use impasto_core::{Model, Shape, Tensor};

/// Pictures in a family.
pub(super) const MEMBERS: usize = 4;

/// The network that paints pastiches.
pub(super) struct Painter<K: Kernels> {
    painter: Part<K>,
    encoder: Part<K>,
}

/// One thread's tapes of it.
pub(super) struct Easels<K: Kernels> {
    painter: Tapes<K>,
    encoder: Tapes<K>,
}

impl<K: Kernels> Easels<K> {
    pub fn new(kernels: K) -> Self {
        Self { painter: Tapes::new(kernels), encoder: Tapes::new(kernels) }
    }
}

impl<K: Kernels> Painter<K> {
    pub fn new(kernels: K, model: &Model) -> Result<Self, LearnerError> {
        Ok(Self {
            painter: Part::new(kernels, &model.painter, &model.weights)?,
            encoder: Part::new(kernels, &model.encoder, &model.weights)?,
        })
    }

    /// `photo` in the style of `painting`, within `0..1`.
    fn paint(&self, easels: &mut Easels<K>, photo: &Tensor, painting: &Tensor) -> Tensor {
        let run = |tapes: &mut Tapes<K>, part: &Part<K>, picture: &Tensor, style: &[f32]| {
            let Shape { height, width, .. } = picture.shape();
            let tape = tapes.of_size(&part.program, height, width);
            tape.run(&part.program, &part.packed, picture, style);
            tape.output().clone()
        };
        let style = run(&mut easels.encoder, &self.encoder, painting, &[]);
        let painted = run(&mut easels.painter, &self.painter, photo, style.vector());
        let mut painted = painted.map().to_tensor();
        clamp(&mut painted);
        painted
    }

    /// The photo, the painting, the pastiche and a changed picture; all of the photo's size.
    pub fn family(&self, easels: &mut Easels<K>, group: &Group) -> [Tensor; MEMBERS] {
        let (photo, painting) = (&group.content, &group.styles[0].picture);
        let pastiche = self.paint(easels, photo, painting);
        let changed = changed(photo, painting, &pastiche, &mut Random::new(group.seed));
        [photo.clone(), painting.clone(), pastiche, changed]
    }
}

fn clamp(picture: &mut Tensor) {
    picture.data_mut().iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
}

/// A neighbour of the pastiche, as a training or a picture under gradient steps meets it.
fn changed(photo: &Tensor, painting: &Tensor, pastiche: &Tensor, random: &mut Random) -> Tensor {
    let mut picture = match random.integer(0, 6) {
        0 => noisy(pastiche, random.range(0.01, 0.12), random),
        1 => mixed(pastiche, &softened(pastiche), random.range(0.5, 1.0)),
        // Sharper than it was.
        2 => mixed(pastiche, &softened(pastiche), -random.range(0.5, 1.5)),
        3 => mixed(photo, pastiche, random.range(0.3, 0.7)),
        // Beyond the pastiche, as seen from the photo.
        4 => mixed(photo, pastiche, random.range(1.2, 1.8)),
        5 => latticed(pastiche, random),
        _ => noisy(&mixed(pastiche, painting, random.range(0.2, 0.8)), 0.02, random),
    };
    clamp(&mut picture);
    picture
}

/// `a + part * (b - a)`.
fn mixed(a: &Tensor, b: &Tensor, part: f32) -> Tensor {
    Tensor::new(a.shape(), a.data().iter().zip(b.data()).map(|(a, b)| a + part * (b - a)).collect())
}

fn noisy(picture: &Tensor, sigma: f32, random: &mut Random) -> Tensor {
    Tensor::new(picture.shape(), picture.data().iter().map(|v| v + sigma * random.normal()).collect())
}

/// Means of 3x3 px.
fn softened(picture: &Tensor) -> Tensor {
    let Shape { height, width, .. } = picture.shape();
    Tensor::from_fn(picture.shape(), |c, y, x| {
        let rows = [y.saturating_sub(1), y, (y + 1).min(height - 1)];
        let columns = [x.saturating_sub(1), x, (x + 1).min(width - 1)];
        rows.iter().map(|&y| columns.iter().map(|&x| picture.row(c, y)[x]).sum::<f32>()).sum::<f32>() / 9.0
    })
}

/// A pattern that repeats every 2, 4 or 8 px over it.
fn latticed(picture: &Tensor, random: &mut Random) -> Tensor {
    let period = [2, 4, 8][random.integer(0, 2)];
    let height = random.range(0.02, 0.1);
    let cell: Vec<f32> = (0..3 * period * period).map(|_| height * random.normal()).collect();
    Tensor::from_fn(picture.shape(), |c, y, x| {
        picture.row(c, y)[x] + cell[(c * period + y % period) * period + x % period]
    })
}
