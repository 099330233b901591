//! The student, its teacher, and a step of both.

use super::DistilReport;
use super::family::{Easels, MEMBERS, Painter};
use super::pairs::pair_loss;
use crate::learner::cpu::team::spread;
use crate::learner::pass::{Part, Tapes};
use crate::learner::values::Values;
use crate::learner::{Group, LearnerError, LearnerState, Recipe};
use crate::loss::covariance::{Covariance, FeatureSums, back};
use crate::loss::feature::{ContentTarget, content_mse};
use crate::loss_network::{JudgeShape, LossNetwork};
use crate::optimiser::norm;
use crate::walk::{Gradients, Kernels, Tape, Wanted};
use impasto_core::Random;
use impasto_core::network::{NetworkBuilder, NodeId, Op, Padding};
use impasto_core::{Model, Network, Tensor, Weights};
use std::sync::Mutex;

/// A channel of VGG's that hardly answers counts as if it deviated by this part of its look's mean deviation.
const LEAST_DEVIATION: f32 = 0.1;

/// Weights of a step's losses, and the optimiser's numbers in a recipe of their own.
pub(super) struct Step<'a> {
    /// Weight of the distances; that of the features is 1.
    pub distances: f32,
    /// Rate, clip, average.
    pub recipe: &'a Recipe,
}

/// Trains a judge.
pub(super) struct Distiller<K: Kernels> {
    kernels: K,
    parts: Parts<K>,
    values: Values,
    workers: Vec<Mutex<Worker<K>>>,
    shards: Vec<Mutex<Shard>>,
    /// The student's table without its maps.
    judge: (Network, [NodeId; 4]),
}

/// The state that all threads read.
struct Parts<K: Kernels> {
    student: Part<K>,
    looks: [NodeId; 4],
    /// The student's maps of its looks to VGG's channels.
    maps: [NodeId; 4],
    teacher: Part<K>,
    teacher_looks: [NodeId; 4],
    /// VGG's channels as the maps give them: of mean 0 and deviation 1.
    normal: Vec<ContentTarget>,
    painter: Painter<K>,
}

struct Shard {
    gradients: Gradients,
    report: DistilReport,
}

/// One thread's tapes.
struct Worker<K: Kernels> {
    kernels: K,
    easels: Easels<K>,
    teacher: Tapes<K>,
    /// One for each picture of a family: their gradients come after all have been looked at.
    students: [Tapes<K>; MEMBERS],
    scratch: K::Scratch,
}

impl<K: Kernels> Worker<K> {
    fn new(kernels: K) -> Self {
        let tapes = || Tapes::new(kernels);
        Self {
            kernels,
            easels: Easels::new(kernels),
            teacher: tapes(),
            students: std::array::from_fn(|_| tapes()),
            scratch: K::Scratch::default(),
        }
    }
}

/// The student's table with a 1x1 convolution behind each look.
fn with_maps(shape: &JudgeShape, vgg: &LossNetwork) -> (Network, [NodeId; 4], [NodeId; 4]) {
    let (network, looks) = shape.table();
    let mut b = NetworkBuilder::new("judge and maps");
    b.input(3);
    for node in &network.nodes[1..] {
        b.push(&node.name, node.op.clone());
    }
    let maps = std::array::from_fn(|i| {
        let Op::Conv { out_channels, .. } = vgg.network.nodes[vgg.looks[i] - 1].op else {
            unreachable!("VGG's looks stand behind convolutions")
        };
        b.conv(&format!("map{}", i + 1), looks[i], out_channels, 1, 1, Padding::Zero)
    });
    (b.finish(), looks, maps)
}

impl<K: Kernels> Distiller<K> {
    /// A student of random weights; `known` are groups on which VGG's channels are measured.
    pub fn new(
        kernels: K,
        shape: &JudgeShape,
        vgg: &LossNetwork,
        model: &Model,
        (seed, threads): (u64, usize),
        known: &[Group],
    ) -> Result<Self, LearnerError> {
        let (network, looks, maps) = with_maps(shape, vgg);
        let mut weights = crate::init::painter(&network, &mut Random::new(seed));
        // Maps that begin near 0 begin at the mean, which is better than anything random.
        for map in maps {
            let name = format!("{}.weight", network.nodes[map].name);
            let weight = weights.get_mut(&name).expect("maps are convolutions");
            weight.values.iter_mut().for_each(|w| *w *= 0.1);
        }
        let mut parts = Parts {
            student: Part::new(kernels, &network, &weights)?,
            looks,
            maps,
            teacher: Part::frozen(kernels, vgg)?,
            teacher_looks: vgg.looks,
            normal: vec![],
            painter: Painter::new(kernels, model)?,
        };
        let mut worker = Worker::new(kernels);
        parts.normal = worker.measure(&parts, known);
        Ok(Self {
            kernels,
            values: Values::new(parts.student.parameters.values.clone()),
            parts,
            workers: (0..threads.max(1)).map(|_| Mutex::new(Worker::new(kernels))).collect(),
            shards: vec![],
            judge: shape.table(),
        })
    }

