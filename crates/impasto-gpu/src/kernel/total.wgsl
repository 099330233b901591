// The sum of one value of each of THREADS threads, in every thread, always in the same order. All threads must come here.

var<workgroup> summands: array<vec4<f32>, THREADS>;

fn total(thread: u32, value: vec4<f32>) -> vec4<f32> {
    workgroupBarrier();
    summands[thread] = value;
    for (var step = THREADS / 2u; step > 0u; step /= 2u) {
        workgroupBarrier();
        if (thread < step) {
            summands[thread] += summands[thread + step];
        }
    }
    workgroupBarrier();
    return summands[0];
}
