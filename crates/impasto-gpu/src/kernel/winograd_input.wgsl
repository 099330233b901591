// First step of Winograd's convolution F(4x4, 3x3) (Lavin and Gray 2016): the input's 6x6 patches, each the source of 4x4
// results, transformed: V = B^T d B. A thread makes one patch of one quad.

struct Params {
    width: u32,    // of the input, as the table sees it
    height: u32,
    x_width: u32,  // of the input in memory
    x_height: u32,
    quads: u32,
    columns: u32,  // patches
    rows: u32,
}

struct Six { v0: vec4<f32>, v1: vec4<f32>, v2: vec4<f32>, v3: vec4<f32>, v4: vec4<f32>, v5: vec4<f32> }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read_write> v: array<vec4<f32>>; // [36][quads][rows][columns]

@compute @workgroup_size(16, 4, 1)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    if (at.x >= params.columns || at.y >= params.rows) {
        return;
    }
#for i in SIX
    let column_$i = forward(value(at, 0u, $iu), value(at, 1u, $iu), value(at, 2u, $iu),
        value(at, 3u, $iu), value(at, 4u, $iu), value(at, 5u, $iu));
#end
#for j in SIX
    let row_$j = forward(column_0.v$j, column_1.v$j, column_2.v$j, column_3.v$j, column_4.v$j, column_5.v$j);
#for i in SIX
    v[((#(6*$j+$i)u * params.quads + at.z) * params.rows + at.y) * params.columns + at.x] = row_$j.v$i;
#end
#end
}

fn value(at: vec3<u32>, j: u32, i: u32) -> vec4<f32> {
    let row = source(i32(4u * at.y + j) - 1, i32(params.height));
    let column = source(i32(4u * at.x + i) - 1, i32(params.width));
    if (row < 0 || column < 0) {
        return vec4<f32>();
    }
    return load_x(at.z, u32(row), u32(column), params.x_width, params.x_height);
}

fn forward(
    d0: vec4<f32>, d1: vec4<f32>, d2: vec4<f32>, d3: vec4<f32>, d4: vec4<f32>, d5: vec4<f32>,
) -> Six {
    let even = d4 - 4.0 * d2;
    let odd = d3 - 4.0 * d1;
    let near = d4 - d2;
    let far = 2.0 * (d3 - d1);
    return Six(4.0 * d0 - 5.0 * d2 + d4, even + odd, even - odd, near + far, near - far, 4.0 * d1 - 5.0 * d3 + d5);
}
