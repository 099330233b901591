// The style loss at one layer: squares of differences of means and of deviations, as they are or (ROOT) the root of each of the two means.
// Gives the coefficients of the gradient to the features; one workgroup a sample.

struct Params {
    channels: u32,
    area: u32,
    told: u32,      // where the samples' losses are told
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> own: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> wanted: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> recipe: array<f32>;
@group(0) @binding(4) var<storage, read_write> coefficients: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> told: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let start = group.x * params.channels;
    var squares = vec2<f32>();
    for (var c = thread; c < params.channels; c += 256u) {
        let away = own[start + c] - wanted[start + c];
        squares += away * away;
    }
    let n = f32(params.channels);
    var value = vec2<f32>(total(thread, squares.x), total(thread, squares.y)) / n;
    var slope = vec2<f32>(2.0 * recipe[STYLE] / n);
#if ROOT
    value = sqrt(value + 1e-8);
    slope = slope / (2.0 * value);
#end
    for (var c = thread; c < params.channels; c += 256u) {
        let d = slope * (own[start + c] - wanted[start + c]);
        let scale = d.y / (f32(params.area) * own[start + c].y);
        coefficients[start + c] = vec4<f32>(scale, 0.0, d.x / f32(params.area) - scale * own[start + c].x, 0.0);
    }
    if (thread == 0u) {
        told[params.told + group.x] += value.x + value.y;
    }
}
