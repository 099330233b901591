// Maximum of 2x2 windows, or their mean; windows over the edge take what there is.

struct Params {
    width: u32,    // of the input, as the table sees it
    height: u32,
    x_width: u32,  // in memory
    x_height: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read_write> y: array<Quad>;

@compute @workgroup_size(16, 4, 1)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    let width = (params.width + 1u) / 2u;
    let height = (params.height + 1u) / 2u;
    if (at.x >= width || at.y >= height) {
        return;
    }
    let right = min(2u * at.x + 1u, params.width - 1u);
    let bottom = min(2u * at.y + 1u, params.height - 1u);
    let a = value(at.z, 2u * at.y, 2u * at.x);
    let b = value(at.z, 2u * at.y, right);
    let c = value(at.z, bottom, 2u * at.x);
    let d = value(at.z, bottom, right);
    let pooled = select(max(max(a, b), max(c, d)), 0.25 * ((a + b) + (c + d)), MEAN == 1u);
    y[(at.z * height + at.y) * width + at.x] = narrow(pooled);
}

fn value(q: u32, y: u32, x: u32) -> vec4<f32> {
    return load_x(q, y, x, params.x_width, params.x_height);
}
