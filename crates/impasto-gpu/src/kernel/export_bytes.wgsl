// The output's top left part to interleaved RGB8: clamped to 0..1 and rounded. A thread makes four pixels, three words.

struct Params {
    picture_width: u32,
    picture_height: u32,
    x_width: u32, // in memory
    x_height: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read_write> words: array<u32>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) at: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let four = at.y * groups.x * 64u + at.x;
    if (four >= arrayLength(&words) / 3u) {
        return;
    }
    let a = pixel(4u * four);
    let b = pixel(4u * four + 1u);
    let c = pixel(4u * four + 2u);
    let d = pixel(4u * four + 3u);
    words[3u * four] = a.r | (a.g << 8u) | (a.b << 16u) | (b.r << 24u);
    words[3u * four + 1u] = b.g | (b.b << 8u) | (c.r << 16u) | (c.g << 24u);
    words[3u * four + 2u] = c.b | (d.r << 8u) | (d.g << 16u) | (d.b << 24u);
}

fn pixel(i: u32) -> vec3<u32> {
    let last = params.picture_width * params.picture_height - 1u;
    let at = min(i, last);
    let value = load_x(0u, at / params.picture_width, at % params.picture_width, params.x_width, params.x_height);
    return vec3<u32>(floor(clamp(value.rgb, vec3<f32>(), vec3<f32>(1.0)) * 255.0 + 0.5));
}
