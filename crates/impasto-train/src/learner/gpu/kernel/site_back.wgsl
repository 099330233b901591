// The gradient to a site's part of the style, and the coefficients of the gradient to its input; one workgroup a channel of a sample.
//
// AdaIN, with x^ = (x - mean) / std: dx = style_std / std * (dy - mean(dy) - x^ * sum(dy x^) / divisor).

struct Params {
    channels: u32,
    style_len: u32,
    start: u32,
    area: u32,
    divisor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> moments: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> style: array<f32>;
@group(0) @binding(5) var<storage, read_write> to_style: array<f32>;
@group(0) @binding(6) var<storage, read_write> coefficients: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let channel = group.y * params.channels + group.x;
    let first = group.y * params.style_len + params.start + group.x;
    let second = first + params.channels;
#if ADAIN
    let own = moments[channel];
#end
#if MODULATE
    let own = vec2<f32>(0.0, 1.0);
#end
    var plain = 0.0;
    var along = 0.0;
    for (var i = thread; i < params.area; i += 256u) {
        let g = dy[channel * params.area + i];
        plain += g;
        along += g * (x[channel * params.area + i] - own.x);
    }
    plain = total(thread, plain);
    along = total(thread, along) / own.y;
    if (thread == 0u) {
        to_style[first] += plain;
        to_style[second] += along;
#if ADAIN
        let a = style[second] / own.y;
        let b = -a * along / (params.divisor * own.y);
        coefficients[channel] = vec4<f32>(a, b, -a * plain / f32(params.area) - b * own.x, 0.0);
#end
#if MODULATE
        coefficients[channel] = vec4<f32>(style[second], 0.0, 0.0, 0.0);
#end
    }
}
