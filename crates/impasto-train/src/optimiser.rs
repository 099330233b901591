//! Adam, clipping, and the average of the weights over time.

/// Adam (Kingma and Ba 2015) with decoupled decay (Loshchilov and Hutter 2019); epsilon is added outside the root.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam {
    /// First moments.
    pub first: Vec<f32>,
    /// Second moments.
    pub second: Vec<f32>,
    /// Steps taken.
    pub steps: u64,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Fraction of the rate by which weights shrink each step; 0 is Adam.
    pub decay: f32,
}

/// Added to the root of the second moment.
const EPSILON: f32 = 1e-8;

impl Adam {
    /// For `count` values; betas 0.9 and 0.99, no decay.
    pub fn new(count: usize) -> Self {
        Self {
            first: vec![0.0; count],
            second: vec![0.0; count],
            steps: 0,
            beta1: 0.9,
            beta2: 0.99,
            decay: 0.0,
        }
    }

    /// One step of `values` against `gradient`.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn step(&mut self, values: &mut [f32], gradient: &[f32], rate: f32) {
        assert!(values.len() == gradient.len() && values.len() == self.first.len());
        self.steps += 1;
        let steps = self.steps.min(1 << 20) as i32;
        let correct1 = 1.0 - f64::from(self.beta1).powi(steps);
        let correct2 = (1.0 - f64::from(self.beta2).powi(steps)).sqrt();
        let (size, root) = ((f64::from(rate) / correct1) as f32, correct2 as f32);
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((value, &g), (m, v)) in values.iter_mut().zip(gradient).zip(moments) {
            *value -= rate * self.decay * *value;
            *m += (1.0 - self.beta1) * (g - *m);
            *v += (1.0 - self.beta2) * (g * g - *v);
            *value -= size * *m / (v.sqrt() / root + EPSILON);
        }
    }
}

/// The length of a gradient.
pub fn norm(gradient: &[f32]) -> f32 {
    gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt() as f32
}

/// Scales a gradient of length `norm` to at most `limit`.
pub fn clip(gradient: &mut [f32], norm: f32, limit: f32) {
    let scale = limit / (norm + 1e-6);
    if scale < 1.0 {
        gradient.iter_mut().for_each(|g| *g *= scale);
    }
}

/// Moves `average` towards `values`: `average = keep * average + (1 - keep) * values`, with a smaller `keep` in the first steps.
pub fn average(average: &mut [f32], values: &[f32], keep: f32, step: u64) {
    let early = (step + 1) as f32 / (step + 10) as f32;
    let keep = keep.min(early);
    average.iter_mut().zip(values).for_each(|(a, v)| *a += (1.0 - keep) * (v - *a));
}
