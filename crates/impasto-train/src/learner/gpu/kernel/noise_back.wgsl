// The gradient to a noise layer's part of the style and, for each sample, to its weights; one workgroup a channel of a sample.
//
// With p_k = sum of dy n_k: d gain = sum over k of weight[k] p_k, d weight[k] = gain p_k.

@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> to_style: array<f32>;
@group(0) @binding(6) var<storage, read_write> products: array<f32>; // [samples][channels][PLANES]

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let channel = group.y * params.channels + group.x;
    var own = vec4<f32>();
    for (var i = thread; i < params.area; i += 256u) {
        own += dy[channel * params.area + i] * cells[group.y * params.area + i];
    }
#for k in PLANES
    let sum_$k = total(thread, own[$k]);
#end
    if (thread == 0u) {
        let place = group.y * params.style_len + params.start + group.x;
        let weight = params.layer + group.x * PLANES;
        var along = 0.0;
#for k in PLANES
        along += values[weight + $ku] * sum_$k;
        products[channel * PLANES + $ku] = style[place] * sum_$k;
#end
        to_style[place] += along;
    }
}
