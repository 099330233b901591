var<workgroup> room: array<f32, 256>;

// The sum of all threads' values, in every thread; always added in one order.
fn total(thread: u32, value: f32) -> f32 {
    workgroupBarrier();
    room[thread] = value;
    workgroupBarrier();
    for (var half = 128u; half > 0u; half /= 2u) {
        if (thread < half) {
            room[thread] += room[thread + half];
        }
        workgroupBarrier();
    }
    return room[0];
}
