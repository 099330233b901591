// Last step of Winograd's convolution: Y = A^T m A of each patch's 36 sums, and what is fused behind. A thread makes 4x4
// results of one quad, or 2x2 where they are pooled. The step between, the products, is `conv.wgsl` in a batch of 36.

struct Params {
    out_width: u32,      // before pooling
    out_height: u32,
    out_quads: u32,
    residual_width: u32, // of the residual in memory
    residual_height: u32,
    columns: u32,        // patches
    rows: u32,
}

struct Four { v0: vec4<f32>, v1: vec4<f32>, v2: vec4<f32>, v3: vec4<f32> }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> m: array<vec4<f32>>; // [36][out_quads][rows][columns]
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> y: array<Quad>;

@compute @workgroup_size(16, 4, 1)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    if (at.x >= params.columns || at.y >= params.rows) {
        return;
    }
#for i in SIX
    let column_$i = back(sum(at, #($i)u), sum(at, #(6+$i)u), sum(at, #(12+$i)u),
        sum(at, #(18+$i)u), sum(at, #(24+$i)u), sum(at, #(30+$i)u));
#end
#for j in FOUR
    let row_$j = back(column_0.v$j, column_1.v$j, column_2.v$j, column_3.v$j, column_4.v$j, column_5.v$j);
#for i in FOUR
    let y_$j_$i = finish(row_$j.v$i, at.z, 4u * at.y + $ju, 4u * at.x + $iu);
#end
#end
#if PLAIN
#for j in FOUR
#for i in FOUR
    if (inside(at.z, 4u * at.y + $ju, 4u * at.x + $iu)) {
        y[(at.z * params.out_height + 4u * at.y + $ju) * params.out_width + 4u * at.x + $iu] = narrow(y_$j_$i);
    }
#end
#end
#end
#if POOL
    let height = (params.out_height + 1u) / 2u;
    let width = (params.out_width + 1u) / 2u;
#for j in TWO
#for i in TWO
    if (inside(at.z, 4u * at.y + #(2*$j)u, 4u * at.x + #(2*$i)u)) {
        let upper = max(y_#(2*$j)_#(2*$i), y_#(2*$j)_#(2*$i+1));
        let lower = max(y_#(2*$j+1)_#(2*$i), y_#(2*$j+1)_#(2*$i+1));
        y[(at.z * height + 2u * at.y + $ju) * width + 2u * at.x + $iu] = narrow(max(upper, lower));
    }
#end
#end
#end
}

fn sum(at: vec3<u32>, k: u32) -> vec4<f32> {
    return m[((k * params.out_quads + at.z) * params.rows + at.y) * params.columns + at.x];
}

fn back(
    m0: vec4<f32>, m1: vec4<f32>, m2: vec4<f32>, m3: vec4<f32>, m4: vec4<f32>, m5: vec4<f32>,
) -> Four {
    let near = m1 + m2;
    let near_odd = m1 - m2;
    let far = m3 + m4;
    let far_odd = m3 - m4;
    return Four(m0 + near + far, near_odd + 2.0 * far_odd, near + 4.0 * far, near_odd + 8.0 * far_odd + m5);
}
