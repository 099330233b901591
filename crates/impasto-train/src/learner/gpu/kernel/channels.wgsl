// Copies channels FROM.. of each sample of x to channels TO.. of y.

struct Params {
    total: u32,
    count: u32,     // values of a sample that are copied
    from_value: u32,
    x_len: u32,     // values of a sample
    to_value: u32,
    y_len: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) at: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var i = at.x; i < params.total; i += groups.x * 256u) {
        let n = i / params.count;
        let value = x[n * params.x_len + params.from_value + i % params.count];
        let to = n * params.y_len + params.to_value + i % params.count;
#if KEEP
        y[to] += value;
#end
#if FRESH
        y[to] = value;
#end
    }
}
