//! A table as the trainer walks it.

use impasto_core::network::{Network, NodeId, Op, Padding, TableError};

/// Why the trainer cannot walk a table that engines can.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProgramError {
    /// The table is unsound.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A kind of layer that has no gradient here.
    #[error("layer `{layer}` cannot be trained: {what}")]
    Layer {
        /// The layer's name.
        layer: String,
        /// Which part of it is not supported.
        what: String,
    },
}

/// A convolution's numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conv {
    pub input: NodeId,
    pub inputs: usize,
    pub outputs: usize,
    pub kernel: usize,
    pub stride: usize,
    pub padding: Padding,
}

/// A table, and what walking it needs to know beforehand.
#[derive(Clone, Debug)]
pub struct Program {
    /// The table.
    pub network: Network,
    /// Nodes that are vectors by origin (statistics and what is made from them alone): kept in `f32`.
    pub(super) vector: Vec<bool>,
    /// For a convolution, the ReLU that alone reads it: the convolution then writes there at once.
    pub(super) relu_of: Vec<Option<NodeId>>,
    /// For a ReLU, the convolution that writes it.
    pub(super) conv_of: Vec<Option<NodeId>>,
    pub(super) convs: Vec<Option<Conv>>,
    /// For a noise layer, its channels and planes.
    pub(super) noises: Vec<Option<(usize, usize)>>,
}

impl Program {
    /// Checks and prepares a table.
    pub fn new(network: &Network) -> Result<Self, ProgramError> {
        network.check()?;
        let shapes = network.shapes(64, 64)?;
        let count = network.nodes.len();
        let mut vector = vec![false; count];
        let mut convs = vec![None; count];
        let mut noises = vec![None; count];
        for (id, node) in network.nodes.iter().enumerate() {
            let inputs = node.op.inputs();
            let from_vectors = !inputs.is_empty() && inputs.iter().all(|&i| vector[i]);
            vector[id] = matches!(node.op, Op::MeanStd { .. }) || from_vectors;
            let refuse = |what: &str| ProgramError::Layer { layer: node.name.clone(), what: what.into() };
            if vector[id] && !makes_vectors(&node.op) {
                return Err(refuse("it works on a vector"));
            }
            if let Op::Conv { input, out_channels, kernel, stride, groups, padding } = node.op {
                if !(kernel == 1 || kernel == 3) || groups != 1 || stride > 2 || (kernel == 1 && stride > 1) {
                    return Err(refuse("only dense 3x3 of stride 1 or 2, and 1x1 of stride 1"));
                }
                if vector[id] && kernel != 1 {
                    return Err(refuse("a convolution of a vector must be 1x1"));
                }
                let inputs = shapes[input].channels;
                convs[id] = Some(Conv { input, inputs, outputs: out_channels, kernel, stride, padding });
            }
            if let Op::Noise { input, grains, .. } = &node.op {
                noises[id] = Some((shapes[*input].channels, grains.len()));
            }
            let mixed = inputs.iter().any(|&i| vector[i]) && !from_vectors;
            if mixed {
                return Err(refuse("it joins a vector and a map"));
            }
        }
        let (mut relu_of, mut conv_of) = (vec![None; count], vec![None; count]);
        for (id, readers) in network.readers().into_iter().enumerate() {
            if let ([reader], true) = (readers.as_slice(), convs[id].is_some() && !vector[id])
                && matches!(network.nodes[*reader].op, Op::Relu { .. })
            {
                relu_of[id] = Some(*reader);
                conv_of[*reader] = Some(id);
            }
        }
        Ok(Self { network: network.clone(), vector, relu_of, conv_of, convs, noises })
    }

    /// Nodes whose gradient is wanted: those behind which there is the `picture`, or one of the `weights` or of the `style`'s sites.
    pub(crate) fn needed(&self, picture: bool, weights: bool, style: bool) -> Vec<bool> {
        let mut needed = vec![false; self.network.nodes.len()];
        needed[0] = picture;
        for (id, node) in self.network.nodes.iter().enumerate().skip(1) {
            let op = &node.op;
            let own = (op.has_weights() && weights) || (op.site().is_some() && style);
            needed[id] = own || op.inputs().iter().any(|&i| needed[i]);
        }
        needed
    }

    /// For a convolution, the ReLU that alone reads it.
    #[cfg(feature = "gpu")]
    pub(crate) fn relu_of(&self, id: NodeId) -> Option<NodeId> {
        self.relu_of[id]
    }

    /// For a ReLU, the convolution that it alone reads.
    #[cfg(feature = "gpu")]
    pub(crate) fn conv_of(&self, id: NodeId) -> Option<NodeId> {
        self.conv_of[id]
    }

    /// Whether node `id` is a ReLU, whose gradient may be gated by whoever writes it.
    pub(crate) fn is_relu(&self, id: NodeId) -> bool {
        matches!(self.network.nodes[id].op, Op::Relu { .. })
    }
}

/// Whether a kind of layer can make a vector: of a map, or of vectors alone.
fn makes_vectors(op: &Op) -> bool {
    match op {
        Op::Conv { .. }
        | Op::Relu { .. }
        | Op::Add { .. }
        | Op::MeanStd { .. }
        | Op::Concat { .. }
        | Op::Scale { .. } => true,
        Op::Input { .. }
        | Op::MaxPool2 { .. }
        | Op::AvgPool2 { .. }
        | Op::Upsample2 { .. }
        | Op::AdaIn { .. }
        | Op::Modulate { .. }
        | Op::Noise { .. } => false,
    }
}
