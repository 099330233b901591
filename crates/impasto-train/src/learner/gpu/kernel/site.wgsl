// Where a style enters, and where statistics leave: coefficients of each channel for `point.wgsl`, one thread a channel.

struct Params {
    samples: u32,
    channels: u32,
    style_len: u32,
    start: u32,     // of the site in a style vector
    area: u32,
    divisor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> moments: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> style: array<f32>;  // LEAVE_BACK: the gradient to [mean, deviation]
@group(0) @binding(3) var<storage, read_write> coefficients: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> vector: array<f32>; // LEAVE: [mean, deviation]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    if (at.x >= params.samples * params.channels) {
        return;
    }
    let n = at.x / params.channels;
    let c = at.x % params.channels;
    let first = n * params.style_len + params.start + c;
    let second = first + params.channels;
#if ADAIN
    let own = moments[at.x];
    let scale = style[second] / own.y;
    coefficients[at.x] = vec4<f32>(scale, 0.0, style[first] - scale * own.x, 0.0);
#end
#if MODULATE
    coefficients[at.x] = vec4<f32>(style[second], 0.0, style[first], 0.0);
#end
#if LEAVE
    let own = moments[at.x];
    vector[first] = own.x;
    vector[second] = own.y;
#end
#if LEAVE_BACK
    let own = moments[at.x];
    let scale = style[second] / (params.divisor * own.y);
    coefficients[at.x] = vec4<f32>(scale, 0.0, style[first] / f32(params.area) - scale * own.x, 0.0);
#end
}
