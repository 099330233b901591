//! Photos and paintings of one size with their features, by which every candidate is judged.

use crate::config::{Candidate, EvalConfig, Progress, Round, SheetConfig, Stage};
use crate::cost::{self, Cost};
use crate::error::EvalError;
use crate::features::{Features, StyleFeatures};
use crate::figures::{Metric, Values};
use crate::judge::{Judge, adain_target};
use crate::metrics::{FlatPlaces, Plane};
use crate::motion::{MOTIONS, photo_size};
use crate::painter::Painter;
use crate::pictures::Pictures;
use crate::report::{Figures, ModelReport, PairFigures, RoundReport, mean};
use crate::sheet::{Sheet, spread};
use crate::{Pair, metrics, pairs};
use impasto_core::{Engine, EngineError, Model, Random, Shape, Tensor, Weights};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The noise of the flicker figure, in `0..1`.
const NOISE_SIGMA: f32 = 2.0 / 255.0;

/// Pastiches by the position of their pair.
pub type Pastiches = BTreeMap<usize, Tensor>;

/// One candidate, prepared for the set's size.
pub struct CandidateRun<'a> {
    candidate: &'a Candidate,
    painter: &'a mut Painter,
    /// Style vectors so far, by painting.
    codes: HashMap<usize, Vec<f32>>,
    on_progress: &'a mut dyn FnMut(&Progress),
}

impl<'a> CandidateRun<'a> {
    /// A run of a candidate that [`EvalSet::measure`] prepared.
    pub fn new(
        candidate: &'a Candidate,
        painter: &'a mut Painter,
        on_progress: &'a mut dyn FnMut(&Progress),
    ) -> Self {
        Self { candidate, painter, codes: HashMap::new(), on_progress }
    }
}

/// A photo of a pair.
struct Photo {
    features: Features,
    luma: Plane,
    flat: FlatPlaces,
    phase_variance: f64,
}

/// A painting of a pair.
struct Painting {
    style: StyleFeatures,
    lattice: f64,
}

/// All pictures of one size, and the features of those that pairs name.
pub struct EvalSet {
    round: Round,
    seed: u64,
    pairs: Vec<Pair>,
    judge: Judge,
    contents: Vec<Tensor>,
    styles: Vec<Tensor>,
    /// The photos larger, for moving views to be cut from.
    photos: Vec<Tensor>,
    /// Photos that are judged for identity and under motion.
    alone: Vec<usize>,
    /// Those of the pairs.
    content_features: HashMap<usize, Photo>,
    /// Those of the pairs.
    style_features: HashMap<usize, Painting>,
}

/// Positions that pairs name, each once and in order.
fn seen(pairs: &[Pair], of: fn(&Pair) -> usize) -> Vec<usize> {
    pairs.iter().map(of).collect::<BTreeSet<_>>().into_iter().collect()
}

impl EvalSet {
    /// Brings the pictures to the round's size, and takes the features of those that pairs name.
    pub fn new(
        round: Round,
        config: &EvalConfig,
        (contents, styles): &(Pictures, Pictures),
        vgg: &Arc<Weights>,
        engine: &dyn Engine,
        on_progress: &mut dyn FnMut(&Progress),
    ) -> Result<Self, EvalError> {
        let size = round.size();
        let side = size.0.min(size.1);
        let photos = contents.central(photo_size(size));
        let (contents, styles) = (contents.central(size), styles.central((side, side)));
        let pairs = pairs(contents.len(), styles.len(), round.pairs);
        let (photos_seen, paintings_seen) = (seen(&pairs, |p| p.content), seen(&pairs, |p| p.style));
        let total = photos_seen.len() + paintings_seen.len();
        let mut report = |done: usize| {
            let stage = Stage::Features;
            on_progress(&Progress { model: "", size, stage, done, total, finished: None });
        };
        let mut style_features = HashMap::new();
        let mut judge = Judge::new(engine, vgg, (side, side))?;
        for &j in &paintings_seen {
            report(style_features.len());
            style_features.insert(j, Painting::of(&mut judge, &styles[j])?);
        }
        let mut judge = if size == (side, side) { judge } else { Judge::new(engine, vgg, size)? };
        let mut content_features = HashMap::new();
        for &i in &photos_seen {
            report(style_features.len() + content_features.len());
            content_features.insert(i, Photo::of(&mut judge, &contents[i])?);
        }
        let alone = spread(contents.len(), config.alone.min(round.pairs));
        let seed = config.seed;
        Ok(Self {
            round,
            seed,
            pairs,
            judge,
            contents,
            styles,
            photos,
            alone,
            content_features,
            style_features,
        })
    }

    /// The set's part of a report.
    pub fn report(&self, results: Vec<ModelReport>) -> RoundReport {
        let Round { width, height, .. } = self.round;
        let lattices = self.pairs.iter().map(|pair| self.style_features[&pair.style].lattice);
        RoundReport {
            width,
            height,
            pairs: self.pairs.len(),
            painting_lattice: mean(lattices),
            results,
            limit: None,
        }
    }

