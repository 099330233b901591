//! A hall with photos and paintings of one size, and the judge in it: what is asked of every entrant.

use crate::config::{Entrant, EvalConfig, Progress, Round, SheetConfig, Stage};
use crate::cost::{self, Cost};
use crate::error::EvalError;
use crate::judge::{Judge, Look, adain_target};
use crate::motion::{MOTIONS, photo_side_px};
use crate::painter::Painter;
use crate::pictures::Pictures;
use crate::report::{Figures, ModelReport, PairFigures, mean};
use crate::sheet::{Sheet, spread};
use crate::{Pair, metrics, pairs};
use impasto_core::conformance::Random;
use impasto_core::reference::ops::Statistics;
use impasto_core::{Engine, EngineError, Model, Tensor, Weights};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The noise of the flicker figure, in `0..1`.
const NOISE_SIGMA: f32 = 2.0 / 255.0;

/// One entrant, ready to paint.
pub struct Bench<'a> {
    entrant: &'a Entrant,
    painter: &'a mut Painter,
    /// Style vectors so far, by painting.
    codes: HashMap<usize, Vec<f32>>,
    on_progress: &'a mut dyn FnMut(&Progress),
}

impl<'a> Bench<'a> {
    /// A bench for an entrant that [`Hall::measure`] prepared.
    pub fn new(
        entrant: &'a Entrant,
        painter: &'a mut Painter,
        on_progress: &'a mut dyn FnMut(&Progress),
    ) -> Self {
        Self { entrant, painter, codes: HashMap::new(), on_progress }
    }
}

/// All pictures of one size, and what the VGG sees in them.
pub struct Hall {
    round: Round,
    seed: u64,
    pairs: Vec<Pair>,
    judge: Judge,
    contents: Vec<Tensor>,
    styles: Vec<Tensor>,
    /// Larger squares of the photos, from which moving views are cut.
    photos: Vec<Tensor>,
    /// Photos that are judged for identity and under motion.
    alone: Vec<usize>,
    /// By photo, those of the pairs.
    content_looks: HashMap<usize, Look>,
    /// By painting, those of the pairs.
    style_looks: HashMap<usize, Vec<Statistics>>,
}

/// What a pair names, over all pairs, each once and in order.
fn seen(pairs: &[Pair], of: fn(&Pair) -> usize) -> Vec<usize> {
    pairs.iter().map(of).collect::<BTreeSet<_>>().into_iter().collect()
}

impl Hall {
    /// Brings the pictures to the round's size, and lets the judge look at those that pairs name.
    pub fn new(
        round: Round,
        config: &EvalConfig,
        (contents, styles): &(Pictures, Pictures),
        vgg: &Arc<Weights>,
        engine: &dyn Engine,
        on_progress: &mut dyn FnMut(&Progress),
    ) -> Result<Self, EvalError> {
        let size_px = round.size_px;
        let photos = contents.squares(photo_side_px(size_px));
        let (contents, styles) = (contents.squares(size_px), styles.squares(size_px));
        let pairs = pairs(contents.len(), styles.len(), round.pairs);
        let mut judge = Judge::new(engine, vgg, size_px)?;
        let (photos_seen, paintings_seen) = (seen(&pairs, |p| p.content), seen(&pairs, |p| p.style));
        let total = photos_seen.len() + paintings_seen.len();
        let mut look = |done: usize, picture: &Tensor| {
            on_progress(&Progress { model: "", size_px, stage: Stage::Looking, done, total, finished: None });
            judge.look(picture)
        };
        let (mut content_looks, mut style_looks) = (HashMap::new(), HashMap::new());
        for &i in &photos_seen {
            content_looks.insert(i, look(content_looks.len(), &contents[i])?);
        }
        for &j in &paintings_seen {
            let done = photos_seen.len() + style_looks.len();
            style_looks.insert(j, look(done, &styles[j])?.statistics);
        }
        let alone = spread(contents.len(), config.alone);
        let seed = config.seed;
        Ok(Self { round, seed, pairs, judge, contents, styles, photos, alone, content_looks, style_looks })
    }

    /// Number of pairs.
    pub fn pairs(&self) -> usize {
        self.pairs.len()
    }

    /// Prepares an entrant and takes its time, on the first photo and painting.
    pub fn measure(
        &self,
        entrant: &Entrant,
        engine: &dyn Engine,
        frames: usize,
    ) -> Result<(Painter, Cost), EvalError> {
        cost::measure(engine, &entrant.model, &self.contents[0], &self.styles[0], frames)
            .map_err(|source| self.failed(entrant, source))
    }

    fn failed(&self, entrant: &Entrant, source: EngineError) -> EvalError {
        EvalError::Model { model: entrant.name.clone(), size_px: self.round.size_px, source }
    }

    /// Figures of one entrant, and its paintings of `keep` evenly spread pairs.
    pub fn judge(
        &mut self,
        bench: &mut Bench,
        cost: Cost,
        keep: usize,
    ) -> Result<(ModelReport, Vec<Tensor>), EvalError> {
        let kept = spread(self.pairs.len(), keep);
        let (mut rows, mut paintings) = (Vec::new(), Vec::new());
        for k in 0..self.pairs.len() {
            self.progress(bench, Stage::Pairs, k, self.pairs.len());
            let (row, painting) = self.judge_pair(bench, k)?;
            rows.push(row);
            if kept.contains(&k) {
                paintings.push(painting);
            }
        }
        let identity_db = self.identity_db(bench)?;
        let warp = self.warp(bench)?;
        let model = &bench.entrant.model;
        let result = ModelReport {
            model: bench.entrant.name.clone(),
            id: model.id().into(),
            parameters: painter_parameters(model)?,
            figures: Figures::new(&rows, identity_db, warp),
            cost,
            pairs: rows,
        };
        Ok((result, paintings))
    }

