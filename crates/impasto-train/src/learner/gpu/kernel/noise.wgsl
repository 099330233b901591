// Adds the noise field: y = x + gain * sum over k of weight[k] * n_k.

struct Params {
    total: u32,
    area: u32,      // positions of a channel
    channels: u32,
    style_len: u32,
    start: u32,     // of the site in a style vector
    layer: u32,     // of the layer in the flat vector
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> cells: array<vec4<f32>>; // [samples][area]
@group(0) @binding(3) var<storage, read> values: array<f32>;      // weight [channels][PLANES] from `layer` on
@group(0) @binding(4) var<storage, read> style: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) at: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var i = at.x; i < params.total; i += groups.x * 256u) {
        let channel = i / params.area;
        let n = channel / params.channels;
        let c = channel % params.channels;
        let cell = cells[n * params.area + i % params.area];
        let weight = params.layer + c * PLANES;
        var sum = 0.0;
#for k in PLANES
        sum += values[weight + $ku] * cell[$k];
#end
        y[i] = x[i] + style[n * params.style_len + params.start + c] * sum;
    }
}
