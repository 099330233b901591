// Convolution without tiles, for windows, steps and groups that `conv.wgsl` does not take. A thread makes one quad at
// one position; bias, ReLU and residual are fused.

struct Params {
    width: u32,          // of the input, as the table sees it
    height: u32,
    x_width: u32,        // of the input in memory
    x_height: u32,
    out_width: u32,
    out_height: u32,
    out_channels: u32,
    group_in: u32,       // channels of one group
    group_out: u32,
    kernel: u32,
    stride: u32,
    residual_width: u32, // of the residual in memory
    residual_height: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> weight: array<Real>;     // [out][group_in][kernel][kernel]
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> y: array<Quad>;

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    if (at.x >= params.out_width || at.y >= params.out_height) {
        return;
    }
    var sum = bias[at.z];
    for (var lane = 0u; lane < 4u; lane++) {
        let channel = 4u * at.z + lane;
        if (channel < params.out_channels) {
            sum[lane] += product(channel, at.y, at.x);
        }
    }
#if RELU_BEFORE
    sum = max(sum, vec4<f32>());
#end
#if RESIDUAL
    sum += load_residual(at.z, at.y, at.x, params.residual_width, params.residual_height);
#end
#if RELU_AFTER
    sum = max(sum, vec4<f32>());
#end
    y[(at.z * params.out_height + at.y) * params.out_width + at.x] = narrow(sum);
}

fn product(channel: u32, v: u32, u: u32) -> f32 {
    let first = channel / params.group_out * params.group_in;
    let reach = i32(params.kernel / 2u);
    var sum = 0.0;
    for (var c = 0u; c < params.group_in; c++) {
        for (var j = 0u; j < params.kernel; j++) {
            let row = source(i32(v * params.stride + j) - reach, i32(params.height));
            for (var i = 0u; i < params.kernel; i++) {
                let column = source(i32(u * params.stride + i) - reach, i32(params.width));
                if (row >= 0 && column >= 0) {
                    let tap = ((channel * params.group_in + c) * params.kernel + j) * params.kernel + i;
                    sum = fma(f32(weight[tap]), input(first + c, u32(row), u32(column)), sum);
                }
            }
        }
    }
    return sum;
}

fn input(channel: u32, y: u32, x: u32) -> f32 {
    return load_x(channel / 4u, y, x, params.x_width, params.x_height)[channel % 4u];
}
