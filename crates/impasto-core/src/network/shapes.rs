//! Is a table sound, and which shape does each of its rows have?

use super::{Network, Node, NodeId, Op, Site};
use crate::noise;
use crate::tensor::Shape;
use crate::weights::Weights;
use std::collections::HashSet;

/// No side of a feature map and no channel count may pass this, so that products fit in `usize`.
const LIMIT: usize = 1 << 20;

/// Faults of a table of layers.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TableError {
    /// No rows, or the first is not the picture.
    #[error("network `{0}`: the first layer must be the input, and the only one of its kind")]
    Input(String),
    /// A row reads itself or a later row.
    #[error("layer `{layer}` reads layer {input}, which is not an earlier one")]
    Order {
        /// The layer's name.
        layer: String,
        /// The node it asks to read.
        input: NodeId,
    },
    /// Two rows or two sites of one name.
    #[error("the name `{0}` is used twice")]
    Name(String),
    /// A number out of range.
    #[error("layer `{layer}`: {what}")]
    Layer {
        /// The layer's name.
        layer: String,
        /// The fault.
        what: String,
    },
    /// A style vector of another length.
    #[error("network `{network}` takes a style vector of {expected} values, found {found}")]
    StyleLength {
        /// The network's name.
        network: String,
        /// Length that its sites need.
        expected: usize,
        /// Length given.
        found: usize,
    },
}

fn layer_error(layer: &str, what: impl Into<String>) -> TableError {
    TableError::Layer { layer: layer.into(), what: what.into() }
}

impl Network {
    /// Tells whether the table is sound: order, names, sites, and shapes for a small picture.
    pub fn check(&self) -> Result<(), TableError> {
        if self.multiple == 0 || self.multiple > LIMIT {
            return Err(layer_error(&self.name, "`multiple` must be between 1 and 1048576"));
        }
        if !matches!(self.nodes.first().map(|n| &n.op), Some(Op::Input { .. })) {
            return Err(TableError::Input(self.name.clone()));
        }
        let mut names = HashSet::new();
        for name in self.nodes.iter().map(|n| &n.name) {
            if !names.insert(name) {
                return Err(TableError::Name(name.clone()));
            }
        }
        self.check_sites()?;
        self.shapes(64, 64).map(|_| ())
    }

    fn check_sites(&self) -> Result<(), TableError> {
        let mut used = vec![false; self.sites.len()];
        for node in &self.nodes {
            let Some((site, kind)) = node.op.site() else { continue };
            let known = self
                .sites
                .get(site)
                .ok_or_else(|| layer_error(&node.name, format!("there is no site {site}")))?;
            if known.kind != kind || std::mem::replace(&mut used[site], true) {
                return Err(layer_error(
                    &node.name,
                    format!("site `{}` is of another kind, or used twice", known.name),
                ));
            }
        }
        match used.iter().position(|&used| !used) {
            Some(site) => Err(layer_error(&self.sites[site].name, "no layer uses this site")),
            None => Ok(()),
        }
    }

    /// The shape of every node for a picture of `height` x `width` px, which is first extended to
    /// [`Network::multiple`]. The output is not yet cropped.
    pub fn shapes(&self, height: usize, width: usize) -> Result<Vec<Shape>, TableError> {
        if height == 0 || width == 0 || height > LIMIT || width > LIMIT {
            return Err(layer_error(&self.name, format!("cannot take a picture of {width}x{height} px")));
        }
        let (height, width) = (height.next_multiple_of(self.multiple), width.next_multiple_of(self.multiple));
        let mut shapes: Vec<Shape> = Vec::with_capacity(self.nodes.len());
        for (id, node) in self.nodes.iter().enumerate() {
            for input in node.op.inputs() {
                if input >= id {
                    return Err(TableError::Order { layer: node.name.clone(), input });
                }
            }
            if id > 0 && matches!(node.op, Op::Input { .. }) {
                return Err(TableError::Input(self.name.clone()));
            }
            let shape = self
                .shape_of(&node.op, &shapes, height, width)
                .map_err(|what| layer_error(&node.name, what))?;
            if [shape.channels, shape.height, shape.width].iter().any(|&n| n == 0 || n > LIMIT) {
                return Err(layer_error(&node.name, format!("makes a tensor of shape {shape}")));
            }
            shapes.push(shape);
        }
        Ok(shapes)
    }

