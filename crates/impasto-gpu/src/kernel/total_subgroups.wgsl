// As total.wgsl, where the adapter adds up a subgroup at once. All threads must come here.

var<workgroup> summands: array<vec4<f32>, THREADS>; // one for each subgroup
var<private> own_subgroup: u32;
var<private> all_subgroups: u32;

fn total(thread: u32, value: vec4<f32>) -> vec4<f32> {
    let part = subgroupAdd(value);
    workgroupBarrier();
    // All threads of a subgroup write the same.
    summands[own_subgroup] = part;
    workgroupBarrier();
    var sum = summands[0];
    for (var i = 1u; i < all_subgroups; i++) {
        sum += summands[i];
    }
    return sum;
}
