//! Paints held-out pairs at fixed intervals.

use crate::data::{Library, Source};
use crate::detect::{Gallery, ReluActivity};
use crate::learner::LearnerError;
use crate::loss::feature::{ContentTarget, content_mse, style_mean_std};
use crate::loss::ssim;
use crate::loss_network::{EPS, LossNetwork};
use crate::progress::Validation;
use crate::walk::{Kernels, Map, Moments, Packed, Parameters, Program, Tape, moments};
use impasto_core::Random;
use impasto_core::{Image, Network, Tensor, Weights};

/// Number and size of the pairs that are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Show {
    /// Pairs.
    pub pairs: usize,
    /// Side of the pictures, px; a multiple of 16.
    pub side_px: usize,
}

impl Show {
    /// For pictures from files.
    pub const FULL: Self = Self { pairs: 12, side_px: 192 };
    /// For drawn pictures.
    pub const SMALL: Self = Self { pairs: 6, side_px: 96 };
}

/// Pairs in a row of the sheet.
const ACROSS: usize = 3;
/// Deviation of the noise whose flicker is measured.
const NOISE: f32 = 2.0 / 255.0;

/// Held-out pairs, and what is needed to paint and judge them.
pub struct Validator<K: Kernels> {
    kernels: K,
    painter: Program,
    encoder: Program,
    judge: (Program, Packed<K>, [usize; 4]),
    pairs: Vec<Pair<K>>,
    side_px: usize,
}

struct Pair<K: Kernels> {
    photo: Tensor,
    noisy: [Tensor; 2],
    painting: Tensor,
    features: Map<K::Element>,
    content: Moments,
    wanted: [Moments; 4],
    /// Style loss of the photo itself.
    unpainted: f32,
}

impl<K: Kernels> Validator<K> {
    /// Takes the pairs from the held-out folders, or else from the run's own pictures.
    pub fn new(
        kernels: K,
        [painter, encoder]: [&Network; 2],
        loss: &LossNetwork,
        (held_out, source): (Option<[Library; 2]>, &Source),
        show: Show,
    ) -> Result<Self, LearnerError> {
        let program = Program::new(&loss.network)?;
        let parameters = Parameters::from_weights(&program, &loss.weights)?;
        let packed = Packed::new(kernels, &parameters, &parameters.values);
        let mut validator = Self {
            kernels,
            painter: Program::new(painter)?,
            encoder: Program::new(encoder)?,
            judge: (program, packed, loss.looks),
            pairs: vec![],
            side_px: show.side_px,
        };
        let (photos, paintings) = match &held_out {
            Some([photos, paintings]) => (photos, paintings),
            None => (source.photos.as_ref(), source.paintings.as_ref()),
        };
        for i in 0..show.pairs {
            let pair = validator.pair(photos, paintings, i, show.pairs);
            validator.pairs.push(pair);
        }
        Ok(validator)
    }

    fn pair(&self, photos: &Library, paintings: &Library, i: usize, count: usize) -> Pair<K> {
        let square = |library: &Library| {
            let (_, image) = library.get(i * library.places() / count);
            crate::data::centre_square(&image, self.side_px)
        };
        let (photo, painting) = (square(photos), square(paintings));
        let mut random = Random::new(i as u64);
        let noisy = [(); 2].map(|()| {
            let mut noisy = photo.clone();
            noisy.data_mut().iter_mut().for_each(|v| *v += NOISE * random.normal());
            noisy
        });
        let (features, looks) = self.look(&photo);
        let (_, wanted) = self.look(&painting);
        let unpainted = style_loss(&looks, &wanted);
        Pair { photo, noisy, painting, features, content: looks[3].clone(), wanted, unpainted }
    }

    fn look(&self, picture: &Tensor) -> (Map<K::Element>, [Moments; 4]) {
        let (program, packed, looks) = &self.judge;
        let mut tape = Tape::new(self.kernels, program, self.side_px, self.side_px)
            .expect("the loss network takes any size");
        tape.run(program, packed, picture, &[]);
        let moments = looks.map(|id| moments(tape.value(id).map(), EPS, false));
        (tape.value(looks[3]).map().clone(), moments)
    }

