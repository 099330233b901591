//! One model at one size, ready to paint.

use impasto_core::{Conditions, Engine, EngineError, Model, Plan, Tensor};

/// A model's painter and style encoder, prepared.
pub struct Painter {
    plan: Box<dyn Plan>,
    encoder: Box<dyn Plan>,
    code: Tensor,
    painted: Tensor,
}

impl Painter {
    /// For photos `[3, height, width]`, and for paintings `[3, side, side]` of the shorter side.
    pub fn new(
        engine: &dyn Engine,
        model: &Model,
        (width, height): (usize, usize),
    ) -> Result<Self, EngineError> {
        let plan = engine.prepare(&model.painter, &model.weights, height, width)?;
        let side = width.min(height);
        let encoder = engine.prepare(&model.encoder, &model.weights, side, side)?;
        let (code, painted) = (Tensor::zeros(encoder.output_shape()), Tensor::zeros(plan.output_shape()));
        Ok(Self { plan, encoder, code, painted })
    }

    /// The style vector of a painting.
    pub fn encode(&mut self, painting: &Tensor) -> Result<Vec<f32>, EngineError> {
        self.encoder.run(painting, &Conditions::NONE, &mut self.code)?;
        Ok(self.code.data().to_vec())
    }

    /// The photo, painted at full strength and clamped to `0..1`.
    pub fn paint(&mut self, photo: &Tensor, style: &[f32]) -> Result<Tensor, EngineError> {
        self.run(photo, style)?;
        let clamped = self.painted.data().iter().map(|v| v.clamp(0.0, 1.0)).collect();
        Ok(Tensor::new(self.painted.shape(), clamped))
    }

    /// Paints and keeps the result inside, for timing.
    pub fn run(&mut self, photo: &Tensor, style: &[f32]) -> Result<(), EngineError> {
        self.plan.run(photo, &Conditions::new(style), &mut self.painted)
    }
}
