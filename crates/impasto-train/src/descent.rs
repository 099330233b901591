//! Gradient descent on a picture itself (Gatys et al. 2015): what a loss network wants, without any painter between. The limit that networks
//! are measured against, and a way to finish a still.

use crate::learner::LearnerError;
use crate::learner::pass::{Part, Tapes};
use crate::loss::covariance::{Covariance, FeatureSums, back, balanced};
use crate::loss::instance::instance_content;
use crate::loss::picture::{range, total_variation};
use crate::loss_network::{EPS, LossNetwork};
use crate::optimiser::Adam;
use crate::walk::{Fast, Kernels, Map, Moments, Value, Wanted, moments};
use impasto_core::network::NodeId;
use impasto_core::{Shape, Tensor};

/// A painting as a loss network sees it: means and covariances at its four looks.
pub type StyleTarget = [Covariance; 4];

/// Weights of the losses, and the optimiser's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DescentConfig {
    /// Steps.
    pub steps: usize,
    /// Adam's rate, in `0..1` of brightness; it falls as a cosine to nothing.
    pub rate: f32,
    /// Balanced covariances and means.
    pub style: f32,
    /// MSE of normalised features at the deepest look.
    pub instance_content: f32,
    /// Total variation.
    pub total_variation: f32,
}

impl Default for DescentConfig {
    fn default() -> Self {
        Self { steps: 200, rate: 0.02, style: 2.0, instance_content: 0.1, total_variation: 0.0 }
    }
}

/// A loss network and its tapes on the processor.
pub struct Critic<K: Kernels> {
    kernels: K,
    part: Part<K>,
    looks: [NodeId; 4],
    tapes: Tapes<K>,
    scratch: K::Scratch,
}

/// A photo's deepest features, to which a pastiche is held.
pub struct ContentTarget<K: Kernels> {
    features: Map<K::Element>,
    moments: Moments,
}

impl Critic<Fast> {
    /// In `f32` on this machine's widest instructions.
    ///
    /// # Errors
    /// When `IMPASTO_ISA` names instructions that this machine lacks.
    pub fn new(loss: &LossNetwork) -> Result<Self, LearnerError> {
        Self::with(Fast::new()?, loss)
    }
}

impl<K: Kernels> Critic<K> {
    /// On chosen kernels.
    ///
    /// # Errors
    /// When the table cannot be walked.
    pub fn with(kernels: K, loss: &LossNetwork) -> Result<Self, LearnerError> {
        let part = Part::frozen(kernels, loss)?;
        let (looks, tapes) = (loss.looks, Tapes::new(kernels));
        Ok(Self { kernels, part, looks, tapes, scratch: K::Scratch::default() })
    }

    fn look_at(&mut self, picture: &Tensor) {
        let Shape { height, width, .. } = picture.shape();
        let tape = self.tapes.of_size(&self.part.program, height, width);
        tape.run(&self.part.program, &self.part.packed, picture, &[]);
    }

    /// Means and covariances of a picture.
    pub fn style_of(&mut self, picture: &Tensor) -> StyleTarget {
        self.look_at(picture);
        let Shape { height, width, .. } = picture.shape();
        let tape = self.tapes.of_size(&self.part.program, height, width);
        self.looks.map(|id| Covariance::of(self.kernels, tape.value(id).map(), &mut self.scratch))
    }

    /// Means and covariances of several pictures together.
    pub fn style_of_all(&mut self, pictures: &[Tensor]) -> StyleTarget {
        let mut sums: [Option<FeatureSums>; 4] = [None, None, None, None];
        for picture in pictures {
            self.look_at(picture);
            let Shape { height, width, .. } = picture.shape();
            let tape = self.tapes.of_size(&self.part.program, height, width);
            for (sums, id) in sums.iter_mut().zip(self.looks) {
                let map = tape.value(id).map();
                let sums = sums.get_or_insert_with(|| FeatureSums::new(map.shape().channels));
                sums.add(self.kernels, map, &mut self.scratch);
            }
        }
        sums.map(|sums| sums.expect("there is a picture").covariance())
    }

    /// A photo's drawing.
    pub fn content_of(&mut self, photo: &Tensor) -> ContentTarget<K> {
        self.look_at(photo);
        let Shape { height, width, .. } = photo.shape();
        let tape = self.tapes.of_size(&self.part.program, height, width);
        let features = tape.value(self.looks[3]).map().clone();
        ContentTarget { moments: moments(&features, EPS, false), features }
    }

