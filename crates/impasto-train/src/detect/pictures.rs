//! Detectors over painted pictures.

use super::{Evidence, mean};
use crate::loss::ssim::ssim_loss;
use impasto_core::Tensor;

/// Below this part of the photos' contrast, pastiches are nearly uniform.
const LEAST_CONTRAST: f32 = 0.25;
/// Below this part of the paintings' saturation, pastiches are grey.
const LEAST_SATURATION: f32 = 0.2;
/// Paintings paler than this say nothing about saturation.
const PALE: f32 = 0.06;
/// A photo's pastiches differ from style to style by at least this part of what the paintings' mean colours differ by.
const LEAST_SPREAD: f32 = 0.15;
/// A pastiche is more similar (SSIM) to its own photo than to another's by at least this.
const LEAST_LIKENESS: f32 = 0.04;
/// Painting takes at least so much of the style loss away.
const MOST_STYLE_LEFT: f32 = 0.85;
/// Mean red and blue of a painting that differ by less say nothing about their order.
const BALANCED: f32 = 0.08;

/// Grey, brown, or nothing at all.
pub fn collapse(evidence: &Evidence) -> Option<String> {
    let g = &evidence.validation.gallery;
    let [photos, pastiches] = [&g.photos, &g.pastiches].map(|p| mean(p, contrast));
    let [vivid, own] = [&g.paintings, &g.pastiches].map(|p| mean(p, saturation));
    let flat = pastiches < LEAST_CONTRAST * photos;
    let grey = vivid > PALE && own < LEAST_SATURATION * vivid;
    (flat || grey).then(|| {
        let what = if flat { "nearly one flat colour" } else { "grey, though the paintings are not" };
        format!(
            "the pictures have collapsed: they are {what} (contrast {:.2} of the photos', saturation {:.2} of the paintings'). The style \
             weight came too early or is too large, the rate is too large, or the loss network is no normalised VGG-19. Start again with \
             more schedule.identity_steps, a longer schedule.ramp, or half of recipe.rate",
            pastiches / photos.max(1e-6),
            own / vivid.max(1e-6)
        )
    })
}

/// Whatever the painting, the same comes out.
pub fn one_for_all(evidence: &Evidence) -> Option<String> {
    let g = &evidence.validation.gallery;
    let colours: Vec<Tensor> = g.paintings.iter().map(mean_colour).collect();
    let (spread, wanted) = (deviation(&g.crossed), deviation(&colours));
    (g.crossed.len() > 1 && spread < LEAST_SPREAD * wanted).then(|| {
        format!(
            "all styles give one picture: a photo in {} styles differs by {spread:.4}, the paintings' mean colours by {wanted:.4}. The style \
             encoder is not heard: its rate is too large or its ReLUs have died. Start again (its first layer is then whitened over your \
             paintings), with a smaller recipe.rate; and see that the folder of paintings does not hold one painting many times",
            g.crossed.len()
        )
    })
}

/// Another photo would have given the same.
pub fn content_ignored(evidence: &Evidence) -> Option<String> {
    let g = &evidence.validation.gallery;
    let count = g.pastiches.len();
    let likeness =
        |shift: usize| mean(0..count, |i| similarity(&g.pastiches[i], &g.photos[(i + shift) % count]));
    let (own, other) = (likeness(0), likeness(1));
    (count > 1 && evidence.ramped && own - other < LEAST_LIKENESS).then(|| {
        format!(
            "the content is ignored: pastiches are as similar to another photo (SSIM {other:.3}) as to their own ({own:.3}). The style weight \
             drowns the content: lower recipe.style, or raise recipe.content and recipe.ssim, and begin with more schedule.identity_steps"
        )
    })
}

/// The photo comes out as it went in.
pub fn style_ignored(evidence: &Evidence) -> Option<String> {
    let (left, unpainted) = (evidence.validation.style, evidence.validation.gallery.unpainted_style);
    (evidence.ramped && left > MOST_STYLE_LEFT * unpainted).then(|| {
        format!(
            "the style is ignored: painting brings the style loss from {unpainted:.3} to {left:.3} only. The content, identity or SSIM loss \
             outweighs it: raise recipe.style, or lower recipe.identity and recipe.ssim; after few steps, just go on"
        )
    })
}

/// Colours come out with red and blue exchanged.
pub fn exchanged(evidence: &Evidence) -> Option<String> {
    let g = &evidence.validation.gallery;
    let (mut telling, mut swapped) = (0, 0);
    for (painting, pastiche) in g.paintings.iter().zip(&g.pastiches) {
        let (wanted, found) = (rgb(painting), rgb(pastiche));
        if (wanted[0] - wanted[2]).abs() < BALANCED {
            continue;
        }
        let away = |a: [f32; 3]| a.iter().zip(&wanted).map(|(a, w)| (a - w).powi(2)).sum::<f32>();
        telling += 1;
        swapped += usize::from(away([found[2], found[1], found[0]]) < away(found));
    }
    (evidence.ramped && telling >= 3 && swapped * 5 >= telling * 4).then(|| {
        format!(
            "red and blue are exchanged: in {swapped} of {telling} pastiches the mean colour is nearer to the painting's with them exchanged. \
             Some reader gives BGR for RGB (OpenCV does): Impasto reads pictures as RGB, so look at how the pictures or the weights were made"
        )
    })
}

/// Root of the mean variance of the three channels.
fn contrast(picture: &Tensor) -> f32 {
    let variance = |c: usize| {
        let values = picture.channel(c);
        let centre = mean(values, |v| *v);
        mean(values, |v| (v - centre).powi(2))
    };
    mean(0..3, variance).sqrt()
}

/// Mean of each pixel's largest minus smallest channel.
fn saturation(picture: &Tensor) -> f32 {
    mean(0..picture.shape().area(), |i| {
        let rgb = [0, 1, 2].map(|c| picture.channel(c)[i]);
        rgb.into_iter().fold(0.0, f32::max) - rgb.into_iter().fold(1.0, f32::min)
    })
}

fn rgb(picture: &Tensor) -> [f32; 3] {
    [0, 1, 2].map(|c| mean(picture.channel(c), |v| *v))
}

/// The mean colour as a picture of one pixel.
fn mean_colour(picture: &Tensor) -> Tensor {
    Tensor::new(impasto_core::Shape::new(3, 1, 1), rgb(picture).to_vec())
}

/// Mean over all values of the deviation from picture to picture.
fn deviation(pictures: &[Tensor]) -> f32 {
    let Some(first) = pictures.first() else { return 0.0 };
    mean(0..first.data().len(), |i| {
        let centre = mean(pictures, |p| p.data()[i]);
        mean(pictures, |p| (p.data()[i] - centre).powi(2)).sqrt()
    })
}

fn similarity(a: &Tensor, b: &Tensor) -> f32 {
    1.0 - ssim_loss(a, b, 0.0, &mut Tensor::zeros(a.shape()))
}