    fn shape_of(&self, op: &Op, shapes: &[Shape], height: usize, width: usize) -> Result<Shape, String> {
        let halved = |s: Shape| Shape::new(s.channels, s.height.div_ceil(2), s.width.div_ceil(2));
        Ok(match op {
            Op::Input { channels } => Shape::new(*channels, height, width),
            Op::Conv { input, out_channels, kernel, stride, groups, .. } => {
                conv_shape(shapes[*input], *out_channels, *kernel, *stride, *groups)?
            }
            Op::Relu { input } | Op::Scale { input, .. } => shapes[*input],
            Op::MaxPool2 { input } | Op::AvgPool2 { input } => halved(shapes[*input]),
            Op::Upsample2 { input } => {
                let s = shapes[*input];
                Shape::new(s.channels, 2 * s.height, 2 * s.width)
            }
            Op::Add { a, b } if shapes[*a] == shapes[*b] => shapes[*a],
            Op::Add { a, b } => return Err(format!("cannot add {} and {}", shapes[*a], shapes[*b])),
            Op::AdaIn { input, site, .. } | Op::Modulate { input, site } => {
                site_shape(self.sites.get(*site), shapes[*input])?
            }
            Op::Noise { input, site, stride, grains, version } => {
                let shape = site_shape(self.sites.get(*site), shapes[*input])?;
                check_noise(*stride, grains, *version)?;
                if (shape.height * stride, shape.width * stride) != (height, width) {
                    return Err(format!(
                        "its input {shape} is not 1/{stride} of a picture of {width}x{height} px"
                    ));
                }
                shape
            }
            Op::MeanStd { input, .. } => Shape::new(2 * shapes[*input].channels, 1, 1),
            Op::Concat { inputs } => concat_shape(&inputs.iter().map(|&i| shapes[i]).collect::<Vec<_>>())?,
        })
    }

    /// The output's shape for a picture of `height` x `width` px, cropped as the table says.
    pub fn output_shape(&self, height: usize, width: usize) -> Result<Shape, TableError> {
        let shape = self.shapes(height, width)?[self.output()];
        Ok(if self.crop {
            Shape::new(shape.channels, height.min(shape.height), width.min(shape.width))
        } else {
            shape
        })
    }

    /// Names and shapes of the weights that the table needs, in its order.
    pub fn weight_shapes(&self) -> Result<Vec<(String, Vec<usize>)>, TableError> {
        let shapes = self.shapes(64, 64)?;
        let mut needed = Vec::new();
        for node in &self.nodes {
            let channels = node.op.inputs().first().map_or(0, |&input| shapes[input].channels);
            let parts = node.op.weights(channels).into_iter();
            needed.extend(parts.map(|(part, shape)| (format!("{}.{part}", node.name), shape)));
        }
        Ok(needed)
    }

    /// Tells whether `weights` has everything that the table needs, in the right shapes and finite.
    pub fn check_weights(&self, weights: &Weights) -> Result<(), crate::weights::WeightsError> {
        for (name, shape) in
            self.weight_shapes().map_err(|e| crate::weights::WeightsError::Table(e.to_string()))?
        {
            weights.expect(&name, &shape)?;
        }
        Ok(())
    }

    /// Multiply-accumulates of all convolutions for one picture of `height` x `width` px.
    pub fn macs(&self, height: usize, width: usize) -> Result<u64, TableError> {
        let shapes = self.shapes(height, width)?;
        let of_node = |(node, out): (&Node, &Shape)| match node.op {
            Op::Conv { input, kernel, groups, .. } => {
                (out.len() * (shapes[input].channels / groups) * kernel * kernel) as u64
            }
            Op::Input { .. }
            | Op::Relu { .. }
            | Op::MaxPool2 { .. }
            | Op::AvgPool2 { .. }
            | Op::Upsample2 { .. }
            | Op::Add { .. }
            | Op::AdaIn { .. }
            | Op::Modulate { .. }
            | Op::Noise { .. }
            | Op::MeanStd { .. }
            | Op::Concat { .. }
            | Op::Scale { .. } => 0,
        };
        Ok(self.nodes.iter().zip(&shapes).map(of_node).sum())
    }
}

fn site_shape(site: Option<&Site>, input: Shape) -> Result<Shape, String> {
    let site = site.ok_or("there is no such site")?;
    if input.channels != site.channels {
        return Err(format!("site `{}` has {} channels, its input {input}", site.name, site.channels));
    }
    Ok(input)
}

