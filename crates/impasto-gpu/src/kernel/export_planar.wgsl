// The output's top left part to a planar tensor.

struct Params {
    picture_width: u32,
    picture_height: u32,
    x_width: u32, // in memory
    x_height: u32,
    channels: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read_write> values: array<f32>;

@compute @workgroup_size(16, 4, 1)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    if (at.x >= params.picture_width || at.y >= params.picture_height) {
        return;
    }
    let value = load_x(at.z, at.y, at.x, params.x_width, params.x_height);
    for (var lane = 0u; lane < 4u; lane++) {
        let channel = 4u * at.z + lane;
        if (channel < params.channels) {
            values[(channel * params.picture_height + at.y) * params.picture_width + at.x] = value[lane];
        }
    }
}
