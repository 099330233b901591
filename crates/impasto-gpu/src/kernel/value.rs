//! Loading of activations in kernels: the layers that were not computed but noted are applied while loading.

use super::source::Source;
use impasto_core::lower::Value;
use impasto_core::noise::{MAX_PLANES, PERIOD};

/// Parts of an affine map's buffer, which follow each other in this order. In front of them stand, for each quad of channels, its gains
/// and then its shifts; without a noise field these are all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// For each quad of channels, [`MAX_PLANES`] quads: the gains of each plane.
    Planes,
    /// One quad: column and row of the cell under the upper left corner; quads of channels.
    Place,
    /// One period of the planes, a quad for each cell.
    Cells,
}

impl Part {
    /// Its offset in a map of `quads` quads of channels.
    pub fn start(self, quads: usize) -> usize {
        match self {
            Part::Planes => 2 * quads,
            Part::Place => (2 + MAX_PLANES) * quads,
            Part::Cells => (2 + MAX_PLANES) * quads + 1,
        }
    }
}

/// Quads in the buffer of an affine map of `quads` quads of channels.
pub(crate) fn affine_len(quads: usize, noise: bool) -> usize {
    if noise { Part::Cells.start(quads) + PERIOD * PERIOD } else { Part::Planes.start(quads) }
}

/// The text that declares the activation `name` at `binding` and `binding + 1` (its affine map, see [`Part`]), and
/// `load_NAME(q, row, column, width, height)`: channels `4 q ..` at a position of the map as the table sees it. `width` and
/// `height` are those of the map in memory.
pub(crate) fn declared(name: &str, binding: u32, value: Value) -> String {
    let Value::Buffer { up, affine, noise: field, relu, .. } = value else {
        unreachable!("the picture is imported first of all")
    };
    let step = if up { " / 2u" } else { "" };
    let affine = match affine {
        Some(_) => format!("    v = fma({name}_affine[2u * q], v, {name}_affine[2u * q + 1u]);\n"),
        None => String::new(),
    };
    let noise = if field.is_some() { noise(name, step) } else { String::new() };
    let relu = if relu { "    v = max(v, vec4<f32>());\n" } else { "" };
    format!(
        "@group(0) @binding({binding}) var<storage, read> {name}: array<Quad>;\n\
         @group(0) @binding({}) var<storage, read> {name}_affine: array<vec4<f32>>;\n\
         fn load_{name}(q: u32, row: u32, column: u32, width: u32, height: u32) -> vec4<f32> {{\n\
         \x20   var v = vec4<f32>({name}[(q * height + row{step}) * width + column{step}]);\n\
         {affine}{noise}{relu}    return v;\n}}\n",
        binding + 1
    )
}

/// The lines that add the noise field.
fn noise(name: &str, step: &str) -> String {
    let wrap = PERIOD - 1;
    let affine = format!("{name}_affine");
    let mut lines = format!(
        "    let cells = arrayLength(&{affine}) - {}u;\n\
         \x20   let place = vec3<u32>({affine}[cells - 1u].xyz);\n\
         \x20   let cell = {affine}[cells + ((row{step} + place.y) & {wrap}u) * {PERIOD}u + ((column{step} + place.x) & {wrap}u)];\n\
         \x20   let planes = 2u * place.z + {MAX_PLANES}u * q;\n",
        PERIOD * PERIOD
    );
    for (k, plane) in ["x", "y", "z", "w"].into_iter().enumerate().take(MAX_PLANES) {
        lines += &format!("    v = fma({affine}[planes + {k}u], vec4<f32>(cell.{plane}), v);\n");
    }
    lines
}

impl Source {
    /// Declares the activation `name`, see [`declared`].
    pub(crate) fn reading(self, name: &str, binding: u32, value: Value) -> Source {
        self.after(&declared(name, binding, value))
    }
}
