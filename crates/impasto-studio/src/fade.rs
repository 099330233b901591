//! From style to style over time.

use crate::StudioError;
use crate::clock::Instant;
use impasto::Style;
use std::sync::Arc;
use std::time::Duration;

/// A new style takes this long to fade in.
const FADE: Duration = Duration::from_millis(450);
/// Painters on the way between two that differ in their weights, the last one included. Each needs a plan of its own.
const STOPS: usize = 3;

/// Moves from style to style over time, in 0.45 s.
#[derive(Default)]
pub struct Fader {
    fade: Option<Fade>,
}

struct Fade {
    from: Style,
    to: Style,
    start: Instant,
    /// For two that differ in weights: how many of the stops are shown, and the next one, which is being made ready.
    stops: Option<(usize, Option<(usize, Style)>)>,
    shown: Style,
}

impl Fader {
    /// The style at the moment `now`, on the way to `target`; the first target is there at once. A style that changes the painter's weights is
    /// asked for with `ready`, and the one before it goes on until it is.
    pub fn toward(
        &mut self,
        target: Style,
        now: Instant,
        ready: &mut dyn FnMut(&Style) -> bool,
    ) -> Result<Style, StudioError> {
        let fade = match self.fade.take() {
            Some(fade) if is_same(&fade.to, &target) => fade,
            Some(fade) => Fade::new(fade.shown, target, now),
            None => Fade::new(target.clone(), target, now),
        };
        let fade = self.fade.insert(fade);
        fade.go(now, ready)?;
        Ok(fade.shown.clone())
    }
}

impl Fade {
    fn new(from: Style, to: Style, start: Instant) -> Self {
        let stops = (!has_same_weights(&from, &to)).then_some((0, None));
        Self { shown: from.clone(), from, to, start, stops }
    }

    fn go(&mut self, now: Instant, ready: &mut dyn FnMut(&Style) -> bool) -> Result<(), StudioError> {
        let t = now.duration_since(self.start).as_secs_f32() / FADE.as_secs_f32();
        let Some((shown, next)) = &mut self.stops else {
            self.shown = if t >= 1.0 { self.to.clone() } else { self.from.toward(&self.to, t)? };
            return Ok(());
        };
        // The first stop is asked for at once.
        let due = ((t * STOPS as f32) as usize + 1).min(STOPS);
        if next.is_none() && due > *shown {
            let style = match due {
                STOPS => self.to.clone(),
                _ => {
                    let t = due as f32 / STOPS as f32;
                    Style::mix(&[(&self.from, 1.0 - t), (&self.to, t)])?
                }
            };
            *next = Some((due, style));
        }
        if let Some((stop, style)) = next.take_if(|(_, style)| ready(style)) {
            (*shown, self.shown) = (stop, style);
        }
        Ok(())
    }
}

fn is_same(a: &Style, b: &Style) -> bool {
    a.vector() == b.vector() && has_same_weights(a, b)
}

fn has_same_weights(a: &Style, b: &Style) -> bool {
    match (a.update(), b.update()) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto::{Model, Provenance};
    use impasto_core::model::StrengthKind;
    use impasto_core::style::Update;
    use impasto_core::weights::{Weight, Weights};
    use impasto_core::{NetworkBuilder, Padding};

    fn model() -> Model {
        let mut b = NetworkBuilder::new("painter").fit_picture(1);
        let x = b.input(3);
        let x = b.adain("site", x, 3, 1e-5);
        b.conv("a", x, 3, 3, 1, Padding::Replicate);
        let painter = b.finish();
        let mut b = NetworkBuilder::new("encoder");
        let x = b.input(3);
        b.mean_std(x, 1e-5, false);
        let mut weights = Weights::new();
        weights.insert("a.weight", vec![3, 3, 3, 3], vec![0.0; 81]);
        weights.insert("a.bias", vec![3], vec![0.0; 3]);
        let nothing = serde_json::json!({});
        Model::new("tiny", painter, b.finish(), weights, StrengthKind::Features, "CC0-1.0", nothing).unwrap()
    }

    /// All values of the vector and of the bias's change are `value`.
    fn style(model: &Model, value: f32, tuned: bool) -> Style {
        let style = Style::new(model, Provenance::default(), vec![value; 6]).unwrap();
        let mut update = Update::new();
        update.insert("a.bias", Weight { shape: vec![3], values: vec![value; 3] });
        if tuned { style.tuned(model, update).unwrap() } else { style }
    }

    /// The bias that a style paints with.
    fn bias(model: &Model, style: &Style) -> f32 {
        style.update().map_or(0.0, |update| {
            update.applied(&model.weights, 1.0).unwrap().get("a.bias").unwrap().values[0]
        })
    }

    #[test]
    fn vectors_alone_fade_smoothly_and_ask_for_nothing() {
        let (model, start) = (model(), Instant::now());
        let mut fader = Fader::default();
        let mut at = |value, ms| {
            let style = style(&model, value, false);
            fader
                .toward(style, start + Duration::from_millis(ms), &mut |_| panic!("nothing to plan"))
                .unwrap()
                .vector()[0]
        };
        assert_eq!([at(1.0, 0), at(2.0, 100), at(2.0, 325), at(2.0, 600)], [1.0, 1.0, 1.5, 2.0]);
    }

    #[test]
    fn weights_change_in_stops_that_are_ready_and_no_frame_waits() {
        let (model, start) = (model(), Instant::now());
        let (quick, deep) = (style(&model, 0.0, false), style(&model, 3.0, true));
        let mut fader = Fader::default();
        let mut at = |style: &Style, ms, is_ready: bool| {
            let mut asked = vec![];
            let mut ready = |style: &Style| {
                asked.push((1e3 * style.vector()[0]).round() / 1e3);
                is_ready
            };
            let shown = fader.toward(style.clone(), start + Duration::from_millis(ms), &mut ready).unwrap();
            assert!(
                (shown.vector()[0] - bias(&model, &shown)).abs() < 1e-6,
                "vector and weights belong together"
            );
            ((1e3 * shown.vector()[0]).round() / 1e3, asked)
        };
        assert_eq!(at(&quick, 0, true), (0.0, vec![]));
        assert_eq!(at(&deep, 10, false), (0.0, vec![1.0]), "the first stop is asked for at once");
        assert_eq!(at(&deep, 400, false), (0.0, vec![1.0]), "and again until it is there");
        assert_eq!(at(&deep, 410, true), (1.0, vec![1.0]));
        assert_eq!(at(&deep, 420, true), (3.0, vec![3.0]), "late: the stop between is left out");
        assert_eq!(at(&deep, 900, true), (3.0, vec![]));
        assert_eq!(at(&quick, 1000, true), (2.0, vec![2.0]));
        assert_eq!(at(&quick, 1200, true), (1.0, vec![1.0]));
        assert_eq!(at(&quick, 1500, true), (0.0, vec![0.0]));
    }
}