    /// Prepares a candidate and takes its time, on the first photo and painting.
    pub fn measure(
        &self,
        candidate: &Candidate,
        engine: &dyn Engine,
        frames: usize,
    ) -> Result<(Painter, Cost), EvalError> {
        cost::measure(engine, &candidate.model, &self.contents[0], &self.styles[0], frames)
            .map_err(|source| self.failed(candidate, source))
    }

    fn failed(&self, candidate: &Candidate, source: EngineError) -> EvalError {
        EvalError::Model { model: candidate.name.clone(), size: self.round.size(), source }
    }

    /// Positions of `count` pairs, spread evenly over all.
    pub fn spread(&self, count: usize) -> Vec<usize> {
        spread(self.pairs.len(), count)
    }

    /// Width and height of the photos.
    pub fn size(&self) -> (usize, usize) {
        self.round.size()
    }

    /// Photo and painting of pair `k`.
    pub fn pictures(&self, k: usize) -> (&Tensor, &Tensor) {
        let Pair { content, style } = self.pairs[k];
        (&self.contents[content], &self.styles[style])
    }

    /// Figures of one candidate, and its pastiches of the pairs in `kept`.
    pub fn judge(
        &mut self,
        run: &mut CandidateRun,
        cost: Cost,
        kept: &BTreeSet<usize>,
    ) -> Result<(ModelReport, Pastiches), EvalError> {
        let (mut rows, mut pastiches) = (Vec::new(), Pastiches::new());
        for k in 0..self.pairs.len() {
            self.progress(run, Stage::Pairs, k, self.pairs.len());
            let (row, pastiche) = self.judge_pair(run, k)?;
            rows.push(row);
            if kept.contains(&k) {
                pastiches.insert(k, pastiche);
            }
        }
        let identity_db = self.identity_db(run)?;
        let warp = self.warp(run)?;
        let model = &run.candidate.model;
        let result = ModelReport {
            model: run.candidate.name.clone(),
            id: model.id().into(),
            parameters: painter_parameters(model)?,
            figures: Figures::new(&rows, identity_db, warp),
            cost,
            pairs: rows,
        };
        Ok((result, pastiches))
    }

    fn judge_pair(&mut self, run: &mut CandidateRun, k: usize) -> Result<(PairFigures, Tensor), EvalError> {
        let Pair { content, style } = self.pairs[k];
        let photo = self.contents[content].clone();
        let code = self.style_code(run, style)?;
        let mut random = Random::new(self.seed.wrapping_mul(0x1_0000_0000).wrapping_add(k as u64));
        let pastiche = self.paint(run, &photo, &code)?;
        let first = self.paint(run, &noisy(&photo, &mut random), &code)?;
        let second = self.paint(run, &noisy(&photo, &mut random), &code)?;
        let values = self.values(k, &pastiche, Some([&first, &second]))?;
        Ok((self.pair_figures(k, values), pastiche))
    }

    /// The values with the pair that they belong to.
    pub fn pair_figures(&self, k: usize, values: Values) -> PairFigures {
        let Pair { content, style } = self.pairs[k];
        PairFigures { content_index: content, style_index: style, values }
    }

    /// All figures of a pastiche of pair `k`; flicker from two more under noise, NaN without them.
    pub fn values(
        &mut self,
        k: usize,
        pastiche: &Tensor,
        noisy: Option<[&Tensor; 2]>,
    ) -> Result<Values, EvalError> {
        let pair = self.pairs[k];
        let own = self.judge.features(pastiche)?;
        let (photo, painting) = (&self.content_features[&pair.content], &self.style_features[&pair.style]);
        let of_photo = photo.features.style.distance(&painting.style);
        let left = own.style.distance(&painting.style).left_of(&of_photo);
        let luma = metrics::luma(pastiche);
        Ok(Values::from_fn(|metric| match metric {
            Metric::TextureLeft => left.texture,
            Metric::GramLeft => left.gram,
            Metric::TransportLeft => left.transport,
            Metric::Colours => metrics::colour_distance(&own.style.colours, &painting.style.colours),
            Metric::Structure => metrics::structure_distance(&own.likeness, &photo.features.likeness),
            Metric::Ssim => metrics::ssim(&luma, &photo.luma),
            Metric::Lattice => metrics::lattice(&luma, &photo.flat),
            Metric::PhaseVariance => metrics::phase_variance(pastiche) - photo.phase_variance,
            Metric::Flicker => noisy.map_or(f64::NAN, |[a, b]| metrics::mean_difference(a, b)),
            Metric::Content => metrics::mse(&own.relu4_1, &adain_target(&photo.features, &painting.style)),
            Metric::Style => metrics::style_loss(&own.style.statistics, &painting.style.statistics),
        }))
    }

    fn code(&self, run: &mut CandidateRun, painting: &Tensor) -> Result<Vec<f32>, EvalError> {
        run.painter.encode(painting).map_err(|e| self.failed(run.candidate, e))
    }

    /// The style vector of painting `j`, made once.
    fn style_code(&self, run: &mut CandidateRun, j: usize) -> Result<Vec<f32>, EvalError> {
        if let Some(code) = run.codes.get(&j) {
            return Ok(code.clone());
        }
        let code = self.code(run, &self.styles[j])?;
        run.codes.insert(j, code.clone());
        Ok(code)
    }