    /// Paints all pairs with `weights`.
    pub fn look_at(&self, step: u64, weights: &Weights) -> Result<Validation, LearnerError> {
        let pack = |program: &Program| -> Result<Packed<K>, LearnerError> {
            let parameters = Parameters::from_weights(program, weights)?;
            Ok(Packed::new(self.kernels, &parameters, &parameters.values))
        };
        let (painter, encoder) = (pack(&self.painter)?, pack(&self.encoder)?);
        let mut paint = Tape::new(self.kernels, &self.painter, self.side_px, self.side_px)?;
        let mut encode = Tape::new(self.kernels, &self.encoder, self.side_px, self.side_px)?;
        let mut activity = [ReluActivity::new(&self.painter), ReluActivity::new(&self.encoder)];
        let (mut sums, mut gallery) = ([0.0f32; 4], Gallery::default());
        for pair in &self.pairs {
            encode.run(&self.encoder, &encoder, &pair.painting, &[]);
            activity[1].record(&encode);
            let style = encode.output().vector().to_vec();
            let mut paint_one = |photo: &Tensor| {
                paint.run(&self.painter, &painter, photo, &style);
                let mut painted = paint.output().map().to_tensor();
                painted.data_mut().iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
                painted
            };
            let twins = [paint_one(&pair.noisy[0]), paint_one(&pair.noisy[1])];
            gallery.crossed.push(paint_one(&self.pairs[0].photo));
            let painted = paint_one(&pair.photo);
            activity[0].record(&paint);
            let figures = self.judge_pair(pair, &painted, &twins);
            sums.iter_mut().zip(figures).for_each(|(s, f)| *s += f / self.pairs.len() as f32);
            gallery.unpainted_style += pair.unpainted / self.pairs.len() as f32;
            gallery.photos.push(pair.photo.clone());
            gallery.paintings.push(pair.painting.clone());
            gallery.pastiches.push(painted);
        }
        gallery.silent = activity.into_iter().flat_map(ReluActivity::silent).collect();
        let [content, style, ssim, flicker] = sums;
        let sheet = self.sheet(&gallery);
        Ok(Validation { step, content, style, ssim, flicker, gallery, sheet })
    }

    /// In each row some photos, each with its painting and its pastiche.
    fn sheet(&self, gallery: &Gallery) -> Image {
        let Gallery { photos, paintings, pastiches, .. } = gallery;
        let cells: Vec<Tensor> = (0..photos.len())
            .flat_map(|i| [&photos[i], &paintings[i], &pastiches[i]].map(Tensor::clone))
            .collect();
        sheet(&cells, 3 * ACROSS)
    }

    /// Content, style, SSIM, flicker.
    fn judge_pair(&self, pair: &Pair<K>, painted: &Tensor, [one, other]: &[Tensor; 2]) -> [f32; 4] {
        let (features, own) = self.look(painted);
        let target = ContentTarget::new(&pair.content, &pair.wanted[3], f32::INFINITY);
        let mut room = Map::zeros(features.shape());
        let content = content_mse(&features, &pair.features, &target, 0.0, (false, false), &mut room);
        let style = style_loss(&own, &pair.wanted);
        let mut unused = Tensor::zeros(painted.shape());
        let ssim = 1.0 - ssim::ssim_loss(painted, &pair.photo, 0.0, &mut unused);
        let flicker = one.data().iter().zip(other.data()).map(|(a, b)| (a - b).abs()).sum::<f32>();
        [content, style, ssim, 255.0 * flicker / painted.data().len() as f32]
    }
}

fn style_loss(own: &[Moments; 4], wanted: &[Moments; 4]) -> f32 {
    own.iter().zip(wanted).map(|(o, w)| style_mean_std(o, w, 0.0).value).sum()
}

/// Pictures of one size in rows of `across`.
pub fn sheet(cells: &[Tensor], across: usize) -> Image {
    let shape = cells[0].shape();
    let (width, height) = (shape.width * across, shape.height * cells.len().div_ceil(across));
    let images: Vec<Image> = cells.iter().map(Image::from_tensor).collect();
    Image::from_fn(width, height, |x, y| {
        let at = y / shape.height * across + x / shape.width;
        images.get(at).map_or([255; 3], |image| image.pixel(x % shape.width, y % shape.height))
    })
}
