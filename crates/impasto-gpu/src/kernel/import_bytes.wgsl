// The picture, interleaved RGB8, to one quad in 0..1, extended at the bottom and right by its last row and column.

struct Params {
    picture_width: u32,
    picture_height: u32,
    width: u32,   // extended
    height: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> bytes: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<Quad>;

@compute @workgroup_size(16, 4, 1)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    if (at.x >= params.width || at.y >= params.height) {
        return;
    }
    let row = min(at.y, params.picture_height - 1u);
    let first = 3u * (row * params.picture_width + min(at.x, params.picture_width - 1u));
    let rgb = vec3<f32>(byte(first), byte(first + 1u), byte(first + 2u));
    y[at.y * params.width + at.x] = narrow(vec4<f32>(rgb / 255.0, 0.0));
}

fn byte(at: u32) -> f32 {
    return f32((bytes[at / 4u] >> (8u * (at % 4u))) & 255u);
}
