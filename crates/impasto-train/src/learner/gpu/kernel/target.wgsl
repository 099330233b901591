// AdaIN of features, with the gain limited: coefficients of each channel for `point.wgsl`, one thread a channel.

struct Params {
    count: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> of_photo: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> wanted: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> recipe: array<f32>;
@group(0) @binding(4) var<storage, read_write> coefficients: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    if (at.x < params.count) {
        let gain = min(wanted[at.x].y / of_photo[at.x].y, recipe[GAIN_LIMIT]);
        coefficients[at.x] = vec4<f32>(gain, 0.0, wanted[at.x].x - of_photo[at.x].x * gain, 0.0);
    }
}
