// A noise layer, for the kernels of both ways: sizes, the field, the weights, the style.

struct Params {
    total: u32,
    area: u32,      // positions of a channel
    channels: u32,
    style_len: u32,
    start: u32,     // of the site in a style vector
    layer: u32,     // of the layer in the flat vector
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> cells: array<vec4<f32>>; // [samples][area]
@group(0) @binding(3) var<storage, read> values: array<f32>;      // weight [channels][PLANES] from `layer` on
@group(0) @binding(4) var<storage, read> style: array<f32>;
