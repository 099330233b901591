// Convolution by tiles: bias, ReLU, residual and pooling fused.
//
//   y[o] = bias[o] + sum over c, j, i of weight[o][c][j][i] * x[c][v * STRIDE + j - R][u * STRIDE + i - R],  R = (KERNEL - 1) / 2
//
// Channels go four by four ("quads"): an activation is [quads][height][width] of vec4. A workgroup makes COLUMNS x
// (ROW_THREADS * ROWS) positions of QUAD_THREADS * QUADS quads, a thread ROWS positions below each other of QUADS quads.
// For DEPTH quads of inputs after each other, the tile of the input with its border and the weights go to workgroup memory.
// A batch of convolutions of one shape stands one after another in all buffers.

struct Params {
    width: u32,          // of the input, as the table sees it
    height: u32,
    x_width: u32,        // of the input in memory
    x_height: u32,
    in_quads: u32,
    out_width: u32,      // before pooling
    out_height: u32,
    out_quads: u32,
    residual_width: u32, // of the residual in memory
    residual_height: u32,
    blocks: u32,         // workgroups for all quads of one convolution
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> weight: array<Quad>;     // [out_quads][in_quads][KERNEL * KERNEL][4 inputs]
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> y: array<Quad>;

const TILE: u32 = TILE_WIDTH * TILE_HEIGHT;
const TAPS: u32 = KERNEL * KERNEL * 4u; // of one quad of inputs to one quad of outputs

var<workgroup> tile: array<Quad, DEPTH * TILE>;
var<workgroup> taps: array<Quad, DEPTH * BLOCK_QUADS * TAPS>;
#if POOL
var<workgroup> finished: array<vec4<f32>, THREADS>;
#end

@compute @workgroup_size(COLUMNS, ROW_THREADS, QUAD_THREADS)
fn main(
    @builtin(local_invocation_id) at: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
    @builtin(workgroup_id) group: vec3<u32>,
) {
    let left = group.x * COLUMNS;
    let top = group.y * ROW_THREADS * ROWS;
    let batch = group.z / params.blocks;
    let first_quad = group.z % params.blocks * BLOCK_QUADS;
#for q in QUADS
#for p in ROWS
    var sum_$q_$p = vec4<f32>();
#end
#end
    for (var first_in = 0u; first_in < params.in_quads; first_in += DEPTH) {
        workgroupBarrier();
        for (var i = thread; i < DEPTH * TILE; i += THREADS) {
            tile[i] = tile_value(batch, first_in + i / TILE, i % TILE, top, left);
        }
        for (var i = thread; i < DEPTH * BLOCK_QUADS * TAPS; i += THREADS) {
            taps[i] = tap_value(batch, first_in + i / (BLOCK_QUADS * TAPS), i % (BLOCK_QUADS * TAPS), first_quad);
        }
        workgroupBarrier();
        for (var step = 0u; step < DEPTH * KERNEL; step++) {
            let depth = step / KERNEL;
            let i = step % KERNEL;
            let corner = depth * TILE + at.y * ROWS * STRIDE * TILE_WIDTH + at.x * STRIDE + i;
#for r in TILE_ROWS
#if WIDE
            let x_$r = vec4<f32>(tile[corner + $ru * TILE_WIDTH]);
#end
#if NARROW
            let x_$r = tile[corner + $ru * TILE_WIDTH];
#end
#end
#for q in QUADS
#for j in KERNEL
            {
                let tap = (((depth * BLOCK_QUADS + at.z * QUADS + $qu) * KERNEL + $ju) * KERNEL + i) * 4u;
#if WIDE
                let w0 = vec4<f32>(taps[tap]);
                let w1 = vec4<f32>(taps[tap + 1u]);
                let w2 = vec4<f32>(taps[tap + 2u]);
                let w3 = vec4<f32>(taps[tap + 3u]);
#for p in ROWS
                sum_$q_$p = fma(w0, vec4<f32>(x_#($p*STRIDE+$j).x), sum_$q_$p);
                sum_$q_$p = fma(w1, vec4<f32>(x_#($p*STRIDE+$j).y), sum_$q_$p);
                sum_$q_$p = fma(w2, vec4<f32>(x_#($p*STRIDE+$j).z), sum_$q_$p);
                sum_$q_$p = fma(w3, vec4<f32>(x_#($p*STRIDE+$j).w), sum_$q_$p);
#end
#end
#if NARROW
                // Four products at once in the type of what is stored, summed up wide.
                let w0 = taps[tap];
                let w1 = taps[tap + 1u];
                let w2 = taps[tap + 2u];
                let w3 = taps[tap + 3u];
#for p in ROWS
                sum_$q_$p += vec4<f32>(fma(w3, Quad(x_#($p*STRIDE+$j).w), fma(w2, Quad(x_#($p*STRIDE+$j).z),
                    fma(w1, Quad(x_#($p*STRIDE+$j).y), w0 * x_#($p*STRIDE+$j).x))));
#end
#end
            }
#end
#end
        }
    }
    let u = left + at.x;
    let v = top + at.y * ROWS;
#for q in QUADS
    {
        let quad = first_quad + at.z * QUADS + $qu;
#if POOL
#for p in HALF_ROWS
        pool(thread, quad, v + 2u * $pu, u,
            max(finish(sum_$q_#(2*$p), quad, v + 2u * $pu, u), finish(sum_$q_#(2*$p+1), quad, v + 2u * $pu + 1u, u)));
#end
#end
#if PLAIN
#for p in ROWS
        if (inside(quad, v + $pu, u)) {
            let place = ((batch * params.out_quads + quad) * params.out_height + v + $pu) * params.out_width + u;
            y[place] = narrow(finish(sum_$q_$p, quad, v + $pu, u));
        }
#end
#end
    }
#end
}

// Value `i` of the input's tile; nothing past the last quad.
fn tile_value(batch: u32, quad: u32, i: u32, top: u32, left: u32) -> Quad {
    let row = source(i32(top * STRIDE + i / TILE_WIDTH) - i32(KERNEL / 2u), i32(params.height));
    let column = source(i32(left * STRIDE + i % TILE_WIDTH) - i32(KERNEL / 2u), i32(params.width));
    if (row < 0 || column < 0 || quad >= params.in_quads) {
        return Quad();
    }
    return narrow(load_x(batch * params.in_quads + quad, u32(row), u32(column), params.x_width, params.x_height));
}

// Value `i` of the weights for this workgroup's outputs.
fn tap_value(batch: u32, in_quad: u32, i: u32, first_quad: u32) -> Quad {
    let quad = first_quad + i / TAPS;
    if (quad >= params.out_quads || in_quad >= params.in_quads) {
        return Quad();
    }
    return weight[((batch * params.out_quads + quad) * params.in_quads + in_quad) * TAPS + i % TAPS];
}
#if POOL

// The larger of this thread's value and its right neighbour's, to half the size. All threads must come here.
fn pool(thread: u32, quad: u32, v: u32, u: u32, value: vec4<f32>) {
    workgroupBarrier();
    finished[thread] = value;
    workgroupBarrier();
    if (u % 2u == 0u && inside(quad, v, u)) {
        let place = (quad * ((params.out_height + 1u) / 2u) + v / 2u) * ((params.out_width + 1u) / 2u) + u / 2u;
        y[place] = narrow(max(value, finished[thread + 1u]));
    }
}
#end
