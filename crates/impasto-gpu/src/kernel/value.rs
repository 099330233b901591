//! How kernels read an activation: the layers that were not computed but noted are applied while loading.

use super::source::Source;
use crate::plan::lower::Value;

/// The text that declares the activation `name` at `binding` and `binding + 1` (its gains and shifts), and
/// `load_NAME(q, row, column, width, height)`: channels `4 q ..` at a position of the map as the table sees it. `width` and
/// `height` are those of the map in memory.
pub(crate) fn declared(name: &str, binding: u32, value: Value) -> String {
    let step = if value.up { " / 2u" } else { "" };
    let affine = match value.affine {
        Some(_) => {
            let half = format!("arrayLength(&{name}_affine) / 2u");
            format!("    v = fma({name}_affine[q], v, {name}_affine[{half} + q]);\n")
        }
        None => String::new(),
    };
    let relu = if value.relu { "    v = max(v, vec4<f32>());\n" } else { "" };
    format!(
        "@group(0) @binding({binding}) var<storage, read> {name}: array<Quad>;\n\
         @group(0) @binding({}) var<storage, read> {name}_affine: array<vec4<f32>>;\n\
         fn load_{name}(q: u32, row: u32, column: u32, width: u32, height: u32) -> vec4<f32> {{\n\
         \x20   var v = vec4<f32>({name}[(q * height + row{step}) * width + column{step}]);\n{affine}{relu}    return v;\n}}\n",
        binding + 1
    )
}

impl Source {
    /// Declares the activation `name`, see [`declared`].
    pub(crate) fn reading(self, name: &str, binding: u32, value: Value) -> Source {
        self.after(&declared(name, binding, value))
    }
}
