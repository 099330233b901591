// What is done value by value. A channel of a sample has its own coefficients, where there are some.

struct Params {
    total: u32,
    area: u32,      // positions of a channel
    mul: f32,
    add: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> coefficients: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> gate: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) at: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var i = at.x; i < params.total; i += groups.x * 256u) {
#if RELU
        var value = max(a[i], 0.0);
#end
#if SUM
        var value = a[i] + b[i];
#end
#if SCALE
        var value = params.mul * a[i] + params.add;
#end
#if AFFINE
        let k = coefficients[i / params.area];
        var value = k.x * a[i] + k.z;
#end
#if MIXED
        let k = coefficients[i / params.area];
        var value = k.x * a[i] + k.y * b[i] + k.z;
#end
#if OWN
        var value = y[i];
#end
#if GATE
        value = select(0.0, value, gate[i] > 0.0);
#end
#if KEEP
        value += y[i];
#end
        y[i] = value;
    }
}
