// Adds the samples' gradients to a layer's weights to the flat vector of all gradients.

struct Params {
    count: u32,     // of weights
    samples: u32,
    layer: u32,     // of the layer in the flat vector
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> products: array<f32>; // [samples][count]
@group(0) @binding(2) var<storage, read_write> flat: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    if (at.x >= params.count) {
        return;
    }
    var sum = 0.0;
    for (var n = 0u; n < params.samples; n++) {
        sum += products[n * params.count + at.x];
    }
    flat[params.layer + at.x] += sum;
}
