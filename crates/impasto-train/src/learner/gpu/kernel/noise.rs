//! The noise field, and the gradient through it.

use super::{Kit, each, over};
use crate::learner::gpu::Fault;
use crate::learner::gpu::room::Room;
use crate::walk::Layer;
use impasto_gpu::compute::wgpu::Buffer;
use impasto_gpu::compute::{Launch, Params, Source};

/// Sizes and bindings that the kernels of both passes share.
const SITE: &str = include_str!("noise_site.wgsl");

/// The state of a noise layer, for both passes.
#[derive(Clone, Copy)]
pub(in crate::learner::gpu) struct Noise<'a> {
    /// `[samples][area][MAX_PLANES]`.
    pub cells: &'a Buffer,
    pub layer: &'a Layer,
    /// The flat vector of values in which the layer stands.
    pub values: &'a Buffer,
    pub style: &'a Buffer,
    /// The length of a style vector, and where the site's part begins.
    pub place: (usize, usize),
}

impl Noise<'_> {
    fn params(&self, first: usize, x: &Room) -> Params {
        let (len, start) = self.place;
        Params::new([first, x.shape.area(), x.shape.channels, len, start, self.layer.start])
    }

    fn planes(&self) -> u32 {
        self.layer.inputs as u32
    }
}

impl Kit<'_> {
    /// `y = x + noise`.
    pub fn noise(&self, noise: Noise, x: &Room, y: &Room) -> Result<Launch, Fault> {
        let source = Source::new("noise", include_str!("noise.wgsl"), false)
            .with("PLANES", noise.planes())
            .after(SITE);
        let read = [&x.buffer, noise.cells, noise.values, noise.style];
        self.launch(&source, &noise.params(y.len(), x), &read, &[&y.buffer], over(y.len()))
    }

    /// Adds the gradient to a noise layer's part of the style; gives each sample's gradient to the weights,
    /// `[samples][channels][planes]`, in `products`.
    pub fn noise_back(
        &self,
        noise: Noise,
        dy: &Room,
        to_style: &Buffer,
        products: &Buffer,
    ) -> Result<Launch, Fault> {
        let source = Self::reducing("noise_back", include_str!("noise_back.wgsl"))
            .with("PLANES", noise.planes())
            .after(SITE);
        let read = [&dy.buffer, noise.cells, noise.values, noise.style];
        let groups = [dy.shape.channels, dy.samples, 1];
        self.launch(&source, &noise.params(dy.len(), dy), &read, &[to_style, products], groups)
    }

    /// Adds the samples' gradients to a layer's weights to the flat vector of all gradients.
    pub fn noise_sum(
        &self,
        layer: &Layer,
        samples: usize,
        products: &Buffer,
        flat: &Buffer,
    ) -> Result<Launch, Fault> {
        let source = Source::new("noise_sum", include_str!("noise_sum.wgsl"), false);
        let params = Params::new([layer.weight_len(), samples, layer.start]);
        self.launch(&source, &params, &[products], &[flat], each(layer.weight_len()))
    }
}