    fn judge_pair(&mut self, bench: &mut Bench, k: usize) -> Result<(PairFigures, Tensor), EvalError> {
        let Pair { content, style } = self.pairs[k];
        let photo = self.contents[content].clone();
        let code = self.style_code(bench, style)?;
        let mut random = Random::new(self.seed.wrapping_mul(0x1_0000_0000).wrapping_add(k as u64));
        let painting = self.paint(bench, &photo, &code)?;
        let first = self.paint(bench, &noisy(&photo, &mut random), &code)?;
        let second = self.paint(bench, &noisy(&photo, &mut random), &code)?;
        let look = self.judge.look(&painting)?;
        let target = adain_target(&self.content_looks[&content], &self.style_looks[&style]);
        let figures = PairFigures {
            content_index: content,
            style_index: style,
            content: metrics::mse(&look.relu4_1, &target),
            style: metrics::style_loss(&look.statistics, &self.style_looks[&style]),
            ssim: metrics::ssim(&metrics::luma(&painting), &metrics::luma(&photo)),
            flicker: metrics::mean_difference(&first, &second),
        };
        Ok((figures, painting))
    }

    fn code(&self, bench: &mut Bench, painting: &Tensor) -> Result<Vec<f32>, EvalError> {
        bench.painter.encode(painting).map_err(|e| self.failed(bench.entrant, e))
    }

    /// The style vector of painting `j`, made once.
    fn style_code(&self, bench: &mut Bench, j: usize) -> Result<Vec<f32>, EvalError> {
        if let Some(code) = bench.codes.get(&j) {
            return Ok(code.clone());
        }
        let code = self.code(bench, &self.styles[j])?;
        bench.codes.insert(j, code.clone());
        Ok(code)
    }

    fn paint(&self, bench: &mut Bench, photo: &Tensor, code: &[f32]) -> Result<Tensor, EvalError> {
        bench.painter.paint(photo, code).map_err(|e| self.failed(bench.entrant, e))
    }

    fn progress(&self, bench: &mut Bench, stage: Stage, done: usize, total: usize) {
        let (model, size_px) = (bench.entrant.name.as_str(), self.round.size_px);
        (bench.on_progress)(&Progress { model, size_px, stage, done, total, finished: None });
    }

    /// Photos in their own style.
    fn identity_db(&self, bench: &mut Bench) -> Result<f64, EvalError> {
        let mut values = Vec::new();
        for (done, &i) in self.alone.iter().enumerate() {
            self.progress(bench, Stage::Identity, done, self.alone.len());
            let photo = &self.contents[i];
            let code = self.code(bench, photo)?;
            values.push(metrics::psnr_db(&self.paint(bench, photo, &code)?, photo));
        }
        Ok(mean(values))
    }

    /// Photos moved in each way; photo `i` in style `i mod styles`.
    fn warp(&self, bench: &mut Bench) -> Result<[f64; 3], EvalError> {
        let mut sums = [0.0; 3];
        for (done, &i) in self.alone.iter().enumerate() {
            self.progress(bench, Stage::Motion, done, self.alone.len());
            let code = &self.style_code(bench, i % self.styles.len())?;
            for (sum, motion) in sums.iter_mut().zip(MOTIONS) {
                let (first, second) = motion.views(&self.photos[i], self.round.size_px);
                let (first, second) = (self.paint(bench, &first, code)?, self.paint(bench, &second, code)?);
                *sum += motion.warp_error(&first, &second);
            }
        }
        Ok(sums.map(|sum| sum / self.alone.len() as f64))
    }

    /// Photos down, paintings across, with the painting at the head.
    pub fn sheet(&self, bench: &mut Bench, size: SheetConfig) -> Result<Sheet, EvalError> {
        let mut sheet = Sheet::new(bench.entrant.name.clone(), self.round.size_px);
        let (down, across) =
            (spread(self.contents.len(), size.contents), spread(self.styles.len(), size.styles));
        let head = across.iter().map(|&j| Some(&self.styles[j]));
        sheet.push(std::iter::once(None).chain(head).collect());
        let codes: Vec<_> = across.iter().map(|&j| self.style_code(bench, j)).collect::<Result<_, _>>()?;
        for (done, &i) in down.iter().enumerate() {
            self.progress(bench, Stage::Sheets, done, down.len());
            let photo = &self.contents[i];
            let row: Vec<Tensor> =
                codes.iter().map(|code| self.paint(bench, photo, code)).collect::<Result<_, _>>()?;
            sheet.push(std::iter::once(photo).chain(&row).map(Some).collect());
        }
        Ok(sheet)
    }

    /// Photo, painting, then each entrant's result.
    pub fn side_by_side(&self, rows: usize, shown: &[Vec<Tensor>]) -> Sheet {
        let mut sheet = Sheet::new(format!("side-by-side-{}", self.round.size_px), self.round.size_px);
        for (row, k) in spread(self.pairs.len(), rows).into_iter().enumerate() {
            let Pair { content, style } = self.pairs[k];
            let head = [&self.contents[content], &self.styles[style]];
            sheet.push(head.into_iter().chain(shown.iter().map(|s| &s[row])).map(Some).collect());
        }
        sheet
    }
}

fn noisy(photo: &Tensor, random: &mut Random) -> Tensor {
    let data = photo.data().iter().map(|v| v + NOISE_SIGMA * random.normal()).collect();
    Tensor::new(photo.shape(), data)
}

fn painter_parameters(model: &Model) -> Result<usize, EngineError> {
    let shapes = model.painter.weight_shapes()?;
    Ok(shapes.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum())
}
