// The gradient to a convolution's weights, in PARTS that are added up afterwards: rows are output channels, columns inputs with their taps,
// the last column the bias; what is summed over are the positions of all samples.
//
//   part[s][row][column] = sum over (n, p) of chunk s of dy[n][row][p] * x[n][c][place of p under the tap]

struct Params {
    rows: u32,
    inner: u32,
    samples: u32,
    height: u32,    // of dy
    width: u32,
    x_height: u32,
    x_width: u32,
    chunk: u32,     // positions of a part, a multiple of 8
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> part: array<f32>;

const REACH: i32 = (i32(KERNEL) - 1) / 2;
const TAPS: u32 = KERNEL * KERNEL;
const BLOCK_QUADS: u32 = ROW_THREADS * ROW_QUADS;
const COLUMN_QUADS: u32 = COLUMN_THREADS * 2u;

var<workgroup> left: array<vec4<f32>, DEPTH * BLOCK_QUADS>;
var<workgroup> right: array<vec4<f32>, DEPTH * COLUMN_QUADS>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let area = params.height * params.width;
    let first_row = group.y * BLOCK_QUADS * 4u;
    let first_column = group.x * COLUMN_QUADS * 4u;
    let columns = TAPS * params.inner + 1u;
    let first = group.z * params.chunk;
    let end = min(first + params.chunk, params.samples * area);
    let tx = thread % COLUMN_THREADS;
    let ty = thread / COLUMN_THREADS;
    // Neighbouring threads fetch neighbouring positions.
    let own_k = thread % DEPTH;
    let own_quad = thread / DEPTH;
#for r in ROWS
    var sum_$r_0 = vec4<f32>();
    var sum_$r_1 = vec4<f32>();
#end
    for (var k = first; k < end; k += DEPTH) {
        workgroupBarrier();
        let position = k + own_k;
        let inside = position < end;
        let n = position / area;
        let p = position % area;
        if (own_quad < BLOCK_QUADS) {
            let row = first_row + own_quad * 4u;
            let start = n * params.rows * area + p;
            left[own_k * BLOCK_QUADS + own_quad] = vec4<f32>(
                gradient(row, start, area, inside), gradient(row + 1u, start, area, inside),
                gradient(row + 2u, start, area, inside), gradient(row + 3u, start, area, inside));
        }
        let column = first_column + own_quad * 4u;
        right[own_k * COLUMN_QUADS + own_quad] = vec4<f32>(
            value(column, columns, n, p, inside), value(column + 1u, columns, n, p, inside),
            value(column + 2u, columns, n, p, inside), value(column + 3u, columns, n, p, inside));
        workgroupBarrier();
#multiply
    }
#for b in TWO
#for j in FOUR
    {
        let column = first_column + ($bu * COLUMN_THREADS + tx) * 4u + $ju;
#for q in ROW_QUADS
#for i in FOUR
        {
            let row = first_row + ($qu * ROW_THREADS + ty) * 4u + $iu;
            if (row < params.rows && column < columns) {
                part[(group.z * params.rows + row) * columns + column] = sum_#(4*$q+$i)_$b[$j];
            }
        }
#end
#end
    }
#end
#end
}

fn gradient(row: u32, start: u32, area: u32, inside: bool) -> f32 {
    if (!inside || row >= params.rows) {
        return 0.0;
    }
    return dy[start + row * area];
}

fn value(column: u32, columns: u32, n: u32, p: u32, inside: bool) -> f32 {
    if (!inside || column >= columns) {
        return 0.0;
    }
    if (column == columns - 1u) {
        return 1.0;
    }
    let c = column / TAPS;
    let tap = column % TAPS;
    let row = nearby(i32(p / params.width * STRIDE + tap / KERNEL) - REACH, i32(params.x_height));
    let across = nearby(i32(p % params.width * STRIDE + tap % KERNEL) - REACH, i32(params.x_width));
    if (row < 0 || across < 0) {
        return 0.0;
    }
    return x[((n * params.inner + c) * params.x_height + u32(row)) * params.x_width + u32(across)];
}
