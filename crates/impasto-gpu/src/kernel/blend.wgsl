// Writes a noted value to memory, or the sum of two: y = a, or y = a + b.

struct Params {
    width: u32,
    height: u32,
    a_width: u32,  // in memory
    a_height: u32,
    b_width: u32,
    b_height: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(5) var<storage, read_write> y: array<Quad>;

@compute @workgroup_size(16, 4, 1)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    if (at.x >= params.width || at.y >= params.height) {
        return;
    }
    var value = load_a(at.z, at.y, at.x, params.a_width, params.a_height);
#if SUM
    value += load_b(at.z, at.y, at.x, params.b_width, params.b_height);
#end
    y[(at.z * params.height + at.y) * params.width + at.x] = narrow(value);
}
