// First step of the statistics: for each quad and each chunk of THREADS * EACH positions the mean, and the sum of squared
// differences from that mean (two passes over values that are at hand, so that nothing cancels).

struct Params {
    area: u32,
    chunks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Quad>;
@group(0) @binding(2) var<storage, read_write> parts: array<vec4<f32>>; // [quads][chunks][mean, squares]

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
    let start = group.x * THREADS * EACH;
    let end = min(start + THREADS * EACH, params.area);
    let first = group.y * params.area;
    var sum = vec4<f32>();
    for (var i = start + thread; i < end; i += THREADS) {
        sum += vec4<f32>(x[first + i]);
    }
    let mean = total(thread, sum) / f32(end - start);
    var squares = vec4<f32>();
    for (var i = start + thread; i < end; i += THREADS) {
        let difference = vec4<f32>(x[first + i]) - mean;
        squares += difference * difference;
    }
    squares = total(thread, squares);
    if (thread == 0u) {
        let place = 2u * (group.y * params.chunks + group.x);
        parts[place] = mean;
        parts[place + 1u] = squares;
    }
}
