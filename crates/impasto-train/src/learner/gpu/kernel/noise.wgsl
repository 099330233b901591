// Adds the noise field: y = x + gain * sum over k of weight[k] * n_k.

@group(0) @binding(1) var<storage, read> x: array<f32>;
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
