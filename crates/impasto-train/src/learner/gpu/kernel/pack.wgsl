// A layer's weights from the flat vector, [outputs][inputs][taps], in the order in which `conv.wgsl` reads them:
// forward [tap][inputs][outputs / 4], back [tap][outputs][inputs / 4], of vec4.

struct Params {
    outputs: u32,
    inputs: u32,
    taps: u32,
    start: u32,
    bias: u32,      // where the bias starts
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> flat: array<f32>;
@group(0) @binding(2) var<storage, read_write> forward: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> back: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> bias: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    let i = at.x;
    let out_quads = (params.outputs + 3u) / 4u;
    let in_quads = (params.inputs + 3u) / 4u;
    if (i < params.taps * params.inputs * out_quads) {
        let k = i / out_quads;
        let o = i % out_quads * 4u;
        let c = k % params.inputs;
        let t = k / params.inputs;
        forward[i] = vec4<f32>(weight(o, c, t), weight(o + 1u, c, t), weight(o + 2u, c, t), weight(o + 3u, c, t));
    }
    if (i < params.taps * params.outputs * in_quads) {
        let k = i / in_quads;
        let c = i % in_quads * 4u;
        let o = k % params.outputs;
        let t = k / params.outputs;
        back[i] = vec4<f32>(weight(o, c, t), weight(o, c + 1u, t), weight(o, c + 2u, t), weight(o, c + 3u, t));
    }
    if (i < params.outputs) {
        bias[i] = flat[params.bias + i];
    }
}

fn weight(o: u32, c: u32, t: u32) -> f32 {
    if (o >= params.outputs || c >= params.inputs) {
        return 0.0;
    }
    return flat[params.start + (o * params.inputs + c) * params.taps + t];
}
