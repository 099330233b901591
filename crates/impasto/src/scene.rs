//! A moving picture drawn by the program itself, for when there is no camera and no photo.
//!
//! A bay in the evening: sky with drifting clouds and a sun, hills, a lighthouse, a sailing boat on waves, a
//! bank of flowers. It has flat areas, gradients, edges, fine texture and motion, so that a style has something to hold on to.

mod noise;

use impasto_core::Image;
use impasto_core::image::byte_from_unit;
use noise::{fractal, value};

type Rgb = [f32; 3];

/// The scene at `seconds`, which may be any number; equal arguments give equal pictures.
///
/// # Panics
/// If a side is zero.
pub fn draw(width: usize, height: usize, seconds: f32) -> Image {
    let aspect = width as f32 / height as f32;
    let pixel = 1.0 / height as f32;
    let mut image = Image::black(width, height);
    for (y, row) in image.rgb_mut().chunks_exact_mut(3 * width).enumerate() {
        for (x, out) in row.chunks_exact_mut(3).enumerate() {
            // v goes from 0 at the top to 1 at the bottom, u is centred and of the same unit.
            let (u, v) = ((x as f32 + 0.5) * pixel - 0.5 * aspect, (y as f32 + 0.5) * pixel);
            out.copy_from_slice(&color_at(u, v, seconds, pixel).map(byte_from_unit));
        }
    }
    image
}

const HORIZON: f32 = 0.56;

fn color_at(u: f32, v: f32, t: f32, pixel: f32) -> Rgb {
    let mut color = if v < HORIZON { sky(u, v, t) } else { sea(u, v, t) };
    // Each thing is only looked at where it may be: most pixels are sky and sea.
    if (0.2..HORIZON + 0.03).contains(&v) {
        color = hills(color, u, v, pixel);
    }
    if (u - LIGHTHOUSE).abs() < 0.06 && (0.08..0.55).contains(&v) {
        color = lighthouse(color, u, v, t, pixel);
    }
    if (0.36..0.76).contains(&v) {
        color = boat(color, u, v, t, pixel);
    }
    if v > 0.75 { meadow(color, u, v, t, pixel) } else { color }
}

fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    let t = t.clamp(0.0, 1.0);
    std::array::from_fn(|i| a[i] + t * (b[i] - a[i]))
}

/// 1 where `distance` is negative, 0 where it is positive, over one pixel.
fn inside(distance: f32, pixel: f32) -> f32 {
    (0.5 - distance / pixel).clamp(0.0, 1.0)
}

