//! Writes tables of layers.

use super::{Network, Node, NodeId, Op, Padding, Site, SiteKind};
use crate::noise;

/// Adds rows to a table one by one; each method returns the new node.
///
/// ```
/// use impasto_core::{NetworkBuilder, Padding};
/// let mut b = NetworkBuilder::new("edges");
/// let picture = b.input(3);
/// let conv = b.conv("conv", picture, 3, 3, 1, Padding::Reflect);
/// b.relu(conv);
/// let network = b.finish();
/// assert_eq!(network.nodes.len(), 3);
/// ```
pub struct NetworkBuilder {
    network: Network,
}

impl NetworkBuilder {
    /// An empty table.
    pub fn new(name: &str) -> Self {
        let network = Network { name: name.into(), multiple: 1, crop: false, sites: vec![], nodes: vec![] };
        Self { network }
    }

    /// Extends pictures to a multiple of `px` and crops the output back to the picture's size.
    pub fn fit_picture(mut self, multiple_px: usize) -> Self {
        self.network.multiple = multiple_px;
        self.network.crop = true;
        self
    }

    /// Adds any row.
    pub fn push(&mut self, name: &str, op: Op) -> NodeId {
        self.network.nodes.push(Node { name: name.into(), op });
        self.network.nodes.len() - 1
    }

    fn push_numbered(&mut self, kind: &str, op: Op) -> NodeId {
        let name = format!("{kind}_{}", self.network.nodes.len());
        self.push(&name, op)
    }

    fn site(&mut self, name: &str, channels: usize, kind: SiteKind) -> usize {
        self.network.sites.push(Site { name: name.into(), channels, kind });
        self.network.sites.len() - 1
    }

    /// The picture.
    pub fn input(&mut self, channels: usize) -> NodeId {
        self.push("input", Op::Input { channels })
    }

    /// A dense convolution.
    pub fn conv(
        &mut self,
        name: &str,
        input: NodeId,
        out_channels: usize,
        kernel: usize,
        stride: usize,
        padding: Padding,
    ) -> NodeId {
        self.push(name, Op::Conv { input, out_channels, kernel, stride, groups: 1, padding })
    }

    /// ReLU.
    pub fn relu(&mut self, input: NodeId) -> NodeId {
        self.push_numbered("relu", Op::Relu { input })
    }

    /// 2x2 max pool.
    pub fn max_pool2(&mut self, input: NodeId) -> NodeId {
        self.push_numbered("pool", Op::MaxPool2 { input })
    }

    /// 2x2 average pool.
    pub fn avg_pool2(&mut self, input: NodeId) -> NodeId {
        self.push_numbered("pool", Op::AvgPool2 { input })
    }

    /// Nearest upsampling by 2.
    pub fn upsample2(&mut self, input: NodeId) -> NodeId {
        self.push_numbered("up", Op::Upsample2 { input })
    }

    /// A sum.
    pub fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.push_numbered("add", Op::Add { a, b })
    }

    /// An AdaIN site named `name` over `channels`, with the content's biased variance.
    pub fn adain(&mut self, name: &str, input: NodeId, channels: usize, eps: f32) -> NodeId {
        let site = self.site(name, channels, SiteKind::AdaIn);
        self.push(name, Op::AdaIn { input, site, eps, unbiased: false })
    }

    /// An AdaIN site with the content's unbiased variance.
    pub fn adain_unbiased(&mut self, name: &str, input: NodeId, channels: usize, eps: f32) -> NodeId {
        let site = self.site(name, channels, SiteKind::AdaIn);
        self.push(name, Op::AdaIn { input, site, eps, unbiased: true })
    }

    /// A gain and bias chosen by the style.
    pub fn modulate(&mut self, name: &str, input: NodeId, channels: usize) -> NodeId {
        let site = self.site(name, channels, SiteKind::Modulate);
        self.push(name, Op::Modulate { input, site })
    }

    /// The noise field over `channels` at 1/`stride` of the picture, with one plane for each of `grains`.
    pub fn noise(
        &mut self,
        name: &str,
        input: NodeId,
        channels: usize,
        stride: usize,
        grains: &[usize],
    ) -> NodeId {
        let site = self.site(name, channels, SiteKind::Noise);
        let (grains, version) = (grains.to_vec(), noise::VERSION);
        self.push(name, Op::Noise { input, site, stride, grains, version })
    }

    /// Mean and standard deviation.
    pub fn mean_std(&mut self, input: NodeId, eps: f32, unbiased: bool) -> NodeId {
        self.push_numbered("stats", Op::MeanStd { input, eps, unbiased })
    }

    /// Channels one after another.
    pub fn concat(&mut self, inputs: &[NodeId]) -> NodeId {
        self.push_numbered("concat", Op::Concat { inputs: inputs.to_vec() })
    }

    /// `mul * x + add`.
    pub fn scale(&mut self, input: NodeId, mul: f32, add: f32) -> NodeId {
        self.push_numbered("scale", Op::Scale { input, mul, add })
    }

    /// The table; [`Network::check`] tells whether it is sound.
    pub fn finish(self) -> Network {
        self.network
    }
}
