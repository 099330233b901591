// The content loss at one layer: the mean of (y - (gain * photo + shift))^2, its gradient added to dy where y is positive. AdaIN's own output
// is what is asked for, with the gain limited, or (FEATURES) the photo's features as they are. One workgroup a channel of a sample.

struct Params {
    channels: u32,
    area: u32,
    told: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> photo: array<f32>;
@group(0) @binding(3) var<storage, read> of_photo: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> wanted: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read> recipe: array<f32>;
@group(0) @binding(6) var<storage, read_write> dy: array<f32>;
@group(0) @binding(7) var<storage, read_write> told: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let channel = group.y * params.channels + group.x;
    let n = f32(params.channels * params.area);
    var gain = 1.0;
    var shift = 0.0;
#if ADAIN
    gain = min(wanted[channel].y / of_photo[channel].y, recipe[GAIN_LIMIT]);
    shift = wanted[channel].x - of_photo[channel].x * gain;
#end
    let scale = 2.0 * recipe[CONTENT] / n;
    var squares = 0.0;
    for (var i = channel * params.area + thread; i < (channel + 1u) * params.area; i += 256u) {
        let away = y[i] - (gain * photo[i] + shift);
        squares += away * away;
        dy[i] += select(0.0, scale * away, y[i] > 0.0);
    }
    squares = total(thread, squares);
    if (thread == 0u) {
        told[params.told + channel] += squares / n;
    }
}
