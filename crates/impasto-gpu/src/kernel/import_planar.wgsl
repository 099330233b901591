// A planar tensor to quads, extended at the bottom and right by its last row and column.

struct Params {
    picture_width: u32,
    picture_height: u32,
    width: u32,   // extended
    height: u32,
    channels: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<Quad>;

@compute @workgroup_size(16, 4, 1)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    if (at.x >= params.width || at.y >= params.height) {
        return;
    }
    let row = min(at.y, params.picture_height - 1u);
    let column = min(at.x, params.picture_width - 1u);
    var value = vec4<f32>();
    for (var lane = 0u; lane < 4u; lane++) {
        let channel = 4u * at.z + lane;
        if (channel < params.channels) {
            value[lane] = values[(channel * params.picture_height + row) * params.picture_width + column];
        }
    }
    y[(at.z * params.height + at.y) * params.width + at.x] = narrow(value);
}
