// A convolution, or its gradient to the input, as a product of matrices that is never written out: rows are the channels that are made,
// columns the positions of all samples, and what is summed over are taps and channels.
//
//   y[n][row][p] = bias[row] + sum over tap, c of weight[tap * inner + c][row] * x[n][c][place of p under the tap]
//
// TILED: a workgroup makes BLOCK_QUADS * 4 rows of COLUMN_THREADS * 8 columns. DEPTH sums at once go to workgroup memory while the next are
// fetched; a thread keeps ROW_QUADS x 2 squares of 4 x 4 sums (`#multiply` stands for multiply.wgsl). NARROW: a thread makes a column of up to four rows by itself.

struct Params {
    rows: u32,
    inner: u32,
    samples: u32,
    height: u32,    // of what is made
    width: u32,
    x_height: u32,  // of what is read
    x_width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>; // [tap * inner + c][rows / 4]
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;            // [n][inner][x_height][x_width]
@group(0) @binding(4) var<storage, read> gate: array<f32>;         // as y
@group(0) @binding(5) var<storage, read_write> y: array<f32>;      // [n][rows][height][width]

const REACH: i32 = (i32(KERNEL) - 1) / 2;

struct Place {
    base: u32,  // of the sample in x
    row: i32,
    column: i32,
    edges: u32, // BACK: what stands in for it outside: 1 above, 2 below, 4 to the left, 8 to the right
    inside: bool,
}

fn place(column: u32) -> Place {
    let area = params.height * params.width;
    let n = column / area;
    let p = column % area;
    let row = i32(p / params.width);
    let across = i32(p % params.width);
    var edges = 0u;
#if BORDER
    let height = i32(params.height);
    let width = i32(params.width);
    edges = select(0u, 1u, nearby(-1, height) == row) | select(0u, 2u, nearby(height, height) == row)
        | select(0u, 4u, nearby(-1, width) == across) | select(0u, 8u, nearby(width, width) == across);
#end
    return Place(n * params.inner * params.x_height * params.x_width, row, across, edges, n < params.samples);
}
#if TILED

const BLOCK_QUADS: u32 = ROW_THREADS * ROW_QUADS;
const COLUMN_QUADS: u32 = COLUMN_THREADS * 2u;

var<workgroup> left: array<vec4<f32>, DEPTH * BLOCK_QUADS>;
var<workgroup> right: array<vec4<f32>, DEPTH * COLUMN_QUADS>;

@compute @workgroup_size(256)
fn main(
    @builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let first_quad = group.y * BLOCK_QUADS;
    let first_column = (group.z * groups.x + group.x) * COLUMN_QUADS * 4u;
    let all_quads = (params.rows + 3u) / 4u;
    let depth = KERNEL * KERNEL * params.inner;
    let tx = thread % COLUMN_THREADS;
    let ty = thread / COLUMN_THREADS;

    // What this thread fetches: LOADS times four columns of one sum, and one quad of the weights.
#for l in LOADS
    let own_$l = thread + $lu * 256u;
    let k_$l = own_$l / COLUMN_QUADS;
#for j in FOUR
    let at_$l_$j = place(first_column + own_$l % COLUMN_QUADS * 4u + $ju);
#end
#end
    let left_k = thread / BLOCK_QUADS;
    let left_quad = first_quad + thread % BLOCK_QUADS;
    let fetches_left = left_k < DEPTH;

#for r in ROWS
    var sum_$r_0 = vec4<f32>();
    var sum_$r_1 = vec4<f32>();
#end
    var next_left = weight_at(left_k, left_quad, all_quads, depth, fetches_left);
#for l in LOADS
    var next_$l = vec4<f32>(value(at_$l_0, k_$l, 0u, depth), value(at_$l_1, k_$l, 0u, depth),
        value(at_$l_2, k_$l, 0u, depth), value(at_$l_3, k_$l, 0u, depth));
#end
    for (var k = 0u; k < depth; k += DEPTH) {
        workgroupBarrier();
        if (fetches_left) {
            left[thread] = next_left;
        }
#for l in LOADS
        right[own_$l] = next_$l;
#end
        workgroupBarrier();
        let after = k + DEPTH;
        if (after < depth) {
            next_left = weight_at(after + left_k, left_quad, all_quads, depth, fetches_left);
#for l in LOADS
            next_$l = vec4<f32>(value(at_$l_0, k_$l, after, depth), value(at_$l_1, k_$l, after, depth),
                value(at_$l_2, k_$l, after, depth), value(at_$l_3, k_$l, after, depth));
#end
        }
#multiply
    }
    let area = params.height * params.width;
#for b in TWO
#for j in FOUR
    {
        let column = first_column + ($bu * COLUMN_THREADS + tx) * 4u + $ju;
        let n = column / area;
        let start = n * params.rows * area + column % area;
        if (n < params.samples) {
#for q in ROW_QUADS
#for i in FOUR
            store((first_quad + $qu * ROW_THREADS + ty) * 4u + $iu, start, area, sum_#(4*$q+$i)_$b[$j]);
#end
#end
        }
    }
#end
#end
}

fn weight_at(k: u32, quad: u32, all_quads: u32, depth: u32, fetches: bool) -> vec4<f32> {
    if (!fetches || quad >= all_quads || k >= depth) {
        return vec4<f32>();
    }
    return weight[k * all_quads + quad];
}

// Sum `first + own` at a place.
fn value(at: Place, own: u32, first: u32, depth: u32) -> f32 {
#if WHOLE
    // DEPTH channels in a row are under one tap.
    let tap = first / params.inner;
    let c = first % params.inner + own;
#end
#if BROKEN
    let tap = (first + own) / params.inner;
    let c = (first + own) % params.inner;
    if (first + own >= depth) {
        return 0.0;
    }
#end
    if (!at.inside) {
        return 0.0;
    }
    return under(at, at.base + c * params.x_height * params.x_width, i32(tap / KERNEL) - REACH, i32(tap % KERNEL) - REACH);
}
#end
#if NARROW

@compute @workgroup_size(256)
fn main(
    @builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let column = (group.z * groups.x + group.x) * 256u + thread;
    let at = place(column);
    if (!at.inside) {
        return;
    }
    let x_area = params.x_height * params.x_width;
    var sum = vec4<f32>();
    for (var tap = 0u; tap < KERNEL * KERNEL; tap++) {
        let v = i32(tap / KERNEL) - REACH;
        let u = i32(tap % KERNEL) - REACH;
        for (var c = 0u; c < params.inner; c++) {
            sum = fma(weight[tap * params.inner + c], vec4<f32>(under(at, at.base + c * x_area, v, u)), sum);
        }
    }
    let area = params.height * params.width;
    let start = column / area * params.rows * area + column % area;
#for i in FOUR
    store($iu, start, area, sum[$i]);
#end
}
#end

fn store(row: u32, start: u32, area: u32, sum: f32) {
    if (row >= params.rows) {
        return;
    }
    let at = start + row * area;
    var value = sum;
#if BIAS
    value += bias[row];
#end
#if RELU
    value = max(value, 0.0);
#end
#if GATE
    value = select(0.0, value, gate[at] > 0.0);
#end
#if KEEP
    value += y[at];
#end
    y[at] = value;
}
#if FORWARD

fn under(at: Place, base: u32, v: i32, u: i32) -> f32 {
    let row = nearby(at.row * i32(STRIDE) + v, i32(params.x_height));
    let column = nearby(at.column * i32(STRIDE) + u, i32(params.x_width));
    if (row < 0 || column < 0) {
        return 0.0;
    }
    return x[base + u32(row) * params.x_width + u32(column)];
}
#end
#if BACK

// All outputs that have read this place under the tap (v, u): as itself, and as what stands in for it outside of the picture.
fn under(at: Place, base: u32, v: i32, u: i32) -> f32 {
    let row = at.row - v;
    let column = at.column - u;
    var sum = output(base, row, column);
#if BORDER
    if (at.edges != 0u) {
        let height = i32(params.height) - v;
        let width = i32(params.width) - u;
        let above = (at.edges & 1u) != 0u;
        let below = (at.edges & 2u) != 0u;
        let before = (at.edges & 4u) != 0u;
        let behind = (at.edges & 8u) != 0u;
        if (before) { sum += output(base, row, -1 - u); }
        if (behind) { sum += output(base, row, width); }
        if (above) {
            sum += output(base, -1 - v, column);
            if (before) { sum += output(base, -1 - v, -1 - u); }
            if (behind) { sum += output(base, -1 - v, width); }
        }
        if (below) {
            sum += output(base, height, column);
            if (before) { sum += output(base, height, -1 - u); }
            if (behind) { sum += output(base, height, width); }
        }
    }
#end
    return sum;
}

// The gradient to the output whose window's middle stands at a place of the input; 0 where none stands.
fn output(base: u32, row: i32, column: i32) -> f32 {
    let v = row / i32(STRIDE);
    let u = column / i32(STRIDE);
    if (row < 0 || column < 0 || v * i32(STRIDE) != row || u * i32(STRIDE) != column
        || v >= i32(params.x_height) || u >= i32(params.x_width)) {
        return 0.0;
    }
    return x[base + u32(v) * params.x_width + u32(u)];
}
#end
