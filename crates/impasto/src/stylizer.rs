//! A model and an engine, and what they do together.

use crate::engines::{EngineChoice, EngineSetup, Notice};
use crate::regions::{self, Mask};
use crate::{PaintError, Session, color, strength, tiles};
use impasto_core::model::StrengthKind;
use impasto_core::style::{Provenance, Update};
use impasto_core::{
    Conditions, Engine, Field, Image, Model, Network, Plan, Style, StyleError, Tensor, Weights,
};
use impasto_cpu::Precision;
use std::path::PathBuf;
use std::sync::Arc;

/// Settings of painting, besides the style.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dials {
    /// `0..1`, default 1: from the photo itself to the style in full. The network paints in the photo's own style mixed with the painting's, and
    /// below 0.5 the photo comes through as well.
    pub strength: f32,
    /// `0..1`, default 0: from the painting's colours to the photo's (see [`color::keep_color`]).
    pub keep_color: f32,
    /// `0..1`, default 0: how calm a [`Session`] keeps a moving painting, see [`crate::steady`]. Stills ignore it.
    pub steady: f32,
    /// `0..2`, default 1: how much of the noise field that strokes grow from is added, for models that have one; at 0 there
    /// are next to no strokes on flat ground.
    pub strokes: f32,
    /// Chooses the noise field; default 0. Another seed puts every stroke elsewhere.
    pub seed: u32,
}

impl Default for Dials {
    fn default() -> Self {
        Self { strength: 1.0, keep_color: 0.0, steady: 0.0, strokes: 1.0, seed: 0 }
    }
}

impl Dials {
    /// Tells whether every dial is within its range.
    ///
    /// # Errors
    /// [`PaintError::Dial`], for the first that is not.
    pub fn check(&self) -> Result<(), PaintError> {
        let dials = [
            ("strength", self.strength, 1),
            ("keep-color", self.keep_color, 1),
            ("steady", self.steady, 1),
            ("strokes", self.strokes, 2),
        ];
        match dials.into_iter().find(|(_, value, most)| !(0.0..=*most as f32).contains(value)) {
            Some((name, value, most)) => Err(PaintError::Dial { name, value, most }),
            None => Ok(()),
        }
    }

    /// Conditions for the engine. The noise field begins at the frame's left upper corner.
    pub(crate) fn conditions<'a>(&self, vector: &'a [f32], strength: f32) -> Conditions<'a> {
        let field = Field { seed: self.seed, origin: [0, 0], strokes: self.strokes };
        Conditions { style: vector, strength, smoothing: 0.0, field }
    }
}

/// Sets up a [`Stylizer`].
pub struct StylizerBuilder {
    model: Arc<Model>,
    setup: EngineSetup,
    notice: Notice,
    strict: bool,
    tile_px: usize,
}

impl StylizerBuilder {
    /// Which engine paints; [`EngineChoice::Auto`] by default.
    pub fn engine(mut self, engine: EngineChoice) -> Self {
        self.setup.choice = engine;
        self
    }

    /// Number of threads of the CPU engine; 0, the default, is one a core.
    pub fn threads(mut self, threads: usize) -> Self {
        self.setup.threads = threads;
        self
    }

    /// Number type of the CPU engine's products; `f32` by default. Where the machine gains nothing by less, `f32` is used.
    /// With less than `f32` the GPU engine keeps activations in `f16`.
    pub fn precision(mut self, precision: Precision) -> Self {
        self.setup.precision = precision;
        self
    }

    /// A part of the name of the GPU adapter; by default the likely fastest.
    pub fn adapter(mut self, name: Option<String>) -> Self {
        self.setup.adapter = name;
        self
    }

    /// File in which the GPU engine notes which kernels were fastest. With `measure` it finds out what the file does not tell,
    /// which takes seconds at the first frame: for many frames. By default kernels go by rules.
    pub fn tuning(mut self, file: Option<PathBuf>, measure: bool) -> Self {
        (self.setup.tuning, self.setup.measure) = (file, measure);
        self
    }

    /// Fails where a GPU does, instead of carrying on with the CPU.
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Gets a line when a GPU fails, or is missing, and the CPU carries on; by default nobody hears of it.
    pub fn on_notice(mut self, notice: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.notice = Arc::new(notice);
        self
    }

    /// Photos with a longer side than this many px are painted in tiles; 2048 by default. With several AdaIN sites, as `light` has,
    /// four times as many, in tiles of half the size.
    pub fn tile_px(mut self, px: usize) -> Self {
        self.tile_px = px;
        self
    }

    /// Builds the engine.
    pub fn build(self) -> Result<Stylizer, PaintError> {
        let engine =
            if self.strict { self.setup.strict()? } else { self.setup.with_fallback(self.notice)? };
        Ok(Stylizer { model: self.model, engine, tile_px: self.tile_px })
    }
}

/// A model and an engine, cheap to clone. It encodes paintings into styles and paints stills of any size; [`Stylizer::session`] paints frames.
#[derive(Clone)]
pub struct Stylizer {
    model: Arc<Model>,
    engine: Arc<dyn Engine>,
    tile_px: usize,
}

/// The longer side of a photo whose own style vector is wanted.
const OWN_STYLE_PX: usize = 256;

