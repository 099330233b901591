//! The loss network at work: what it is asked about photos, paintings and pastiches.

use super::Fault;
use super::host_losses;
use super::kernel::{Finish, Kit, Point};
use super::loss_slots::LossSlots;
use super::room::{Room, floats};
use super::table::Table;
use super::tape::{Aims, Tape};
use super::work::{Work, whole};
use crate::learner::looks::{Look, Looks, Memo, first_kept};
use crate::learner::{ContentKind, Recipe, StyleKind, StylePicture};
use crate::loss_network::EPS;
use crate::walk::Moments;
use impasto_core::Shape;
use impasto_core::network::NodeId;
use impasto_gpu::compute::wgpu::Buffer;
use impasto_gpu::compute::{Gpu, Launch};
use std::sync::Arc;

/// The loss network, and what it said about paintings.
pub(super) struct Referee {
    pub table: Table,
    pub layers: [NodeId; 4],
    pub memo: Memo,
}

/// Parts of the recipe that decide which launches there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kinds {
    content: ContentKind,
    content_layers: usize,
    style: StyleKind,
    first_kept: usize,
}

impl Kinds {
    pub fn of(recipe: &Recipe) -> Self {
        Self {
            content: recipe.content_target,
            content_layers: recipe.content_layers,
            style: recipe.style_kind,
            first_kept: first_kept(recipe),
        }
    }
}

/// The loss network over a batch of pictures of one size.
pub(super) struct Judge {
    tape: Tape,
    layers: [NodeId; 4],
    kinds: Kinds,
    /// The photos' features and moments, by layer.
    photo: [Room; 4],
    of_photo: [Buffer; 4],
    /// The paintings' moments.
    wanted: [Buffer; 4],
    looks: Vec<Looks>,
    look_at_photo: Vec<Launch>,
    /// Content and style losses, and their gradients to the features.
    losses: Vec<Launch>,
}

impl Judge {
    /// Over pictures in `input`. `recipe` is the buffer of weights.
    pub fn new(
        gpu: &Gpu,
        referee: &Referee,
        input: &Room,
        kinds: Kinds,
        recipe: &Buffer,
        told: &mut LossSlots,
    ) -> Result<Self, Fault> {
        let aims = Aims { picture: true, seeds: &referee.layers, ..Aims::default() };
        let tape = Tape::new(gpu, &referee.table, input, None, aims)?;
        let (kit, layers) = (Kit { gpu }, referee.layers);
        let samples = input.samples;
        let moments = |id: NodeId| floats(gpu, 2 * tape.value(id).channels());
        let each = |make: &dyn Fn(NodeId) -> Result<Buffer, Fault>| -> Result<[Buffer; 4], Fault> {
            let [a, b, c, d] = layers.map(make);
            Ok([a?, b?, c?, d?])
        };
        let [own, of_photo, wanted] = [each(&moments)?, each(&moments)?, each(&moments)?];
        let kept = |layer: usize| {
            let shape = tape.value(layers[layer]).shape;
            Room::new(gpu, samples, if layer >= kinds.first_kept { shape } else { Shape::new(1, 1, 1) })
        };
        let photo = [kept(0)?, kept(1)?, kept(2)?, kept(3)?];
        let (mut look_at_photo, mut losses) = (vec![], vec![]);
        for (layer, id) in layers.into_iter().enumerate() {
            let (y, dy) = (tape.value(id), tape.gradient(id));
            let divisor = y.shape.area() as f32;
            if layer >= kinds.first_kept {
                look_at_photo.push(kit.moments(y, (divisor, EPS), &of_photo[layer])?);
            }
            if kinds.style != StyleKind::Gram {
                let coefficients = floats(gpu, 4 * y.channels())?;
                let buffers = [&own[layer], &wanted[layer], recipe];
                let root = kinds.style == StyleKind::Root;
                losses.push(kit.moments(y, (divisor, EPS), &own[layer])?);
                losses.push(kit.style(root, y, buffers, &coefficients, told.style(samples))?);
                let finish = Finish { gate: Some(y), keep: true };
                losses.push(kit.point(Point::Affine(y, &coefficients), finish, dy)?);
            }
            if layer + kinds.content_layers >= 4 {
                let adain = kinds.content == ContentKind::AdaIn;
                let buffers = [&of_photo[layer], &wanted[layer], recipe];
                let place = told.content(y.channels());
                losses.push(kit.content(adain, (y, &photo[layer]), buffers, dy, place)?);
            }
        }
        Ok(Self { tape, layers, kinds, photo, of_photo, wanted, looks: vec![], look_at_photo, losses })
    }

    /// The pictures' place.
    pub fn input(&self) -> &Room {
        self.tape.input()
    }

    /// The gradient to the pictures.
    pub fn gradient(&self) -> &Room {
        self.tape.gradient(0)
    }

    /// The photos' deepest features, and what [`Kit::target`] wants of them and of the paintings.
    pub fn deepest(&self) -> (&Room, [&Buffer; 2]) {
        (&self.photo[3], [&self.of_photo[3], &self.wanted[3]])
    }

