// The mean of |a - b| where both show the same, a square; its gradient is added to the one to a.

struct Params {
    total: u32,     // values of a
    side: u32,      // of the pictures, which are square
    told: u32,
}

struct Overlap {
    here: vec2<u32>,    // left and upper edge in a
    there: vec2<u32>,   // in b
    side: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> overlaps: array<Overlap>;
@group(0) @binding(4) var<storage, read> recipe: array<f32>;
@group(0) @binding(5) var<storage, read_write> to_a: array<f32>;
@group(0) @binding(6) var<storage, read_write> told: array<f32>;

@compute @workgroup_size(256)
fn main(
    @builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let area = params.side * params.side;
    var sum = 0.0;
    for (var i = group.x * 256u + thread; i < params.total; i += groups.x * 256u) {
        let overlap = overlaps[i / (3u * area)];
#if FIRST
        let here = overlap.here;
        let there = overlap.there;
#end
#if SECOND
        let here = overlap.there;
        let there = overlap.here;
#end
        let v = i % area / params.side - here.y;
        let u = i % params.side - here.x;
        if (v < overlap.side && u < overlap.side) {
            let away = a[i] - b[i / area * area + (v + there.y) * params.side + u + there.x];
            let n = f32(3u * overlap.side * overlap.side);
            sum += abs(away) / n;
            to_a[i] += recipe[WEIGHT] / n * sign(away);
        }
    }
#if FIRST
    sum = total(thread, sum);
    if (thread == 0u) {
        told[params.told + group.x] += sum;
    }
#end
}
