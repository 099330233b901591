// The mean of max(y - 1, 0)^2 + max(-y, 0)^2, and its gradient.

struct Params {
    total: u32,
    len: u32,       // values of a sample
    told: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> recipe: array<f32>;
@group(0) @binding(3) var<storage, read_write> to_y: array<f32>;
@group(0) @binding(4) var<storage, read_write> told: array<f32>;

@compute @workgroup_size(256)
fn main(
    @builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    var sum = 0.0;
    for (var i = group.x * 256u + thread; i < params.total; i += groups.x * 256u) {
        let over = max(y[i] - 1.0, 0.0) - max(-y[i], 0.0);
        sum += over * over;
        to_y[i] += 2.0 * recipe[RANGE] / f32(params.len) * over;
    }
    sum = total(thread, sum);
    if (thread == 0u) {
        told[params.told + group.x] += sum / f32(params.len);
    }
}
