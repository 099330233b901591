//! The network as data: a table of layers that every engine, the trainer and the exporters walk.
//!
//! Nodes are in order: a node reads only earlier nodes, and the last one is the output. A layer's
//! weights are found by its name: `NAME.weight` of shape `[out, in / groups, kernel, kernel]` and
//! `NAME.bias` of shape `[out]`. A fully connected layer is a 1x1 convolution of a `[C, 1, 1]` tensor.

mod builder;
mod shapes;

pub use builder::NetworkBuilder;
pub use shapes::TableError;

use serde::{Deserialize, Serialize};

/// Position of a node in [`Network::nodes`].
pub type NodeId = usize;

/// Values outside the picture under a convolution; `(kernel - 1) / 2` positions on each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Zeros.
    Zero,
    /// Mirrored without repeating the edge: `c b | a b c`. A side shorter than the padding
    /// needs is mirrored as often as it takes; a side of 1 repeats its only position.
    Reflect,
    /// The edge repeated: `a a | a b c`.
    Replicate,
}

impl Padding {
    /// The position inside `0..len` that stands at `at`, or `None` for a zero.
    pub fn source(self, at: isize, len: usize) -> Option<usize> {
        let last = len as isize - 1;
        match self {
            Padding::Zero => (0..=last).contains(&at).then_some(at as usize),
            Padding::Replicate => Some(at.clamp(0, last) as usize),
            Padding::Reflect if last == 0 => Some(0),
            Padding::Reflect => {
                let at = at.rem_euclid(2 * last);
                Some(at.min(2 * last - at) as usize)
            }
        }
    }
}

/// Effect of a style at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteKind {
    /// Channels take the style's mean and standard deviation: the vector holds `mean[C]`, `std[C]`.
    AdaIn,
    /// A gain and bias without statistics: the vector holds `bias[C]`, `gain[C]`.
    Modulate,
    /// Amount of the noise field that is added: the vector holds `gain[C]`.
    Noise,
}

/// A place where a style enters. Its part of the style vector is [`Site::len`] long; the parts
/// follow each other in the order of [`Network::sites`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Name, unique in the table.
    pub name: String,
    /// Channels of the features there.
    pub channels: usize,
    /// The way the style enters.
    pub kind: SiteKind,
}

impl Site {
    /// Numbers of the style vector that belong to it.
    #[expect(clippy::len_without_is_empty, reason = "a site has at least one channel")]
    pub fn len(&self) -> usize {
        match self.kind {
            SiteKind::AdaIn | SiteKind::Modulate => 2 * self.channels,
            SiteKind::Noise => self.channels,
        }
    }
}