impl Stylizer {
    /// A builder for this model.
    pub fn builder(model: Arc<Model>) -> StylizerBuilder {
        StylizerBuilder {
            model,
            setup: EngineSetup::default(),
            notice: Arc::new(|_| ()),
            strict: false,
            tile_px: 2048,
        }
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// The engine's name, with its instruction set or adapter.
    pub fn engine_name(&self) -> String {
        self.engine.name()
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    pub(crate) fn plan(
        &self,
        network: &Network,
        height: usize,
        width: usize,
    ) -> Result<Box<dyn Plan>, PaintError> {
        self.plan_with(network, &self.model.weights, height, width)
    }

    /// A plan with other weights than the model's.
    pub(crate) fn plan_with(
        &self,
        network: &Network,
        weights: &Arc<Weights>,
        height: usize,
        width: usize,
    ) -> Result<Box<dyn Plan>, PaintError> {
        Ok(self.engine.prepare(network, weights, height, width)?)
    }

    /// A plan of the painter, with the changes that a tuned style makes to its weights.
    pub(crate) fn painter(
        &self,
        update: Option<&Update>,
        height: usize,
        width: usize,
    ) -> Result<Box<dyn Plan>, PaintError> {
        let Some(update) = update else { return self.plan(&self.model.painter, height, width) };
        let weights = update.applied(&self.model.weights, 1.0).map_err(StyleError::from)?;
        Ok(self.engine.prepare(&self.model.painter, &Arc::new(weights), height, width)?)
    }

    /// The style of a painting. Its size sets that of the strokes: a smaller painting gives finer ones.
    pub fn encode(&self, painting: &Image, provenance: Provenance) -> Result<Style, PaintError> {
        let mut plan = self.plan(&self.model.encoder, painting.height(), painting.width())?;
        let vector = encode_with(plan.as_mut(), painting)?;
        Ok(Style::new(&self.model, provenance, vector)?)
    }

    /// Paints a still; the result has the photo's size.
    pub fn paint(&self, photo: &Image, style: &Style, dials: &Dials) -> Result<Image, PaintError> {
        dials.check()?;
        style.check(&self.model)?;
        if dials.strength == 0.0 {
            return Ok(photo.clone());
        }
        if photo.width().max(photo.height()) > self.whole_px() && tiles::possible(&self.model) {
            let mut out = self.paint_tiles(photo, style, dials)?;
            color::keep_color(&mut out, photo, dials.keep_color);
            strength::toward_photo(&mut out, photo, dials.strength);
            return Ok(out);
        }
        let mut out = Image::black(photo.width(), photo.height());
        self.session().paint(photo, style, &Dials { steady: 0.0, ..*dials }, &mut out)?;
        Ok(out)
    }

    /// The longest side that is painted in one piece. A network of several sites is small, and tiles cost it a pass for each.
    fn whole_px(&self) -> usize {
        if tiles::passes(&self.model) > 2 { 4 * self.tile_px } else { self.tile_px }
    }

    fn paint_tiles(&self, photo: &Image, style: &Style, dials: &Dials) -> Result<Image, PaintError> {
        let weights = match style.update() {
            Some(update) => Arc::new(update.applied(&self.model.weights, 1.0).map_err(StyleError::from)?),
            None => self.model.weights.clone(),
        };
        let (vector, strength) = self.mixed(photo, style, dials.strength)?;
        let conditions = dials.conditions(&vector, strength);
        let tile_px = if tiles::passes(&self.model) > 2 { self.tile_px / 2 } else { self.tile_px };
        tiles::paint(self, &tiles::Request { photo, weights, style: &vector, conditions, tile_px })
    }

    /// The vector to paint a photo with, and the strength that is left to the painter itself.
    fn mixed(&self, photo: &Image, style: &Style, strength: f32) -> Result<(Vec<f32>, f32), PaintError> {
        if strength == 1.0 || self.model.strength == StrengthKind::Features {
            return Ok((style.vector().to_vec(), strength));
        }
        let small = self.style_sized(photo);
        let mut plan = self.plan(&self.model.encoder, small.height(), small.width())?;
        let own = encode_with(plan.as_mut(), &small)?;
        let mixed = own.iter().zip(style.vector()).map(|(own, style)| own + strength * (style - own));
        Ok((mixed.collect(), 1.0))
    }

    /// Paints regions of a photo in different styles; what no mask covers stays as it is.
    pub fn paint_regions(
        &self,
        photo: &Image,
        regions: &[(Mask, Style)],
        dials: &Dials,
    ) -> Result<Image, PaintError> {
        regions::paint(self, photo, regions, dials)
    }

    /// Starts painting frames.
    pub fn session(&self) -> Session {
        Session::new(self.clone())
    }

    /// The photo with its longer side at most [`OWN_STYLE_PX`], by averaging whole boxes of pixels.
    pub(crate) fn style_sized(&self, photo: &Image) -> Image {
        let step = photo.width().max(photo.height()).div_ceil(OWN_STYLE_PX);
        let (width, height) = (photo.width() / step, photo.height() / step);
        Image::from_fn(width.max(1), height.max(1), |x, y| box_mean(photo, x * step, y * step, step))
    }
}

/// The mean of `step` x `step` pixels from column `x`, row `y` on, as far as they lie in the picture.
fn box_mean(image: &Image, x: usize, y: usize, step: usize) -> [u8; 3] {
    let (right, bottom) = ((x + step).min(image.width()), (y + step).min(image.height()));
    let mut sums = [0u32; 3];
    for y in y..bottom {
        for x in x..right {
            image.pixel(x, y).into_iter().zip(&mut sums).for_each(|(byte, sum)| *sum += u32::from(byte));
        }
    }
    let count = ((right - x) * (bottom - y)) as u32;
    sums.map(|sum| ((sum + count / 2) / count) as u8)
}

pub(crate) fn encode_with(plan: &mut dyn Plan, painting: &Image) -> Result<Vec<f32>, PaintError> {
    let mut vector = Tensor::zeros(plan.output_shape());
    plan.run(&painting.to_tensor(), &Conditions::NONE, &mut vector)?;
    Ok(vector.into_data())
}
