// 1 - SSIM of luma over windows of WINDOW px at steps of STEP px. WINDOWS: one thread a window gives its loss and its gradient to each of its
// pixels p as `one + own * p + other * q`. PIXELS: one thread a pixel adds up what the windows over it say.

struct Params {
    samples: u32,
    height: u32,
    width: u32,
    rows: u32,      // of windows
    columns: u32,
    told: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> recipe: array<f32>;
@group(0) @binding(4) var<storage, read_write> windows: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> to_y: array<f32>;
@group(0) @binding(6) var<storage, read_write> told: array<f32>;

const LUMA = vec3<f32>(0.299, 0.587, 0.114);
const C1: f32 = 1e-4;
const C2: f32 = 9e-4;

fn luma(n: u32, p: u32) -> vec2<f32> {
    let area = params.height * params.width;
    let start = n * 3u * area + p;
    return LUMA.x * vec2<f32>(y[start], x[start])
        + LUMA.y * vec2<f32>(y[start + area], x[start + area])
        + LUMA.z * vec2<f32>(y[start + 2u * area], x[start + 2u * area]);
}
#if WINDOWS

@compute @workgroup_size(256)
fn main(
    @builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let count = params.rows * params.columns;
    var sum = 0.0;
    for (var i = group.x * 256u + thread; i < params.samples * count; i += groups.x * 256u) {
        let n = i / count;
        let start = (i % count / params.columns * params.width + i % params.columns) * STEP;
        var sums = vec2<f32>();
        var squares = vec2<f32>();
        var both = 0.0;
        for (var row = 0u; row < WINDOW; row++) {
            for (var column = 0u; column < WINDOW; column++) {
                let l = luma(n, start + row * params.width + column);
                sums += l;
                squares += l * l;
                both += l.x * l.y;
            }
        }
        let pixels = f32(WINDOW * WINDOW);
        let m = sums / pixels;
        let variance = squares / pixels - m * m;
        let cov = both / pixels - m.x * m.y;
        let a = 2.0 * m.x * m.y + C1;
        let b = 2.0 * cov + C2;
        let c = m.x * m.x + m.y * m.y + C1;
        let d = variance.x + variance.y + C2;
        let value = a * b / (c * d);
        let by_mean = value * (2.0 * m.y / a - 2.0 * m.x / c) / pixels;
        let by_cov = value * 2.0 / b / pixels;
        let by_var = -value * 2.0 / d / pixels;
        windows[i] = vec4<f32>(by_mean - by_cov * m.y - by_var * m.x, by_var, by_cov, value);
        sum += (1.0 - value) / f32(count);
    }
    sum = total(thread, sum);
    if (thread == 0u) {
        told[params.told + group.x] += sum;
    }
}
#end
#if PIXELS

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) at: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let area = params.height * params.width;
    let scale = recipe[SSIM] / f32(params.rows * params.columns);
    for (var i = at.x; i < params.samples * area; i += groups.x * 256u) {
        let n = i / area;
        let p = i % area;
        let v = p / params.width;
        let u = p % params.width;
        // Windows v2 with STEP * v2 <= v < STEP * v2 + WINDOW.
        let first_row = (max(v + STEP, WINDOW) - WINDOW) / STEP;
        let first_column = (max(u + STEP, WINDOW) - WINDOW) / STEP;
        var sums = vec3<f32>();
        for (var row = first_row; row <= min(v / STEP, params.rows - 1u); row++) {
            for (var column = first_column; column <= min(u / STEP, params.columns - 1u); column++) {
                sums += windows[(n * params.rows + row) * params.columns + column].xyz;
            }
        }
        let l = luma(n, p);
        let slope = -scale * (sums.x + sums.y * l.x + sums.z * l.y);
        let start = n * 3u * area + p;
        to_y[start] += LUMA.x * slope;
        to_y[start + area] += LUMA.y * slope;
        to_y[start + 2u * area] += LUMA.z * slope;
    }
}
#end
