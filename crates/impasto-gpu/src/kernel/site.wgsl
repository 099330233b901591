// AdaIN as an affine map: gain and shift of each channel from the content's statistics, those remembered, and the style.

struct Params {
    area: u32,
    divisor: f32,  // of the variance
    eps: f32,
    channels: u32,
    style: u32,    // where this site's part begins
}

struct Frame {
    strength: f32,
    smoothing: f32,
    fresh: u32,    // 1 where nothing is remembered
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<uniform> frame: Frame;
@group(0) @binding(3) var<storage, read> style: array<f32>;
@group(0) @binding(4) var<storage, read_write> remembered: array<vec4<f32>>; // means, then deviations
@group(0) @binding(5) var<storage, read_write> affine: array<vec4<f32>>;     // of each quad, gains, then shifts

@compute @workgroup_size(THREADS)
fn main(
    @builtin(local_invocation_index) thread: u32,
    @builtin(workgroup_id) group: vec3<u32>,
#if SUBGROUPS
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) subgroups: u32,
#end
) {
#if SUBGROUPS
    own_subgroup = subgroup;
    all_subgroups = subgroups;
#end
    let quad = group.x;
    let quads = (params.channels + 3u) / 4u;
    var content = combined(thread, quad, params.area, params.divisor, params.eps);
    if (thread != 0u) {
        return;
    }
    if (frame.fresh == 0u) {
        let keep = frame.smoothing;
        content.mean = keep * remembered[quad] + (1.0 - keep) * content.mean;
        content.deviation = keep * remembered[quads + quad] + (1.0 - keep) * content.deviation;
    }
    remembered[quad] = content.mean;
    remembered[quads + quad] = content.deviation;
    var gain = vec4<f32>();
    var shift = vec4<f32>();
    for (var lane = 0u; lane < 4u; lane++) {
        let channel = 4u * quad + lane;
        if (channel < params.channels) {
            let mean = toward(content.mean[lane], style[params.style + channel]);
            let deviation = toward(content.deviation[lane], style[params.style + params.channels + channel]);
            gain[lane] = deviation / content.deviation[lane];
            shift[lane] = mean - gain[lane] * content.mean[lane];
        }
    }
    affine[2u * quad] = gain;
    affine[2u * quad + 1u] = shift;
}

fn toward(own: f32, wanted: f32) -> f32 {
    return (1.0 - frame.strength) * own + frame.strength * wanted;
}
