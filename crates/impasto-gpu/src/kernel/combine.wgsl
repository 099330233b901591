// Second step of the statistics: the parts of all chunks together (Chan, Golub and LeVeque 1983).

struct Statistics {
    mean: vec4<f32>,
    deviation: vec4<f32>, // sqrt(variance + eps)
}

@group(0) @binding(1) var<storage, read> parts: array<vec4<f32>>; // [quads][chunks][mean, squares]

// Of channels `4 quad ..` over `area` positions. All threads must come here.
fn combined(thread: u32, quad: u32, area: u32, divisor: f32, eps: f32) -> Statistics {
    let chunks = (area + CHUNK - 1u) / CHUNK;
    var sum = vec4<f32>();
    for (var i = thread; i < chunks; i += THREADS) {
        sum += f32(min(CHUNK, area - i * CHUNK)) * parts[2u * (quad * chunks + i)];
    }
    let mean = total(thread, sum) / f32(area);
    var squares = vec4<f32>();
    for (var i = thread; i < chunks; i += THREADS) {
        let place = 2u * (quad * chunks + i);
        let difference = parts[place] - mean;
        squares += parts[place + 1u] + f32(min(CHUNK, area - i * CHUNK)) * difference * difference;
    }
    return Statistics(mean, sqrt(total(thread, squares) / divisor + vec4<f32>(eps)));
}