fn smooth(from: f32, to: f32, x: f32) -> f32 {
    let t = ((x - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

const SUN: (f32, f32) = (-0.32, 0.3);

fn sky(u: f32, v: f32, t: f32) -> Rgb {
    let base = mix([0.2, 0.42, 0.76], [0.98, 0.78, 0.55], smooth(0.0, HORIZON, v));
    let from_sun = (u - SUN.0).hypot(v - SUN.1);
    let glow = mix(base, [1.0, 0.87, 0.55], 0.6 / (1.0 + 40.0 * from_sun * from_sun));
    let disc = mix(glow, [1.0, 0.95, 0.78], 1.0 - smooth(0.062, 0.068, from_sun));
    let clouds = fractal(2.2 * u + 0.05 * t, 6.0 * v, 4);
    let lit = mix([0.86, 0.62, 0.6], [1.0, 0.95, 0.9], smooth(0.45, 0.8, clouds));
    mix(disc, lit, 0.85 * smooth(0.5, 0.72, clouds) * smooth(HORIZON, 0.2, v))
}

fn sea(u: f32, v: f32, t: f32) -> Rgb {
    let depth = (v - HORIZON) / (1.0 - HORIZON);
    let base = mix([0.55, 0.62, 0.68], [0.06, 0.25, 0.42], smooth(0.0, 0.6, depth));
    let near = 1.0 / (0.06 + depth);
    let swell = fractal(3.0 * u * near.sqrt() + 0.3 * t, 9.0 * near + 0.8 * t, 3);
    let rows = value(14.0 * u * near.sqrt() - 0.4 * t, 26.0 * near + 1.3 * t);
    let lit = mix(base, [0.93, 0.86, 0.75], 0.8 * smooth(0.58, 0.8, swell) * smooth(0.35, 0.75, rows));
    let aside = (u - SUN.0) / (0.05 + 0.25 * depth);
    let path = smooth(2.0, 0.0, aside.abs()) * smooth(0.4, 0.7, rows);
    mix(lit, [1.0, 0.85, 0.6], 0.75 * path)
}

fn hills(color: Rgb, u: f32, v: f32, pixel: f32) -> Rgb {
    let far =
        HORIZON - 0.1 * smooth(-0.2, 0.9, u) - 0.12 * fractal(2.1 * u + 7.0, 0.3, 4) * smooth(-0.35, 0.5, u);
    let near = HORIZON - 0.26 * smooth(0.3, 1.0, u) + 0.02 * fractal(6.0 * u, 4.0, 3);
    let base = HORIZON + 0.012;
    if v < far.min(near) - pixel {
        return color;
    }
    let shade = 0.35 * fractal(9.0 * u, 22.0 * v, 3);
    let blue = mix([0.42, 0.47, 0.62], [0.6, 0.55, 0.6], shade);
    let green = mix([0.2, 0.34, 0.22], [0.52, 0.5, 0.24], shade * 2.0);
    let cover = |top: f32| inside(top - v, pixel) * inside(v - base, pixel);
    mix(mix(color, blue, cover(far)), green, cover(near) * smooth(0.3, 0.34, u))
}

/// Place of the lighthouse, `u`.
const LIGHTHOUSE: f32 = 0.58;

fn lighthouse(color: Rgb, u: f32, v: f32, t: f32, pixel: f32) -> Rgb {
    let (x, top, foot) = (LIGHTHOUSE, 0.18, 0.5);
    let along = (v - top) / (foot - top);
    let half_width = 0.018 + 0.016 * along;
    let tower = (u - x).abs().max(0.0) - half_width;
    let within = tower.max(top - v).max(v - foot);
    let stripe = if (along * 5.0).rem_euclid(2.0) < 1.0 { [0.95, 0.93, 0.88] } else { [0.8, 0.2, 0.16] };
    let round = 0.45 * ((u - x) / half_width).clamp(-1.0, 1.0);
    let color = mix(color, mix(stripe, [0.15, 0.12, 0.2], round.max(0.0)), inside(within, pixel));
    let lamp = (u - x).abs().max((v - (top - 0.018)).abs()) - 0.017;
    let blink = 0.55 + 0.45 * (1.6 * t).sin();
    let color = mix(color, mix([0.25, 0.2, 0.2], [1.0, 0.93, 0.5], blink), inside(lamp, pixel));
    let roof = (u - x).abs() * 1.3 + (top - 0.056 - v).abs().max(0.0) - 0.03;
    mix(color, [0.5, 0.12, 0.12], inside(roof.max(v - (top - 0.034)), pixel))
}

fn boat(color: Rgb, u: f32, v: f32, t: f32, pixel: f32) -> Rgb {
    let x = 0.9 * (0.13 * t).sin() * 0.55 - 0.05;
    let y = 0.67 + 0.006 * (1.9 * t).sin();
    let tilt = 0.07 * (1.3 * t).sin();
    let (du, dv) = ((u - x) + tilt * (v - y), (v - y) - tilt * (u - x));
    if du.abs() > 0.17 {
        return color;
    }
    let hull = (du.abs() - 0.105 + 0.9 * dv.max(0.0)).max(-dv).max(dv - 0.04);
    let mast = (du.abs() - 0.003).max(dv).max(-0.27 - dv);
    let sail = |lean: f32, width: f32, low: f32, high: f32| {
        let along = ((dv - low) / (high - low)).clamp(0.0, 1.0);
        let edge = lean * width * (1.0 - along);
        let between = if lean > 0.0 { (0.006 - du).max(du - edge) } else { (du + 0.006).max(edge - du) };
        between.max(dv - low).max(high - dv)
    };
    let color = mix(color, [0.42, 0.2, 0.12], inside(hull, pixel));
    let color = mix(color, [0.3, 0.2, 0.15], inside(mast, pixel));
    let color = mix(color, [0.98, 0.95, 0.88], inside(sail(1.0, 0.13, -0.02, -0.26), pixel));
    mix(color, [0.86, 0.32, 0.2], inside(sail(-1.0, 0.09, -0.02, -0.22), pixel))
}

fn meadow(color: Rgb, u: f32, v: f32, t: f32, pixel: f32) -> Rgb {
    let bank = |u: f32| 0.86 + 0.05 * (2.2 * u + 0.6).sin() + 0.012 * fractal(12.0 * u, 1.0, 2);
    let top = bank(u);
    if v < top - 0.03 {
        return color;
    }
    let blades = value(90.0 * u + 1.5 * (2.0 * t + 6.0 * u).sin() * (1.0 - v), 7.0 * v);
    let grass = mix([0.13, 0.3, 0.1], [0.5, 0.6, 0.18], blades * smooth(1.05, 0.8, v));
    let color = mix(color, grass, inside(top - v - 0.02 * blades, pixel));
    let (cell_u, cell_v) = ((u * 16.0).floor(), ((v - 0.85) * 16.0).floor());
    let pick = value(cell_u * 1.7 + 0.5, cell_v * 2.3 + 0.5);
    let centre_u = (cell_u + 0.36 + 0.28 * pick) / 16.0 + 0.004 * (1.7 * t + cell_u).sin();
    let centre_v = (cell_v + 0.34 + 0.32 * (7.0 * pick).fract()) / 16.0 + 0.85;
    let petals = [[0.95, 0.3, 0.28], [0.98, 0.85, 0.3], [0.9, 0.9, 0.98], [0.65, 0.35, 0.75]];
    let petal = petals[(pick * 37.0) as usize % 4];
    let (du, dv) = (u - centre_u, v - centre_v);
    let flower = du.hypot(dv) - 0.014 - 0.004 * (5.0 * dv.atan2(du)).sin();
    let shown = if centre_v > bank(centre_u) + 0.03 { 1.0 } else { 0.0 };
    let color = mix(color, petal, shown * inside(flower, pixel));
    mix(color, [0.35, 0.22, 0.05], shown * inside(du.hypot(dv) - 0.005, pixel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scene_is_the_same_each_time_and_moves() {
        let first = draw(64, 36, 1.0);
        assert_eq!(first, draw(64, 36, 1.0));
        let moved =
            first.rgb().iter().zip(draw(64, 36, 2.0).rgb()).filter(|(a, b)| a.abs_diff(**b) > 4).count();
        assert!(moved > 64 * 36 / 10, "{moved}");
        assert_ne!(draw(64, 36, -5.0), first);
    }

    #[test]
    fn the_scene_has_colours_of_all_kinds() {
        let image = draw(160, 90, 0.0);
        let count = |f: &dyn Fn(f32, f32, f32) -> bool| {
            image.rgb().chunks(3).filter(|p| f(f32::from(p[0]), f32::from(p[1]), f32::from(p[2]))).count()
        };
        assert!(count(&|r, _, b| b > r + 30.0) > 500, "sky and sea");
        assert!(count(&|r, g, b| g > b + 25.0 && g > r) > 300, "grass");
        assert!(count(&|r, g, b| r > 180.0 && g < 120.0 && b < 120.0) > 10, "red");
        assert_eq!(draw(1, 1, 0.0).rgb().len(), 3);
    }
}
