// What is fused behind a convolution's sums. The kernel declares `params`, `bias` and, with RESIDUAL, `load_residual`.

fn inside(quad: u32, v: u32, u: u32) -> bool {
    return quad < params.out_quads && v < params.out_height && u < params.out_width;
}

fn finish(sum: vec4<f32>, quad: u32, v: u32, u: u32) -> vec4<f32> {
    if (!inside(quad, v, u)) {
        return vec4<f32>(-3.0e38);
    }
    var value = sum;
#if BIAS
    value += bias[quad];
#end
#if RELU_BEFORE
    value = max(value, vec4<f32>());
#end
#if RESIDUAL
    value += load_residual(quad, v, u, params.residual_width, params.residual_height);
#end
#if RELU_AFTER
    value = max(value, vec4<f32>());
#end
    return value;
}
