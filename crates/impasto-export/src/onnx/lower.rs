//! A table of layers to a graph, row by row.

use super::field::Fields;
use super::graph::{Graph, Side, Value};
use super::proto::GraphProto;
use crate::error::ExportError;
use crate::onnx::Size;
use impasto_core::lower::{ConvWeights, Folded};
use impasto_core::network::Site;
use impasto_core::weights::Precision;
use impasto_core::{Field, Network, NodeId, Op, Padding, Shape, SiteKind};

/// Settings of a graph, beside its table and weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner<'a> {
    /// Names of input and output.
    pub input: &'a str,
    /// See `input`.
    pub output: &'a str,
    pub size: Size,
    pub precision: Precision,
    /// Leaves out the factor `sqrt((n - 1) / n)` of an unbiased variance where it changes nothing in
    /// 16 bits, so that the norm has scale 1 and bias 0.
    pub plain_norms: bool,
    /// Positions cut off each side of what the last row makes, at a fixed size.
    pub rim: usize,
    /// The noise field under the input; its `strokes` are not used, since a style's gains scale it as well.
    pub field: Field,
    /// A style that is part of the graph, instead of an input.
    pub style: Option<&'a [f32]>,
}

/// From this many positions on, `1 - sqrt((n - 1) / n)` is below half a step of a 16-bit float.
const PLAIN_FROM: usize = 1024;

/// Writes a folded table as a graph with input `[1, C, H, W]`, a packed `style` `[1, n, 1, 1]` where it has
/// sites, and one output.
pub(crate) fn lowered(folded: &Folded<'_>, manner: Manner) -> Result<GraphProto, ExportError> {
    let network = &folded.network;
    network.check()?;
    let shapes = match manner.size {
        Size::Fixed { width, height } => Some(network.shapes(height, width)?),
        Size::Dynamic => None,
    };
    let graph = Graph::new(&network.name, manner.precision);
    let fields = Fields::new(network, shapes.as_deref(), manner.field);
    let mut lowering = Lowering { folded, network, manner, graph, shapes, fields, values: Vec::new() };
    for id in 0..network.nodes.len() {
        let value = lowering.row(id);
        lowering.values.push(value);
        if id == 0 {
            match manner.style {
                Some(style) => lowering.style_constants(style),
                None => lowering.style_input(),
            }
        }
    }
    lowering.output()?;
    Ok(lowering.graph.finish())
}

struct Lowering<'a> {
    folded: &'a Folded<'a>,
    network: &'a Network,
    manner: Manner<'a>,
    graph: Graph,
    /// Of every node, where the size is fixed.
    shapes: Option<Vec<Shape>>,
    fields: Fields,
    /// The value that holds each node's output.
    values: Vec<String>,
}

/// The two halves of a site's part of the style, as `Split` names them.
fn halves(site: &str) -> [String; 2] {
    [format!("style/{site}/first"), format!("style/{site}/second")]
}

/// The gains of a noise site, as `Split` names them.
fn gains(site: &str) -> String {
    format!("style/{site}/gains")
}

