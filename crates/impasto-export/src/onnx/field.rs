//! The noise field's planes as values of a graph: constants.

use super::graph::{Graph, Value};
use impasto_core::noise::{MAX_PLANES, PERIOD, Windows, period};
use impasto_core::{Field, Network, NodeId, Op, Shape};

/// The planes of every resolution, each written when first asked for.
pub(super) struct Fields {
    /// For each noise layer, its planes.
    layers: Vec<Option<Layer>>,
    made: Vec<(Planes, String)>,
    /// Windows at a fixed size; at a dynamic one the graph lays out the field's period.
    windows: Option<Windows>,
    field: Field,
}

/// Key that distinguishes planes.
#[derive(Clone, PartialEq)]
struct Planes {
    stride: usize,
    grains: Vec<usize>,
}

#[derive(Clone)]
struct Layer {
    planes: Planes,
    /// Height and width, at a fixed size.
    size: Option<(usize, usize)>,
}

impl Fields {
    /// `shapes` are those of all nodes at a fixed size.
    pub fn new(network: &Network, shapes: Option<&[Shape]>, field: Field) -> Self {
        let layer = |(id, op): (NodeId, &Op)| match op {
            Op::Noise { stride, grains, .. } => Some(Layer {
                planes: Planes { stride: *stride, grains: grains.clone() },
                size: shapes.map(|shapes| (shapes[id].height, shapes[id].width)),
            }),
            Op::Input { .. }
            | Op::Conv { .. }
            | Op::Relu { .. }
            | Op::MaxPool2 { .. }
            | Op::AvgPool2 { .. }
            | Op::Upsample2 { .. }
            | Op::Add { .. }
            | Op::AdaIn { .. }
            | Op::Modulate { .. }
            | Op::MeanStd { .. }
            | Op::Concat { .. }
            | Op::Scale { .. } => None,
        };
        let windows = shapes.map(|shapes| {
            let mut windows = Windows::new(network, shapes);
            windows.update(&field);
            windows
        });
        let layers = network.nodes.iter().map(|node| &node.op).enumerate().map(layer).collect();
        Self { layers, made: vec![], windows, field }
    }

    /// The value `[1, planes, H, W]` that noise layer `id` reads, and its number of planes; `x` is the layer's input.
    pub fn planes(&mut self, graph: &mut Graph, id: NodeId, x: &str) -> (String, usize) {
        let Layer { planes, size } = self.layers[id].clone().expect("a noise layer");
        let count = planes.grains.len();
        if let Some((_, name)) = self.made.iter().find(|(known, _)| *known == planes) {
            return (name.clone(), count);
        }
        let name = format!("field/{}", self.made.len());
        let value = match (&self.windows, size) {
            (Some(windows), Some((height, width))) => {
                let cells = windows.cells(windows.of(id).expect("a noise layer has a window"));
                graph.weight(&name, &[1, count, height, width], &planar(cells, count))
            }
            _ => {
                let cells = period(self.field.seed, planes.stride, &planes.grains);
                let sides = [1, count, PERIOD, PERIOD];
                let once = graph.weight(&format!("{name}/once"), &sides, &planar(&cells, count));
                repeated(graph, &name, &once, x)
            }
        };
        self.made.push((planes, value.clone()));
        (value, count)
    }
}

impl Fields {
    /// The planes `[planes, H, W]` under noise layer `id`, at a fixed size.
    pub fn window(&self, id: NodeId) -> Option<Vec<f32>> {
        let count = self.layers[id].as_ref().expect("a noise layer").planes.grains.len();
        let windows = self.windows.as_ref()?;
        Some(planar(windows.cells(windows.of(id).expect("a noise layer has a window")), count))
    }
}

/// `[H][W][MAX_PLANES]` to `[count][H][W]`.
fn planar(cells: &[f32], count: usize) -> Vec<f32> {
    (0..count).flat_map(|k| cells.iter().skip(k).step_by(MAX_PLANES).copied()).collect()
}

/// One period of the field, repeated and cut to the height and width of `x`.
fn repeated(graph: &mut Graph, name: &str, once: &str, x: &str) -> String {
    let part = |what: &str| format!("{name}/{what}");
    let shape = graph.op("Shape", &part("shape"), &[x], &[]);
    let (from, to) = (graph.ints(&part("two"), &[2]), graph.ints(&part("four"), &[4]));
    let size = graph.op("Slice", &part("size"), &[&shape, &from, &to], &[]);
    let less = graph.ints(&part("period_minus_1"), &[PERIOD as i64 - 1]);
    let side = graph.ints(&part("period"), &[PERIOD as i64]);
    let sum = graph.op("Add", &part("sum"), &[&size, &less], &[]);
    let times = graph.op("Div", &part("times"), &[&sum, &side], &[]);
    let ones = graph.ints(&part("ones"), &[1, 1]);
    let repeats = graph.op("Concat", &part("repeats"), &[&ones, &times], &[("axis", Value::Int(0))]);
    let tiled = graph.op("Tile", &part("tiled"), &[once, &repeats], &[]);
    let (start, axes) = (graph.ints(&part("start"), &[0, 0]), graph.ints(&part("axes"), &[2, 3]));
    graph.op("Slice", &part("cut"), &[&tiled, &start, &size, &axes], &[])
}