    /// One step over a batch. With numbers that are not finite nothing changes.
    pub fn step(&mut self, batch: &[Group], step: &Step) -> DistilReport {
        while self.shards.len() < batch.len() {
            let gradients = self.parts.student.gradients();
            self.shards.push(Mutex::new(Shard { gradients, report: DistilReport::default() }));
        }
        let parts = &self.parts;
        spread(&self.workers, batch, &self.shards, |worker, group, shard| {
            worker.family(parts, group, (step.distances, 1.0 / batch.len() as f32), shard);
        });
        let (mut report, mut flat) = (DistilReport::default(), vec![0.0; self.values.current.len()]);
        let student = &self.parts.student;
        for shard in &mut self.shards[..batch.len()] {
            let shard = shard.get_mut().expect("no thread holds it any more");
            report.add(&shard.report, 1.0 / batch.len() as f32);
            shard.gradients.add_to(&student.parameters, &mut flat);
        }
        report.gradient_norm = norm(&flat);
        if report.is_finite() {
            self.values.step(flat, report.gradient_norm, step.recipe);
            self.parts.student.repack(self.kernels, &self.values.current);
        }
        report
    }

    pub fn state(&self) -> LearnerState {
        self.values.state()
    }

    pub fn restore(&mut self, state: LearnerState) {
        self.values.restore(state);
        self.parts.student.repack(self.kernels, &self.values.current);
    }

    /// The judge of the averaged weights, without the maps.
    pub fn judge(&self) -> LossNetwork {
        let all = self.parts.student.parameters.to_weights(&self.values.averaged);
        let (network, looks) = self.judge.clone();
        let mut weights = Weights::new();
        for (name, shape) in network.weight_shapes().expect("the table is sound") {
            let values = all.expect(&name, &shape).expect("the student has the judge's layers").to_vec();
            weights.insert(name, shape, values);
        }
        LossNetwork { network, weights, looks }.levelled()
    }
}

impl<K: Kernels> Worker<K> {
    /// Means and deviations of VGG's channels over some photos and paintings, as the maps' targets.
    fn measure(&mut self, parts: &Parts<K>, known: &[Group]) -> Vec<ContentTarget> {
        let mut sums: Option<Vec<FeatureSums>> = None;
        for picture in known.iter().flat_map(|g| [&g.content, &g.styles[0].picture]) {
            let tape = teach(parts, &mut self.teacher, picture);
            let looks = parts.teacher_looks.map(|id| tape.value(id).map());
            let sums = sums
                .get_or_insert_with(|| looks.iter().map(|f| FeatureSums::new(f.shape().channels)).collect());
            for (sums, features) in sums.iter_mut().zip(looks) {
                sums.add(self.kernels, features, &mut self.scratch);
            }
        }
        sums.unwrap_or_default().iter().map(|sums| normal(&sums.covariance())).collect()
    }

    /// Fills `shard` with a family's losses and their gradients, counted as `part` of the batch's mean.
    fn family(&mut self, parts: &Parts<K>, group: &Group, (distances, part): (f32, f32), shard: &mut Shard) {
        shard.gradients.clear();
        shard.report = DistilReport::default();
        let family = parts.painter.family(&mut self.easels, group);
        let (mut own, mut vgg) = ([const { vec![] }; 4], [const { vec![] }; 4]);
        for (picture, tapes) in family.iter().zip(&mut self.students) {
            let teacher = teach(parts, &mut self.teacher, picture);
            let student = &parts.student;
            let tape = tapes.of_size(&student.program, picture.shape().height, picture.shape().width);
            tape.run(&student.program, &student.packed, picture, &[]);
            for look in 0..4 {
                let (features, id) = (teacher.value(parts.teacher_looks[look]).map(), parts.maps[look]);
                let weight = part / (MEMBERS * 4) as f32;
                tape.seed(id, false, |y, keep, dy| {
                    let error = content_mse(y, features, &parts.normal[look], weight, (false, keep), dy);
                    shard.report.features[look] += error / MEMBERS as f32;
                });
                vgg[look].push(Covariance::of(self.kernels, features, &mut self.scratch));
                let mine = tape.value(parts.looks[look]).map();
                own[look].push(Covariance::of(self.kernels, mine, &mut self.scratch));
            }
        }
        for look in 0..4 {
            let (value, slopes) = pair_loss(&own[look], &vgg[look], 0.25 * part * distances);
            shard.report.distances += 0.25 * value;
            for (i, tapes) in self.students.iter_mut().enumerate() {
                let shape = family[i].shape();
                let tape = tapes.of_size(&parts.student.program, shape.height, shape.width);
                tape.seed(parts.looks[look], true, |y, keep, dy| {
                    back(self.kernels, y, &own[look][i], &slopes[i], (true, keep), dy);
                });
            }
        }
        for (picture, tapes) in family.iter().zip(&mut self.students) {
            let student = &parts.student;
            let tape = tapes.of_size(&student.program, picture.shape().height, picture.shape().width);
            let mut wanted = Wanted { weights: Some(&mut shard.gradients), style: None, picture: false };
            tape.backward(&student.program, &student.packed, &mut wanted);
        }
    }
}

/// VGG over a picture.
fn teach<'a, K: Kernels>(parts: &Parts<K>, tapes: &'a mut Tapes<K>, picture: &Tensor) -> &'a Tape<K> {
    let teacher = &parts.teacher;
    let tape = tapes.of_size(&teacher.program, picture.shape().height, picture.shape().width);
    tape.run(&teacher.program, &teacher.packed, picture, &[]);
    tape
}

/// The affine map that takes channels to mean 0 and deviation 1.
fn normal(of: &Covariance) -> ContentTarget {
    let channels = of.mean.len();
    let deviations: Vec<f32> = of.matrix.iter().step_by(channels + 1).map(|v| v.max(0.0).sqrt()).collect();
    let least = LEAST_DEVIATION * deviations.iter().sum::<f32>() / channels as f32;
    let gain: Vec<f32> = deviations.iter().map(|d| 1.0 / d.max(least).max(1e-6)).collect();
    let shift = gain.iter().zip(&of.mean).map(|(g, m)| -g * m).collect();
    ContentTarget { gain, shift }
}