impl Lowering<'_> {
    /// Name and length of each part of the style, in the vector's order.
    fn style_parts(&self) -> Vec<(String, usize)> {
        let names = |site: &Site| match site.kind {
            SiteKind::AdaIn | SiteKind::Modulate => halves(&site.name).to_vec(),
            SiteKind::Noise => vec![gains(&site.name)],
        };
        self.network
            .sites
            .iter()
            .flat_map(|site| names(site).into_iter().map(|name| (name, site.channels)))
            .collect()
    }

    fn style_input(&mut self) {
        let parts = self.style_parts();
        if parts.is_empty() {
            return;
        }
        let len = self.network.style_len();
        let style = self.graph.input("style", &[Side::Is(1), Side::Is(len), Side::Is(1), Side::Is(1)]);
        let lengths: Vec<i64> = parts.iter().map(|(_, channels)| *channels as i64).collect();
        let lengths = self.graph.ints("style/parts", &lengths);
        let names: Vec<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
        self.graph.many("Split", "style/split", &[&style, &lengths], &names, &[("axis", Value::Int(1))]);
    }

    /// The parts of `style` as constants, so that the picture is the only input.
    fn style_constants(&mut self, style: &[f32]) {
        let mut rest = style;
        for (name, channels) in self.style_parts() {
            let (part, after) = rest.split_at(channels);
            self.graph.floats(&name, &[1, channels, 1, 1], part);
            rest = after;
        }
    }

    /// Adds row `id` and gives the value that holds its output.
    fn row(&mut self, id: NodeId) -> String {
        let node = &self.network.nodes[id];
        let out = format!("{}/out", node.name);
        let x = node.op.inputs().first().map(|&i| self.values[i].clone()).unwrap_or_default();
        match &node.op {
            Op::Input { channels } => self.picture(*channels),
            Op::Conv { input, out_channels, kernel, stride, groups, padding } => {
                let shape = [*out_channels, self.channels(*input) / groups, *kernel, *kernel];
                let (x, zeros) = self.padded(&node.name, &x, *input, *kernel, *padding);
                self.conv(id, &x, shape, zeros, *stride, *groups)
            }
            Op::Relu { .. } => self.graph.op("Relu", &out, &[&x], &[]),
            Op::MaxPool2 { input } => self.pooled("MaxPool", &out, &x, *input),
            // `count_include_pad` is 0 unless it is said: windows over the edge take the mean of what there is.
            Op::AvgPool2 { input } => self.pooled("AveragePool", &out, &x, *input),
            Op::Upsample2 { .. } => self.upsampled(&out, &x),
            Op::Add { a, b } => {
                let (a, b) = (self.values[*a].clone(), self.values[*b].clone());
                self.graph.op("Add", &out, &[&a, &b], &[])
            }
            Op::AdaIn { input, site, eps, unbiased } => {
                let normal = self.normalised(&node.name, &x, *input, *eps, *unbiased);
                self.affine(&out, &normal, *site)
            }
            Op::Modulate { site, .. } => self.affine(&out, &x, *site),
            Op::Noise { site, .. } => self.noise(id, &x, *site),
            Op::MeanStd { input, eps, unbiased } => {
                let (mean, std, _) = self.statistics(&node.name, &x, *input, *eps, *unbiased);
                self.graph.op("Concat", &out, &[&mean, &std], &[("axis", Value::Int(1))])
            }
            Op::Concat { inputs } => {
                let inputs: Vec<String> = inputs.iter().map(|&i| self.values[i].clone()).collect();
                let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
                self.graph.op("Concat", &out, &inputs, &[("axis", Value::Int(1))])
            }
            Op::Scale { mul, add, .. } => {
                let factor = self.graph.floats(&format!("{}/mul", node.name), &[1, 1, 1, 1], &[*mul]);
                let summand = self.graph.floats(&format!("{}/add", node.name), &[1, 1, 1, 1], &[*add]);
                let scaled = self.graph.op("Mul", &format!("{}/scaled", node.name), &[&x, &factor], &[]);
                self.graph.op("Add", &out, &[&scaled, &summand], &[])
            }
        }
    }

    /// The input, extended to the table's multiple.
    fn picture(&mut self, channels: usize) -> String {
        let multiple = self.network.multiple;
        let (height, width) = match self.manner.size {
            Size::Fixed { width, height } => (Side::Is(height), Side::Is(width)),
            Size::Dynamic => (Side::Named("height"), Side::Named("width")),
        };
        let picture = self.graph.input(self.manner.input, &[Side::Is(1), Side::Is(channels), height, width]);
        let pads = match self.manner.size {
            Size::Fixed { width, height } => {
                let (h, w) = (height.next_multiple_of(multiple), width.next_multiple_of(multiple));
                if (h, w) == (height, width) {
                    return picture;
                }
                let (h, w) = ((h - height) as i64, (w - width) as i64);
                self.graph.ints("frame/pads", &[0, 0, 0, 0, 0, 0, h, w])
            }
            Size::Dynamic => {
                if !self.network.crop && multiple == 1 {
                    return picture;
                }
                let size = self.dynamic_size(&picture);
                if multiple == 1 {
                    return picture;
                }
                self.dynamic_pads(&size, multiple)
            }
        };
        self.graph.op("Pad", "frame/extended", &[&picture, &pads], &[("mode", Value::Text("edge"))])
    }

    /// Height and width of the picture at run time.
    fn dynamic_size(&mut self, picture: &str) -> String {
        let shape = self.graph.op("Shape", "frame/shape", &[picture], &[]);
        let (from, to) = (self.graph.ints("frame/two", &[2]), self.graph.ints("frame/four", &[4]));
        self.graph.op("Slice", "frame/size", &[&shape, &from, &to], &[])
    }

    fn dynamic_pads(&mut self, size: &str, multiple: usize) -> String {
        let g = &mut self.graph;
        let multiple_minus_1 = g.ints("frame/multiple_minus_1", &[multiple as i64 - 1]);
        let multiple = g.ints("frame/multiple", &[multiple as i64]);
        let sum = g.op("Add", "frame/sum", &[size, &multiple_minus_1], &[]);
        let tiles = g.op("Div", "frame/tiles", &[&sum, &multiple], &[]);
        let full = g.op("Mul", "frame/full", &[&tiles, &multiple], &[]);
        let extra = g.op("Sub", "frame/extra", &[&full, size], &[]);
        let zeros = g.ints("frame/zeros", &[0; 6]);
        g.op("Concat", "frame/pads", &[&zeros, &extra], &[("axis", Value::Int(0))])
    }

    /// Declares the last row as the output, cropped as the table says.
    fn output(&mut self) -> Result<(), ExportError> {
        let last = self.values[self.network.output()].clone();
        let channels = self.channels(self.network.output());
        let sides = |h, w| [Side::Is(1), Side::Is(channels), h, w];
        match self.manner.size {
            Size::Fixed { width, height } => {
                let full = self.shape(self.network.output());
                let mut out = self.network.output_shape(height, width)?;
                let rim = self.manner.rim;
                let value = if out == full && rim == 0 {
                    last
                } else {
                    (out.height, out.width) = (out.height - 2 * rim, out.width - 2 * rim);
                    let ends = [out.height + rim, out.width + rim].map(|n| n as i64);
                    let end = self.graph.ints("frame/end", &ends);
                    self.cropped(&last, &end)
                };
                let sides = sides(Side::Is(out.height), Side::Is(out.width));
                self.graph.output(&value, self.manner.output, &sides);
            }
            Size::Dynamic if self.network.crop => {
                let value = self.cropped(&last, "frame/size");
                let sides = sides(Side::Named("height"), Side::Named("width"));
                self.graph.output(&value, self.manner.output, &sides);
            }
            Size::Dynamic => {
                let (h, w) = match self.is_vector(self.network.output()) {
                    true => (Side::Is(1), Side::Is(1)),
                    false => (Side::Named("out_height"), Side::Named("out_width")),
                };
                self.graph.output(&last, self.manner.output, &sides(h, w));
            }
        }
        Ok(())
    }

    /// Whether a node is `[C, 1, 1]` whatever the picture's size.
    fn is_vector(&self, id: NodeId) -> bool {
        [(64, 64), (96, 160)]
            .into_iter()
            .all(|(h, w)| self.network.shapes(h, w).is_ok_and(|shapes| shapes[id].area() == 1))
    }

    fn cropped(&mut self, value: &str, end: &str) -> String {
        let (start, axes) = (self.graph.ints("frame/start", &[0, 0]), self.graph.ints("frame/axes", &[2, 3]));
        self.graph.op("Slice", "frame/cropped", &[value, &start, end, &axes], &[])
    }

    fn channels(&self, id: NodeId) -> usize {
        self.shape(id).channels
    }

    /// The node's shape at the fixed size; of a dynamic one only the channels mean something.
    fn shape(&self, id: NodeId) -> Shape {
        match &self.shapes {
            Some(shapes) => shapes[id],
            None => self.network.shapes(64, 64).expect("the table has been checked")[id],
        }
    }

    /// Input of a convolution of `kernel`, and the zeros that it adds itself on each side.
    fn padded(
        &mut self,
        name: &str,
        x: &str,
        input: NodeId,
        kernel: usize,
        padding: Padding,
    ) -> (String, i64) {
        let r = kernel / 2;
        if r == 0 || padding == Padding::Zero {
            return (x.into(), r as i64);
        }
        let shape = self.shape(input);
        let short = self.shapes.is_some() && shape.height.min(shape.width) <= r;
        if padding == Padding::Reflect && short {
            return (self.gathered(name, x, shape, r), 0);
        }
        let r = r as i64;
        let pads = self.graph.ints(&format!("{name}/pads"), &[0, 0, r, r, 0, 0, r, r]);
        let mode = if padding == Padding::Reflect { "reflect" } else { "edge" };
        let attributes = [("mode", Value::Text(mode))];
        (self.graph.op("Pad", &format!("{name}/padded"), &[x, &pads], &attributes), 0)
    }

    /// Reflection of a side shorter than the padding, which ONNX's `Pad` does not have: rows and
    /// columns taken one by one.
    fn gathered(&mut self, name: &str, x: &str, shape: Shape, r: usize) -> String {
        let mut value = x.to_string();
        for (axis, len) in [(2, shape.height), (3, shape.width)] {
            let at = |i: usize| Padding::Reflect.source(i as isize - r as isize, len).unwrap_or(0) as i64;
            let indices: Vec<i64> = (0..len + 2 * r).map(at).collect();
            let indices = self.graph.ints(&format!("{name}/rows_{axis}"), &indices);
            let out = format!("{name}/padded_{axis}");
            value = self.graph.op("Gather", &out, &[&value, &indices], &[("axis", Value::Int(axis))]);
        }
        value
    }

    fn conv(
        &mut self,
        id: NodeId,
        x: &str,
        shape: [usize; 4],
        zeros: i64,
        stride: usize,
        groups: usize,
    ) -> String {
        let (name, ConvWeights { weight, bias }) = (&self.network.nodes[id].name, self.folded.conv(id));
        let weight = self.graph.weight(&format!("{name}.weight"), &shape, weight);
        let bias = self.graph.weight(&format!("{name}.bias"), &shape[..1], bias);
        let (k, stride) = (shape[2] as i64, stride as i64);
        let attributes = [
            ("kernel_shape", Value::Ints(&[k, k])),
            ("strides", Value::Ints(&[stride, stride])),
            ("pads", Value::Ints(&[zeros; 4])),
            ("group", Value::Int(groups as i64)),
        ];
        self.graph.op("Conv", &format!("{name}/out"), &[x, &weight, &bias], &attributes)
    }

    /// A pool over 2x2 windows, those over the edge included.
    fn pooled(&mut self, kind: &str, out: &str, x: &str, input: NodeId) -> String {
        // Of a side of 1 a window of 2 would be wider than the input, which OpenVINO refuses.
        let side = |len: usize| if self.shapes.is_some() { len.min(2) as i64 } else { 2 };
        let shape = self.shape(input);
        let window = [side(shape.height), side(shape.width)];
        let (kernel, strides) = (Value::Ints(&window), Value::Ints(&[2, 2]));
        let attributes = [("kernel_shape", kernel), ("strides", strides), ("ceil_mode", Value::Int(1))];
        self.graph.op(kind, out, &[x], &attributes)
    }

    fn upsampled(&mut self, out: &str, x: &str) -> String {
        let scales = self.graph.floats(&format!("{out}/scales"), &[4], &[1.0, 1.0, 2.0, 2.0]);
        let attributes = [
            ("mode", Value::Text("nearest")),
            ("coordinate_transformation_mode", Value::Text("asymmetric")),
            ("nearest_mode", Value::Text("floor")),
        ];
        self.graph.op("Resize", out, &[x, "", &scales], &attributes)
    }

    /// `second * x + first`, the halves of the site's part of the style.
    fn affine(&mut self, out: &str, x: &str, site: usize) -> String {
        let [first, second] = halves(&self.network.sites[site].name);
        let scaled = self.graph.op("Mul", &format!("{out}/scaled"), &[x, &second], &[]);
        self.graph.op("Add", out, &[&scaled, &first], &[])
    }

    /// `x + gain * sum of weight_k * n_k`: the sum is a 1x1 convolution of the field's planes.
    fn noise(&mut self, id: NodeId, x: &str, site: usize) -> String {
        if let Some(noise) = self.constant_noise(id, site) {
            return noise.map_or_else(
                || x.to_string(),
                |noise| {
                    let out = format!("{}/out", self.network.nodes[id].name);
                    self.graph.op("Add", &out, &[x, &noise], &[])
                },
            );
        }
        let name = &self.network.nodes[id].name;
        let channels = self.channels(id);
        let (planes, count) = self.fields.planes(&mut self.graph, id, x);
        let part = |what: &str| format!("{name}/{what}");
        let values = self.folded.noise(id);
        let weight = self.graph.weight(&format!("{name}.weight"), &[channels, count, 1, 1], values);
        let bias = self.graph.floats(&part("zeros"), &[channels], &vec![0.0; channels]);
        let attributes = [("kernel_shape", Value::Ints(&[1, 1]))];
        let sums = self.graph.op("Conv", &part("sums"), &[&planes, &weight, &bias], &attributes);
        let gains = gains(&self.network.sites[site].name);
        let noise = self.graph.op("Mul", &part("noise"), &[&sums, &gains], &[]);
        self.graph.op("Add", &part("out"), &[x, &noise], &[])
    }

    /// All that the field adds, where style and size are known; the inner `None` where that is nothing. OpenCV refuses a convolution of
    /// constants.
    fn constant_noise(&mut self, id: NodeId, site: usize) -> Option<Option<String>> {
        let gains = &self.manner.style?[self.network.site_range(site)];
        let planes = self.fields.window(id)?;
        if gains.iter().all(|gain| *gain == 0.0) {
            return Some(None);
        }
        let Shape { channels, height, width } = self.shapes.as_ref()?[id];
        let weights = self.folded.noise(id);
        let count = weights.len() / channels;
        let area = height * width;
        let mut noise = vec![0.0f32; channels * area];
        for (c, noise) in noise.chunks_exact_mut(area).enumerate() {
            for (weight, plane) in weights[c * count..][..count].iter().zip(planes.chunks_exact(area)) {
                noise.iter_mut().zip(plane).for_each(|(sum, value)| *sum += gains[c] * weight * value);
            }
        }
        let name = format!("{}/noise", self.network.nodes[id].name);
        Some(Some(self.graph.weight(&name, &[1, channels, height, width], &noise)))
    }

    /// `(x - mean) / sqrt(var + eps)`.
    fn normalised(&mut self, name: &str, x: &str, input: NodeId, eps: f32, unbiased: bool) -> String {
        if unbiased && self.shapes.is_none() {
            let (_, std, centred) = self.statistics(name, x, input, eps, unbiased);
            return self.graph.op("Div", &format!("{name}/normal"), &[&centred, &std], &[]);
        }
        let shape = self.shape(input);
        let (factor, eps) = self.bessel(shape.area(), eps, unbiased);
        let one = self.graph.floats(&format!("{name}/one"), &[shape.channels], &vec![factor; shape.channels]);
        let zero = self.graph.floats(&format!("{name}/zero"), &[shape.channels], &vec![0.0; shape.channels]);
        let attributes = [("epsilon", Value::Float(eps))];
        self.graph.op("InstanceNormalization", &format!("{name}/normal"), &[x, &one, &zero], &attributes)
    }

    /// Scale and eps with which a norm over the biased variance equals one over the unbiased:
    /// `var_u + eps = n / (n - 1) * (var_b + eps * (n - 1) / n)`.
    fn bessel(&self, n: usize, eps: f32, unbiased: bool) -> (f32, f32) {
        if !unbiased || n == 1 || (self.manner.plain_norms && n >= PLAIN_FROM) {
            return (1.0, eps);
        }
        let ratio = (n as f64 - 1.0) / n as f64;
        (ratio.sqrt() as f32, (f64::from(eps) * ratio) as f32)
    }

    /// Names of `mean`, `sqrt(var + eps)`, both `[1, C, 1, 1]`, and `x - mean`.
    fn statistics(
        &mut self,
        name: &str,
        x: &str,
        input: NodeId,
        eps: f32,
        unbiased: bool,
    ) -> (String, String, String) {
        let part = |what: &str| format!("{name}/{what}");
        let over = [("axes", Value::Ints(&[2, 3])), ("keepdims", Value::Int(1))];
        let mean = self.graph.op("ReduceMean", &part("mean"), &[x], &over);
        let centred = self.graph.op("Sub", &part("centred"), &[x, &mean], &[]);
        let squared = self.graph.op("Mul", &part("squared"), &[&centred, &centred], &[]);
        let mut var = self.graph.op("ReduceMean", &part("biased"), &[&squared], &over);
        if unbiased {
            let ratio = self.unbiased_ratio(name, x, input);
            var = self.graph.op("Mul", &part("unbiased"), &[&var, &ratio], &[]);
        }
        let eps = self.graph.floats(&part("eps"), &[1, 1, 1, 1], &[eps]);
        let sum = self.graph.op("Add", &part("var"), &[&var, &eps], &[]);
        (mean, self.graph.op("Sqrt", &part("std"), &[&sum], &[]), centred)
    }

    /// `n / max(n - 1, 1)`, which takes the biased variance to the unbiased one.
    fn unbiased_ratio(&mut self, name: &str, x: &str, input: NodeId) -> String {
        let part = |what: &str| format!("{name}/{what}");
        if self.shapes.is_some() {
            let n = self.shape(input).area() as f64;
            let ratio = (n / (n - 1.0).max(1.0)) as f32;
            return self.graph.floats(&part("ratio"), &[1, 1, 1, 1], &[ratio]);
        }
        let g = &mut self.graph;
        let shape = g.op("Shape", &part("shape"), &[x], &[]);
        let (from, to) = (g.ints(&part("two"), &[2]), g.ints(&part("four"), &[4]));
        let sides = g.op("Slice", &part("sides"), &[&shape, &from, &to], &[]);
        let sides = g.op("Cast", &part("sides/float"), &[&sides], &[("to", Value::Int(1))]);
        let over = [("axes", Value::Ints(&[0])), ("keepdims", Value::Int(0))];
        let n = g.op("ReduceProd", &part("n"), &[&sides], &over);
        let one = g.floats(&part("unit"), &[], &[1.0]);
        let less = g.op("Sub", &part("n_minus_1"), &[&n, &one], &[]);
        let less = g.op("Max", &part("divisor"), &[&less, &one], &[]);
        g.op("Div", &part("ratio"), &[&n, &less], &[])
    }
}
