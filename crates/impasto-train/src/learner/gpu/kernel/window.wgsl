// A square part of each sample's picture, or (BACK) what is said about it added to the whole.

struct Params {
    total: u32,     // values of what is written
    side: u32,      // of the part
    height: u32,    // of the whole
    width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> views: array<vec2<u32>>;   // left and upper edge of each sample's
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) at: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let area = params.side * params.side;
    let whole = params.height * params.width;
    for (var i = at.x; i < params.total; i += groups.x * 256u) {
#if TAKE
        let view = views[i / (3u * area)];
        let v = i % area / params.side + view.y;
        let u = i % params.side + view.x;
        y[i] = x[i / area * whole + v * params.width + u];
#end
#if BACK
        let view = views[i / (3u * whole)];
        let v = i % whole / params.width - view.y;
        let u = i % params.width - view.x;
        // What lies before the window has wrapped round.
        if (v < params.side && u < params.side) {
            y[i] += x[i / whole * area + v * params.side + u];
        }
#end
    }
}
