// Maps of half the size: the maximum or mean of 2x2 and its way back, each value four times and its way back.

struct Params {
    total: u32,     // values that are written
    height: u32,    // of what is written
    width: u32,
    x_height: u32,  // of what is read
    x_width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> small: array<f32>;  // UNPOOL: the maxima
@group(0) @binding(3) var<storage, read> large: array<f32>;  // UNPOOL: what they are the maxima of
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) at: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let area = params.height * params.width;
    for (var i = at.x; i < params.total; i += groups.x * 256u) {
        let channel = i / area * params.x_height * params.x_width;
        let v = i % area / params.width;
        let u = i % params.width;
#if POOL
        // A window over the edge takes what there is.
        let top = channel + 2u * v * params.x_width;
        let low = channel + min(2u * v + 1u, params.x_height - 1u) * params.x_width;
        let left = 2u * u;
        let right = min(2u * u + 1u, params.x_width - 1u);
        var value = max(max(x[top + left], x[top + right]), max(x[low + left], x[low + right]));
#end
#if MEAN
        let top = channel + 2u * v * params.x_width;
        let low = channel + min(2u * v + 1u, params.x_height - 1u) * params.x_width;
        let left = 2u * u;
        let right = min(2u * u + 1u, params.x_width - 1u);
        var value = 0.25 * ((x[top + left] + x[top + right]) + (x[low + left] + x[low + right]));
#end
#if UNMEAN
        // A last row or column without a neighbour counts twice.
        let rows = select(0.5, 1.0, v % 2u == 0u && v + 1u == params.height);
        let columns = select(0.5, 1.0, u % 2u == 0u && u + 1u == params.width);
        var value = rows * columns * x[channel + v / 2u * params.x_width + u / 2u];
#end
#if UNPOOL
        // The first place that holds the maximum takes the gradient.
        let origin = channel + v / 2u * params.x_width + u / 2u;
        let most = small[origin];
        let own = large[i] == most;
        var before = false;
        if (u % 2u == 1u) {
            before = large[i - 1u] == most;
        }
        if (v % 2u == 1u) {
            let above = i - params.width;
            before = before || large[above] == most;
            if (u % 2u == 1u) {
                before = before || large[above - 1u] == most;
            } else if (u + 1u < params.width) {
                before = before || large[above + 1u] == most;
            }
        }
        var value = select(0.0, x[origin], own && !before);
#if GATE
        value = select(0.0, value, most > 0.0);
#end
#end
#if DOUBLE
        var value = x[channel + v / 2u * params.x_width + u / 2u];
#end
#if FOLD
        let origin = channel + 2u * v * params.x_width + 2u * u;
        var value = (x[origin] + x[origin + 1u]) + (x[origin + params.x_width] + x[origin + params.x_width + 1u]);
#end
#if KEEP
        value += y[i];
#end
        y[i] = value;
    }
}
