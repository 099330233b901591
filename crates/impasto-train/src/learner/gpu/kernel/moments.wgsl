// Mean and sqrt(variance + eps) of each channel of each sample; two passes, the second around the mean.

struct Params {
    area: u32,
    channels: u32,
    divisor: f32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> moments: array<vec2<f32>>; // [n][c]

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let channel = group.y * params.channels + group.x;
    let start = channel * params.area;
    var sum = 0.0;
    for (var i = thread; i < params.area; i += 256u) {
        sum += x[start + i];
    }
    let mean = total(thread, sum) / f32(params.area);
    var squares = 0.0;
    for (var i = thread; i < params.area; i += 256u) {
        let away = x[start + i] - mean;
        squares += away * away;
    }
    squares = total(thread, squares);
    if (thread == 0u) {
        moments[channel] = vec2<f32>(mean, sqrt(squares / params.divisor + params.eps));
    }
}