/// One operation. `[C, H, W]` are the channels, height and width of its input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Op {
    /// The picture: `[channels, H, W]`, RGB in `0..1` when there are three. Node 0, and only there.
    Input {
        /// Channels of the input.
        channels: usize,
    },
    /// Convolution with bias, to `[out_channels, ceil(H / stride), ceil(W / stride)]`; as in PyTorch a
    /// cross-correlation. The window at output `o` is centred on input position `o * stride`.
    Conv {
        /// The node that it reads.
        input: NodeId,
        /// Channels it makes.
        out_channels: usize,
        /// Side of the window, odd.
        kernel: usize,
        /// Step between windows.
        stride: usize,
        /// Groups of channels that do not see each other; divides both channel counts.
        groups: usize,
        /// Values outside the picture.
        padding: Padding,
    },
    /// `max(x, 0)`.
    Relu {
        /// The node that it reads.
        input: NodeId,
    },
    /// Maximum of 2x2 windows, step 2, to `[C, ceil(H / 2), ceil(W / 2)]`; windows over the edge take what there is.
    MaxPool2 {
        /// The node that it reads.
        input: NodeId,
    },
    /// Mean of 2x2 windows, step 2, to `[C, ceil(H / 2), ceil(W / 2)]`; windows over the edge take the mean of what there is.
    AvgPool2 {
        /// The node that it reads.
        input: NodeId,
    },
    /// Nearest-neighbour upsampling to `[C, 2 H, 2 W]`.
    Upsample2 {
        /// The node that it reads.
        input: NodeId,
    },
    /// `a + b`, of one shape.
    Add {
        /// First summand.
        a: NodeId,
        /// Second summand.
        b: NodeId,
    },
    /// Adaptive instance normalisation (Huang and Belongie 2017, eq. 8):
    /// `y = style_std * (x - mean(x)) / sqrt(var(x) + eps) + style_mean`, per channel.
    AdaIn {
        /// The node that it reads.
        input: NodeId,
        /// Index into [`Network::sites`]; a site is used once.
        site: usize,
        /// Added to the content's variance.
        eps: f32,
        /// Whether the content's variance is divided by `n - 1` (of one position it is 0) or by `n`.
        unbiased: bool,
    },
    /// `y = gain * x + bias`, gain and bias from the style, per channel.
    Modulate {
        /// The node that it reads.
        input: NodeId,
        /// Index into [`Network::sites`]; a site is used once.
        site: usize,
    },
    /// The noise field, see [`crate::noise`]: `y = x + amount * gain * sum of weight_k * n_k`, `gain[C]` from the style, weights
    /// `NAME.weight` of shape `[C, planes]`.
    Noise {
        /// The node that it reads.
        input: NodeId,
        /// Index into [`Network::sites`]; a site is used once.
        site: usize,
        /// Px of the (extended) picture that one position of the input stands for, along each axis.
        stride: usize,
        /// Grain of each plane in cells: 1 is white noise. One to [`crate::noise::MAX_PLANES`] planes.
        grains: Vec<usize>,
        /// Version of the field, [`crate::noise::VERSION`].
        version: u32,
    },
    /// `[mean(x)[C], sqrt(var(x) + eps)[C]]`, to `[2 C, 1, 1]`.
    MeanStd {
        /// The node that it reads.
        input: NodeId,
        /// Added to the variance.
        eps: f32,
        /// Whether the variance is divided by `n - 1` (of one position it is 0) or by `n`.
        unbiased: bool,
    },
    /// Channels one after another; inputs of one height and width.
    Concat {
        /// The node that it reads.
        inputs: Vec<NodeId>,
    },
    /// `mul * x + add`.
    Scale {
        /// The node that it reads.
        input: NodeId,
        /// Factor.
        mul: f32,
        /// Summand.
        add: f32,
    },
}

impl Op {
    /// The nodes that this operation reads.
    pub fn inputs(&self) -> Vec<NodeId> {
        match self {
            Op::Input { .. } => vec![],
            Op::Conv { input, .. }
            | Op::Relu { input }
            | Op::MaxPool2 { input }
            | Op::AvgPool2 { input }
            | Op::Upsample2 { input }
            | Op::AdaIn { input, .. }
            | Op::Modulate { input, .. }
            | Op::Noise { input, .. }
            | Op::MeanStd { input, .. }
            | Op::Scale { input, .. } => vec![*input],
            Op::Add { a, b } => vec![*a, *b],
            Op::Concat { inputs } => inputs.clone(),
        }
    }

    /// The operation with `f` of every node that it reads.
    pub fn map_inputs(&self, f: impl Fn(NodeId) -> NodeId) -> Op {
        let mut op = self.clone();
        match &mut op {
            Op::Input { .. } => {}
            Op::Conv { input, .. }
            | Op::Relu { input }
            | Op::MaxPool2 { input }
            | Op::AvgPool2 { input }
            | Op::Upsample2 { input }
            | Op::AdaIn { input, .. }
            | Op::Modulate { input, .. }
            | Op::Noise { input, .. }
            | Op::MeanStd { input, .. }
            | Op::Scale { input, .. } => *input = f(*input),
            Op::Add { a, b } => (*a, *b) = (f(*a), f(*b)),
            Op::Concat { inputs } => inputs.iter_mut().for_each(|i| *i = f(*i)),
        }
        op
    }

    /// Whether the model holds weights for it.
    pub fn has_weights(&self) -> bool {
        !self.weights(1).is_empty()
    }

    /// Weights that the model holds for it: their part of the name and their shape. `channels` are those of its input.
    pub fn weights(&self, channels: usize) -> Vec<(&'static str, Vec<usize>)> {
        match self {
            &Op::Conv { out_channels, kernel, groups, .. } => {
                let weight = vec![out_channels, channels / groups, kernel, kernel];
                vec![("weight", weight), ("bias", vec![out_channels])]
            }
            Op::Noise { grains, .. } => vec![("weight", vec![channels, grains.len()])],
            Op::Input { .. }
            | Op::Relu { .. }
            | Op::MaxPool2 { .. }
            | Op::AvgPool2 { .. }
            | Op::Upsample2 { .. }
            | Op::Add { .. }
            | Op::AdaIn { .. }
            | Op::Modulate { .. }
            | Op::MeanStd { .. }
            | Op::Concat { .. }
            | Op::Scale { .. } => vec![],
        }
    }

