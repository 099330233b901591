// Copies the channels of `x` to the channels `offset ..` of `y`. The first copy clears the others.

struct Params {
    width: u32,
    height: u32,
    x_width: u32,  // in memory
    x_height: u32,
    channels: u32, // of x
    offset: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read_write> y: array<Quad>;

@compute @workgroup_size(16, 4, 1)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    if (at.x >= params.width || at.y >= params.height) {
        return;
    }
    let place = (at.z * params.height + at.y) * params.width + at.x;
    var value = vec4<f32>(y[place]);
#if FIRST
    value = vec4<f32>();
#end
    for (var lane = 0u; lane < 4u; lane++) {
        let channel = 4u * at.z + lane;
        if (channel >= params.offset && channel - params.offset < params.channels) {
            let its = channel - params.offset;
            value[lane] = load_x(its / 4u, at.y, at.x, params.x_width, params.x_height)[its % 4u];
        }
    }
    y[place] = narrow(value);
}