fn check_noise(stride: usize, grains: &[usize], version: u32) -> Result<(), String> {
    if version != noise::VERSION {
        return Err(format!(
            "its noise field has version {version}, and this program makes version {}; use another Impasto or another model",
            noise::VERSION
        ));
    }
    if !(1..=noise::MAX_PLANES).contains(&grains.len()) {
        return Err(format!("a field has 1 to {} planes, found {}", noise::MAX_PLANES, grains.len()));
    }
    if let Some(grain) = grains.iter().find(|grain| !(1..=noise::MAX_GRAIN).contains(*grain)) {
        return Err(format!("the grain of a plane is 1 to {} cells, found {grain}", noise::MAX_GRAIN));
    }
    if !(1..=64).contains(&stride) {
        return Err(format!("the stride must be between 1 and 64, found {stride}"));
    }
    Ok(())
}

fn conv_shape(
    input: Shape,
    out_channels: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
) -> Result<Shape, String> {
    if kernel.is_multiple_of(2) || kernel > 31 {
        return Err(format!("the kernel must be odd and at most 31, found {kernel}"));
    }
    if stride == 0 || stride > 8 {
        return Err(format!("the stride must be between 1 and 8, found {stride}"));
    }
    if groups == 0 || !input.channels.is_multiple_of(groups) || !out_channels.is_multiple_of(groups) {
        return Err(format!("{groups} groups do not divide {} and {out_channels} channels", input.channels));
    }
    Ok(Shape::new(out_channels, input.height.div_ceil(stride), input.width.div_ceil(stride)))
}

fn concat_shape(inputs: &[Shape]) -> Result<Shape, String> {
    let first = inputs.first().ok_or("nothing to concatenate")?;
    if let Some(other) = inputs.iter().find(|s| (s.height, s.width) != (first.height, first.width)) {
        return Err(format!("cannot concatenate {first} and {other}"));
    }
    Ok(Shape::new(inputs.iter().map(|s| s.channels).sum(), first.height, first.width))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{NetworkBuilder, Padding};

    fn table() -> NetworkBuilder {
        let mut b = NetworkBuilder::new("t").fit_picture(4);
        let x = b.input(3);
        let x = b.conv("a", x, 8, 3, 2, Padding::Zero);
        let x = b.adain("s", x, 8, 1e-5);
        b.upsample2(x);
        b
    }

    #[test]
    fn shapes_follow_the_table() {
        let network = table().finish();
        network.check().unwrap();
        assert_eq!(network.shapes(5, 9).unwrap()[1], Shape::new(8, 4, 6));
        assert_eq!(network.output_shape(5, 9).unwrap(), Shape::new(8, 5, 9));
        assert_eq!(network.macs(8, 8).unwrap(), 8 * 4 * 4 * 27);
        assert_eq!(network.style_len(), 16);
    }

    #[test]
    fn unsound_tables_are_refused() {
        let mut forward = table().finish();
        forward.nodes[2].op = Op::Relu { input: 3 };
        assert!(matches!(forward.shapes(8, 8), Err(TableError::Order { .. })));

        let mut twice = table().finish();
        twice.nodes[3].name = "a".into();
        assert_eq!(twice.check(), Err(TableError::Name("a".into())));

        let mut unused = table().finish();
        unused.nodes[2].op = Op::Relu { input: 1 };
        assert!(unused.check().is_err());

        let mut even = table().finish();
        even.nodes[1].op =
            Op::Conv { input: 0, out_channels: 8, kernel: 2, stride: 1, groups: 1, padding: Padding::Zero };
        assert!(even.check().is_err());
        assert!(Network { nodes: vec![], sites: vec![], ..table().finish() }.check().is_err());
    }

    #[test]
    fn padding_finds_its_source() {
        assert_eq!(Padding::Reflect.source(-1, 4), Some(1));
        assert_eq!(Padding::Reflect.source(4, 4), Some(2));
        assert_eq!(Padding::Reflect.source(-4, 2), Some(0));
        assert_eq!(Padding::Reflect.source(-1, 1), Some(0));
        assert_eq!(Padding::Replicate.source(-7, 4), Some(0));
        assert_eq!(Padding::Replicate.source(9, 4), Some(3));
        assert_eq!(Padding::Zero.source(-1, 4), None);
    }
}