    /// Keeps those features of the photos in [`Self::input`] that the recipe needs.
    pub fn look_at_photos(&self, work: &mut Work) {
        work.run(self.tape.forward());
        work.run(&self.look_at_photo);
        for layer in self.kinds.first_kept..4 {
            work.copy(&self.tape.value(self.layers[layer]).buffer, &self.photo[layer].buffer);
        }
    }

    /// Sets the statistics to match from the next submitted work on.
    pub fn want(&mut self, gpu: &Gpu, looks: Vec<Looks>) {
        for layer in 0..4 {
            let pairs = |look: &Looks| {
                let Moments { mean, std, .. } = &look[layer].moments;
                mean.iter().zip(std).flat_map(|(&mean, &std)| [mean, std]).collect::<Vec<f32>>()
            };
            let values: Vec<f32> = looks.iter().flat_map(pairs).collect();
            gpu.queue.write_buffer(&self.wanted[layer], 0, bytemuck::cast_slice(&values));
        }
        self.looks = looks;
    }

    /// Looks at the pastiches in [`Self::input`]: their losses, and the gradient to them.
    ///
    /// # Errors
    /// When the device fails.
    pub fn judge<'a>(
        &self,
        gpu: &'a Gpu,
        mut work: Work<'a>,
        asked: &host_losses::Asked,
        seeds: impl Iterator<Item = u64>,
    ) -> Result<(Work<'a>, host_losses::Losses), Fault> {
        work.run(self.tape.forward());
        self.tape.clear(&mut work);
        work.run(&self.losses);
        let mut losses = host_losses::Losses::default();
        if asked.features() {
            let y = self.layers.map(|id| self.tape.value(id));
            let dy = self.layers.map(|id| self.tape.gradient(id));
            (work, losses) =
                host_losses::features(gpu, work, asked, (y, &self.photo), &self.looks, seeds, dy)?;
        }
        work.run(self.tape.backward());
        Ok((work, losses))
    }
}

/// The loss network over paintings of one size, forward alone.
pub(super) struct Gallery {
    tape: Tape,
    moments: [Buffer; 4],
    launches: Vec<Launch>,
}

impl Gallery {
    pub fn new(gpu: &Gpu, referee: &Referee, input: &Room) -> Result<Self, Fault> {
        let tape = Tape::new(gpu, &referee.table, input, None, Aims::default())?;
        let kit = Kit { gpu };
        let mut launches = vec![];
        let mut one = |id: NodeId| -> Result<Buffer, Fault> {
            let y = tape.value(id);
            let moments = floats(gpu, 2 * y.channels())?;
            launches.push(kit.moments(y, (y.shape.area() as f32, EPS), &moments)?);
            Ok(moments)
        };
        let [a, b, c, d] = referee.layers.map(&mut one);
        let moments = [a?, b?, c?, d?];
        Ok(Self { tape, moments, launches })
    }

    /// Statistics of paintings to match; those that are known are not looked at again. They stand in the input until it is written anew.
    ///
    /// # Errors
    /// When the device fails.
    pub fn look(
        &self,
        gpu: &Gpu,
        referee: &Referee,
        styles: &[&StylePicture],
        kind: StyleKind,
    ) -> Result<Vec<Looks>, Fault> {
        let mut looks: Vec<Option<Looks>> = styles.iter().map(|s| referee.memo.get(s.key)).collect();
        let unknown: Vec<usize> = (0..styles.len()).filter(|&i| looks[i].is_none()).collect();
        if !unknown.is_empty() {
            self.tape.input().upload(gpu, unknown.iter().map(|&i| &styles[i].picture));
            let fresh = self.fresh(gpu, referee, unknown.len(), kind)?;
            for (i, look) in unknown.into_iter().zip(fresh) {
                referee.memo.keep(styles[i].key, &look);
                looks[i] = Some(look);
            }
        }
        Ok(looks.into_iter().flatten().collect())
    }

    fn fresh(
        &self,
        gpu: &Gpu,
        referee: &Referee,
        count: usize,
        kind: StyleKind,
    ) -> Result<Vec<Looks>, Fault> {
        let mut work = Work::new(gpu);
        work.run(self.tape.forward());
        work.run(&self.launches);
        let layers = referee.layers.map(|id| self.tape.value(id));
        let mut wanted: Vec<_> = (0..4).map(|l| (&self.moments[l], 2 * layers[l].channels())).collect();
        if kind == StyleKind::Gram {
            wanted.extend(layers.map(whole));
        }
        let read = work.read(&wanted)?;
        let look = |sample: usize, layer: usize| {
            let (shape, channels) = (layers[layer].shape, layers[layer].shape.channels);
            let pairs = &read[layer][2 * channels * sample..2 * channels * (sample + 1)];
            let half = |at: usize| pairs.iter().skip(at).step_by(2).copied().collect();
            let moments = Moments { mean: half(0), std: half(1), divisor: shape.area() as f32 };
            let gram =
                (kind == StyleKind::Gram).then(|| host_losses::gram_of(&read[4 + layer], shape, sample));
            Look { moments, gram, covariance: None, samples: None }
        };
        Ok((0..count).map(|sample| Arc::new(std::array::from_fn(|layer| look(sample, layer)))).collect())
    }
}
