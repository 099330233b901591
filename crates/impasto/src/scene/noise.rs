//! Smooth noise on the plane.

/// A number in `0..1` for a lattice point.
fn lattice(x: i32, y: i32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    ((h ^ (h >> 15)) >> 8) as f32 / (1u32 << 24) as f32
}

/// Value noise in `0..1` with a period of one unit.
pub fn value(x: f32, y: f32) -> f32 {
    let (column, row) = (x.floor(), y.floor());
    let fade = |t: f32| t * t * (3.0 - 2.0 * t);
    let (tx, ty) = (fade(x - column), fade(y - row));
    let (column, row) = (column as i32, row as i32);
    let across = |row: i32| {
        let (left, right) = (lattice(column, row), lattice(column.wrapping_add(1), row));
        left + tx * (right - left)
    };
    let (upper, lower) = (across(row), across(row.wrapping_add(1)));
    upper + ty * (lower - upper)
}

/// `octaves` of value noise, each twice as fine and half as strong, in `0..1`.
pub fn fractal(x: f32, y: f32, octaves: u32) -> f32 {
    let (mut sum, mut weight, mut scale) = (0.0, 0.0, 1.0);
    for octave in 0..octaves {
        let strength = 0.5f32.powi(octave as i32);
        let shift = 17.3 * octave as f32;
        sum += strength * value(scale * x + shift, scale * y - shift);
        weight += strength;
        scale *= 2.0;
    }
    sum / weight
}
