//! Smooth noise on the plane.

/// A number in `0..1` for a lattice point.
fn lattice(x: i32, y: i32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    ((h ^ (h >> 15)) >> 8) as f32 / (1u32 << 24) as f32
}

/// As `f32::floor`, without the call that it is where the instruction set lacks it.
fn floor(x: f32) -> i32 {
    let whole = x as i32;
    whole - i32::from(x < whole as f32)
}

/// Value noise in `0..1` with a period of one unit.
pub fn value(x: f32, y: f32) -> f32 {
    let (column, row) = (floor(x), floor(y));
    let fade = |t: f32| t * t * (3.0 - 2.0 * t);
    let (tx, ty) = (fade(x - column as f32), fade(y - row as f32));
    let across = |row: i32| {
        let (left, right) = (lattice(column, row), lattice(column.wrapping_add(1), row));
        left + tx * (right - left)
    };
    let (upper, lower) = (across(row), across(row.wrapping_add(1)));
    upper + ty * (lower - upper)
}

/// `octaves` of value noise, each twice as fine and half as strong, in `0..1`.
pub fn fractal(x: f32, y: f32, octaves: u32) -> f32 {
    let (mut sum, mut weight, mut strength, mut scale) = (0.0, 0.0, 1.0, 1.0);
    for octave in 0..octaves {
        let shift = 17.3 * octave as f32;
        sum += strength * value(scale * x + shift, scale * y - shift);
        weight += strength;
        strength *= 0.5;
        scale *= 2.0;
    }
    sum / weight
}