    /// Whether every value of the result depends on the whole input, so that a part of it cannot be computed alone.
    pub fn sees_everything(&self) -> bool {
        match self {
            Op::AdaIn { .. } | Op::MeanStd { .. } => true,
            Op::Input { .. }
            | Op::Conv { .. }
            | Op::Relu { .. }
            | Op::MaxPool2 { .. }
            | Op::AvgPool2 { .. }
            | Op::Upsample2 { .. }
            | Op::Add { .. }
            | Op::Modulate { .. }
            | Op::Noise { .. }
            | Op::Concat { .. }
            | Op::Scale { .. } => false,
        }
    }

    /// The site where a style enters this operation, and its kind.
    pub fn site(&self) -> Option<(usize, SiteKind)> {
        match self {
            Op::AdaIn { site, .. } => Some((*site, SiteKind::AdaIn)),
            Op::Modulate { site, .. } => Some((*site, SiteKind::Modulate)),
            Op::Noise { site, .. } => Some((*site, SiteKind::Noise)),
            Op::Input { .. }
            | Op::Conv { .. }
            | Op::Relu { .. }
            | Op::MaxPool2 { .. }
            | Op::AvgPool2 { .. }
            | Op::Upsample2 { .. }
            | Op::Add { .. }
            | Op::MeanStd { .. }
            | Op::Concat { .. }
            | Op::Scale { .. } => None,
        }
    }
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Name, unique in the table; a convolution's weights are found by it.
    pub name: String,
    /// The operation.
    #[serde(flatten)]
    pub op: Op,
}

/// A table of layers. Made by [`NetworkBuilder`] or read from a model file; [`Network::check`] tells whether it is sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// Name for messages.
    pub name: String,
    /// Before the first layer the picture is extended at the bottom and right, by repeating its last
    /// row and column, to a multiple of this many px.
    pub multiple: usize,
    /// Whether the output is cropped, at the bottom and right, to the height and width of the picture.
    pub crop: bool,
    /// Places where the style enters.
    pub sites: Vec<Site>,
    /// The layers, in order.
    pub nodes: Vec<Node>,
}

impl Network {
    /// Length of a style vector for this network.
    pub fn style_len(&self) -> usize {
        self.sites.iter().map(Site::len).sum()
    }

    /// Range of the part of `site` in a style vector.
    ///
    /// # Panics
    /// If there is no such site.
    pub fn site_range(&self, site: usize) -> std::ops::Range<usize> {
        let start = self.sites[..site].iter().map(Site::len).sum();
        start..start + self.sites[site].len()
    }

    /// The output's position in the table.
    ///
    /// # Panics
    /// If the table is empty.
    pub fn output(&self) -> NodeId {
        self.nodes.len().checked_sub(1).expect("a network has at least one node")
    }

    /// The node of that name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().position(|node| node.name == name)
    }

    /// For each node, which nodes read it.
    pub fn readers(&self) -> Vec<Vec<NodeId>> {
        let mut readers = vec![Vec::new(); self.nodes.len()];
        for (id, node) in self.nodes.iter().enumerate() {
            for input in node.op.inputs() {
                readers[input].push(id);
            }
        }
        readers
    }

    /// As [`Network::readers`], counting only readers that the output needs.
    pub fn live_readers(&self) -> Vec<Vec<NodeId>> {
        let mut readers = vec![Vec::new(); self.nodes.len()];
        for id in (0..self.nodes.len()).rev() {
            if id == self.output() || !readers[id].is_empty() {
                for input in self.nodes[id].op.inputs() {
                    readers[input].push(id);
                }
            }
        }
        readers
    }

    /// The same table up to and with node `last`, without cropping; sites it does not reach are dropped from the end.
    ///
    /// # Panics
    /// If there is no such node.
    pub fn truncated(&self, last: NodeId) -> Network {
        let nodes = self.nodes[..=last].to_vec();
        let sites = nodes.iter().filter(|n| n.op.site().is_some()).count();
        Network {
            name: self.name.clone(),
            multiple: self.multiple,
            crop: false,
            sites: self.sites[..sites].to_vec(),
            nodes,
        }
    }
}