    /// The style and content losses of a picture, unweighted, and its weighted gradient added to `gradient`. Without a content its weight
    /// counts as 0.
    pub fn losses(
        &mut self,
        picture: &Tensor,
        style: &StyleTarget,
        content: Option<&ContentTarget<K>>,
        config: &DescentConfig,
        gradient: &mut Tensor,
    ) -> [f32; 2] {
        let own = self.style_of(picture);
        let Shape { height, width, .. } = picture.shape();
        let tape = self.tapes.of_size(&self.part.program, height, width);
        let mut values = [0.0; 2];
        for (look, id) in self.looks.into_iter().enumerate() {
            let (value, slope) = balanced(&own[look], &style[look], 0.25 * config.style);
            values[0] += 0.25 * value;
            tape.seed(id, true, |y, keep, dy| back(self.kernels, y, &own[look], &slope, (true, keep), dy));
        }
        if let Some(content) = content {
            let id = self.looks[3];
            let own = moments(tape.value(id).map(), EPS, false);
            tape.seed(id, false, |y, keep, dy| {
                let photo = (&content.features, &content.moments);
                values[1] = instance_content((y, &own), photo, config.instance_content, keep, dy);
            });
        }
        let mut only_picture = Wanted { weights: None, style: None, picture: true };
        tape.backward(&self.part.program, &self.part.packed, &mut only_picture);
        if let Value::Map(map) = tape.gradient(0) {
            let own = map.to_tensor();
            gradient.data_mut().iter_mut().zip(own.data()).for_each(|(g, o)| *g += o);
        }
        values
    }

    /// Moves `picture` down the losses to `style` and to `photo`'s drawing; `on_step` gets the step and the two losses.
    pub fn descend(
        &mut self,
        mut picture: Tensor,
        photo: &Tensor,
        style: &StyleTarget,
        config: &DescentConfig,
        on_step: &mut dyn FnMut(usize, [f32; 2]),
    ) -> Tensor {
        let content = self.content_of(photo);
        let mut adam = Adam::new(picture.data().len());
        for step in 0..config.steps {
            let mut gradient = Tensor::zeros(picture.shape());
            let values = self.losses(&picture, style, Some(&content), config, &mut gradient);
            range(&picture, 3.0, &mut gradient);
            if config.total_variation > 0.0 {
                total_variation(&picture, config.total_variation, &mut gradient);
            }
            let part = step as f32 / config.steps as f32;
            let rate = config.rate * 0.5 * (1.0 + (std::f32::consts::PI * part).cos());
            adam.step(picture.data_mut(), gradient.data(), rate);
            on_step(step, values);
        }
        picture.data_mut().iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
        picture
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{centre_square, drawn};

    #[test]
    fn a_faded_painting_gets_its_contrast_back() {
        let mut critic = Critic::new(&LossNetwork::random(1)).unwrap();
        let painting = centre_square(&drawn::paintings(1)[0], 48);
        let faded = Tensor::new(painting.shape(), painting.data().iter().map(|v| 0.6 * v + 0.2).collect());
        let style = critic.style_of(&painting);
        let mut seen = vec![];
        let config = DescentConfig { steps: 40, ..DescentConfig::default() };
        let picture =
            critic.descend(faded, &painting, &style, &config, &mut |_, values| seen.push(values[0]));
        assert!(seen[0] > 0.02 && seen[39] < 0.7 * seen[0], "{} to {}", seen[0], seen[39]);
        assert!(picture.data().iter().all(|v| (0.0..=1.0).contains(v)));
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let loss = LossNetwork::random(2);
        let mut critic = Critic::with(crate::walk::Plain, &loss).unwrap();
        let (photo, painting) = (&drawn::photos(2)[1], &drawn::paintings(2)[1]);
        let [photo, painting] = [photo, painting].map(|image| centre_square(image, 24));
        let (style, content) = (critic.style_of(&painting), critic.content_of(&photo));
        let start = Tensor::new(photo.shape(), photo.data().iter().map(|v| 0.8 * v + 0.1).collect());
        let config = DescentConfig { style: 0.0, instance_content: 1.0, ..DescentConfig::default() };
        let mut gradient = Tensor::zeros(start.shape());
        critic.losses(&start, &style, Some(&content), &config, &mut gradient);
        // Along the gradient itself, so that rounding does not hide the slope.
        let length = gradient.data().iter().map(|g| g * g).sum::<f32>().sqrt();
        let mut value = |by: f32| {
            let moved = start.data().iter().zip(gradient.data()).map(|(v, g)| v + by * g / length).collect();
            let moved = Tensor::new(start.shape(), moved);
            critic.losses(&moved, &style, Some(&content), &config, &mut Tensor::zeros(start.shape()))[1]
        };
        // Small steps: a channel that is nearly flat is divided by little, and bends soon.
        let slope = (value(5e-4) - value(-5e-4)) / 1e-3;
        assert!((slope - length).abs() < 0.1 * length, "{slope} and {length}");
    }
}
