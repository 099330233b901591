// The statistics as an activation of [2 C, 1, 1]: means, then deviations.

struct Params {
    area: u32,
    divisor: f32,  // of the variance
    eps: f32,
    channels: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read_write> y: array<Real>;

@compute @workgroup_size(THREADS)
fn main(
    @builtin(local_invocation_index) thread: u32,
    @builtin(workgroup_id) group: vec3<u32>,
#if SUBGROUPS
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) subgroups: u32,
#end
) {
#if SUBGROUPS
    own_subgroup = subgroup;
    all_subgroups = subgroups;
#end
    let found = combined(thread, group.x, params.area, params.divisor, params.eps);
    let channel = 4u * group.x + thread;
    if (thread < 4u && channel < params.channels) {
        y[channel] = real(found.mean[thread]);
        y[params.channels + channel] = real(found.deviation[thread]);
    }
}
