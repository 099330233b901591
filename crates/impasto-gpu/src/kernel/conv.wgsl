// Convolution by tiles: bias, ReLU, residual and pooling fused.
//
//   y[o] = bias[o] + sum over c, j, i of weight[o][c][j][i] * x[c][v * STRIDE + j - R][u * STRIDE + i - R],  R = (KERNEL - 1) / 2
//
// Channels go four by four ("quads"): an activation is [quads][height][width] of vec4. A workgroup makes COLUMNS x
// (ROW_THREADS * ROWS) positions of QUAD_THREADS * QUADS quads, a thread ROWS positions below each other of QUADS quads.
// For one quad of inputs after the other, the tile of the input with its border and the weights go to workgroup memory.

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
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> weight: array<Quad>;     // [out_quads][in_quads][KERNEL * KERNEL][4 inputs]
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> y: array<Quad>;

var<workgroup> tile: array<Quad, TILE_WIDTH * TILE_HEIGHT>;
var<workgroup> taps: array<Quad, BLOCK_QUADS * KERNEL * KERNEL * 4u>;
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
    let first_quad = group.z * BLOCK_QUADS;
#for q in QUADS
#for p in ROWS
    var sum_$q_$p = vec4<f32>();
#end
#end
    for (var in_quad = 0u; in_quad < params.in_quads; in_quad++) {
        workgroupBarrier();
        for (var i = thread; i < TILE_WIDTH * TILE_HEIGHT; i += THREADS) {
            tile[i] = tile_value(in_quad, i, top, left);
        }
        for (var i = thread; i < BLOCK_QUADS * KERNEL * KERNEL * 4u; i += THREADS) {
            taps[i] = tap_value(in_quad, i, first_quad);
        }
        workgroupBarrier();
        for (var i = 0u; i < KERNEL; i++) {
            let corner = at.y * ROWS * STRIDE * TILE_WIDTH + at.x * STRIDE + i;
#for r in TILE_ROWS
            let x_$r = vec4<f32>(tile[corner + $ru * TILE_WIDTH]);
#end
#for q in QUADS
#for j in KERNEL
            {
                let tap = (((at.z * QUADS + $qu) * KERNEL + $ju) * KERNEL + i) * 4u;
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
            y[(quad * params.out_height + v + $pu) * params.out_width + u] = narrow(finish(sum_$q_$p, quad, v + $pu, u));
        }
#end
#end
    }
#end
}

fn inside(quad: u32, v: u32, u: u32) -> bool {
    return quad < params.out_quads && v < params.out_height && u < params.out_width;
}

// Value `i` of the input's tile.
fn tile_value(quad: u32, i: u32, top: u32, left: u32) -> Quad {
    let row = source(i32(top * STRIDE + i / TILE_WIDTH) - i32(KERNEL / 2u), i32(params.height));
    let column = source(i32(left * STRIDE + i % TILE_WIDTH) - i32(KERNEL / 2u), i32(params.width));
    if (row < 0 || column < 0) {
        return Quad();
    }
    return narrow(load_x(quad, u32(row), u32(column), params.x_width, params.x_height));
}

// Value `i` of the weights for this workgroup's outputs.
fn tap_value(in_quad: u32, i: u32, first_quad: u32) -> Quad {
    let each = KERNEL * KERNEL * 4u;
    let quad = first_quad + i / each;
    if (quad >= params.out_quads) {
        return Quad();
    }
    return weight[(quad * params.in_quads + in_quad) * each + i % each];
}

fn finish(sum: vec4<f32>, quad: u32, v: u32, u: u32) -> vec4<f32> {
    if (!inside(quad, v, u)) {
        return vec4<f32>(-3.0e38);
    }
    var value = sum + bias[quad];
#if RELU_BEFORE
    value = max(value, vec4<f32>());
#end
#if RESIDUAL
    value += load_residual(quad, v, u, params.residual_width, params.residual_height);
#end
#if RELU_AFTER
    value = max(value, vec4<f32>());
#end
    return value;
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
