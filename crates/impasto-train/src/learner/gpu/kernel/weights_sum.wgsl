// Adds the parts of a gradient to the flat vector of all gradients: weight [row][column], then bias [row].

struct Params {
    rows: u32,
    columns: u32,   // with the bias
    parts: u32,
    start: u32,     // of the layer in the flat vector
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> part: array<f32>;
@group(0) @binding(2) var<storage, read_write> flat: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    let count = params.rows * params.columns;
    if (at.x >= count) {
        return;
    }
    var sum = 0.0;
    for (var s = 0u; s < params.parts; s++) {
        sum += part[s * count + at.x];
    }
    let row = at.x / params.columns;
    let column = at.x % params.columns;
    let last = params.columns - 1u;
    let place = select(row * last + column, params.rows * last + row, column == last);
    flat[params.start + place] += sum;
}