    fn paint(&self, run: &mut CandidateRun, photo: &Tensor, code: &[f32]) -> Result<Tensor, EvalError> {
        run.painter.paint(photo, code).map_err(|e| self.failed(run.candidate, e))
    }

    fn progress(&self, run: &mut CandidateRun, stage: Stage, done: usize, total: usize) {
        let (model, size) = (run.candidate.name.as_str(), self.round.size());
        (run.on_progress)(&Progress { model, size, stage, done, total, finished: None });
    }

    /// Photos in their own style.
    fn identity_db(&self, run: &mut CandidateRun) -> Result<f64, EvalError> {
        let mut values = Vec::new();
        for (done, &i) in self.alone.iter().enumerate() {
            self.progress(run, Stage::Identity, done, self.alone.len());
            let photo = &self.contents[i];
            let code = self.code(run, &central_square(photo))?;
            values.push(metrics::psnr_db(&self.paint(run, photo, &code)?, photo));
        }
        Ok(mean(values))
    }

    /// Photos moved in each way; photo `i` in style `i mod styles`.
    fn warp(&self, run: &mut CandidateRun) -> Result<[f64; 3], EvalError> {
        let mut sums = [0.0; 3];
        for (done, &i) in self.alone.iter().enumerate() {
            self.progress(run, Stage::Motion, done, self.alone.len());
            let code = &self.style_code(run, i % self.styles.len())?;
            for (sum, motion) in sums.iter_mut().zip(MOTIONS) {
                let (first, second) = motion.views(&self.photos[i], self.round.size());
                let (first, second) = (self.paint(run, &first, code)?, self.paint(run, &second, code)?);
                *sum += motion.warp_error(&first, &second);
            }
        }
        Ok(sums.map(|sum| sum / self.alone.len() as f64))
    }

    /// Photos down, paintings across, with the painting at the head.
    pub fn sheet(&self, run: &mut CandidateRun, size: SheetConfig) -> Result<Sheet, EvalError> {
        let mut sheet = Sheet::new(run.candidate.name.clone(), self.round.size());
        let (down, across) =
            (spread(self.contents.len(), size.contents), spread(self.styles.len(), size.styles));
        let head = across.iter().map(|&j| Some(&self.styles[j]));
        sheet.push(std::iter::once(None).chain(head).collect());
        let codes: Vec<_> = across.iter().map(|&j| self.style_code(run, j)).collect::<Result<_, _>>()?;
        for (done, &i) in down.iter().enumerate() {
            self.progress(run, Stage::Sheets, done, down.len());
            let photo = &self.contents[i];
            let row: Vec<Tensor> =
                codes.iter().map(|code| self.paint(run, photo, code)).collect::<Result<_, _>>()?;
            sheet.push(std::iter::once(photo).chain(&row).map(Some).collect());
        }
        Ok(sheet)
    }

    /// Photo, painting, then each candidate's pastiche, at the pairs in `positions`.
    pub fn side_by_side(&self, name: &str, positions: &[usize], shown: &[Pastiches]) -> Sheet {
        let mut sheet = Sheet::new(format!("{name}-{}", file_size(self.size())), self.size());
        for k in positions {
            let (photo, painting) = self.pictures(*k);
            let pastiches = shown.iter().map(|pastiches| &pastiches[k]);
            sheet.push([photo, painting].into_iter().chain(pastiches).map(Some).collect());
        }
        sheet
    }
}

/// The size in a file's name: the side of squares, else `WIDTHxHEIGHT`.
fn file_size((width, height): (usize, usize)) -> String {
    if width == height { width.to_string() } else { format!("{width}x{height}") }
}

impl Photo {
    fn of(judge: &mut Judge, picture: &Tensor) -> Result<Self, EvalError> {
        let luma = metrics::luma(picture);
        Ok(Self {
            features: judge.features(picture)?,
            flat: FlatPlaces::of(&luma),
            luma,
            phase_variance: metrics::phase_variance(picture),
        })
    }
}

impl Painting {
    fn of(judge: &mut Judge, picture: &Tensor) -> Result<Self, EvalError> {
        let luma = metrics::luma(picture);
        let lattice = metrics::lattice(&luma, &FlatPlaces::of(&luma));
        Ok(Self { style: judge.features(picture)?.style, lattice })
    }
}

/// The central square of a picture, of its shorter side.
fn central_square(picture: &Tensor) -> Tensor {
    let Shape { channels, height, width } = picture.shape();
    let side = width.min(height);
    let (left, top) = ((width - side) / 2, (height - side) / 2);
    Tensor::from_fn(Shape::new(channels, side, side), |c, y, x| picture.row(c, top + y)[left + x])
}

fn noisy(photo: &Tensor, random: &mut Random) -> Tensor {
    let data = photo.data().iter().map(|v| v + NOISE_SIGMA * random.normal()).collect();
    Tensor::new(photo.shape(), data)
}

fn painter_parameters(model: &Model) -> Result<usize, EngineError> {
    let shapes = model.painter.weight_shapes()?;
    Ok(shapes.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum())
}
