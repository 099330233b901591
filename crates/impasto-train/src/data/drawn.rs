//! A tiny set of pictures drawn by the program, so that training can be tried and tested without any download.

use impasto_core::Image;
use impasto_core::Random;
use impasto_core::image::byte_from_unit;

/// Side of a drawn picture, px.
const SIDE_PX: usize = 96;

/// Landscapes of a sky, a ground, a sun and some boxes.
pub fn photos(count: usize) -> Vec<Image> {
    (0..count).map(|i| scene(&mut Random::new(100 + i as u64))).collect()
}

/// Patterns in few strong colours: stripes, dots, waves and tiles.
pub fn paintings(count: usize) -> Vec<Image> {
    (0..count).map(|i| pattern(i % 4, &mut Random::new(200 + i as u64))).collect()
}

type Colour = [f32; 3];

fn colour(random: &mut Random) -> Colour {
    std::array::from_fn(|_| random.unit())
}

fn mixed(a: Colour, b: Colour, t: f32) -> Colour {
    std::array::from_fn(|c| (1.0 - t) * a[c] + t * b[c])
}

fn painted(pixel: impl Fn(f32, f32) -> Colour) -> Image {
    Image::from_fn(SIDE_PX, SIDE_PX, |x, y| pixel(x as f32, y as f32).map(byte_from_unit))
}

fn scene(random: &mut Random) -> Image {
    let [sky, haze, ground, sun] = [(); 4].map(|()| colour(random));
    let (horizon, sun_x, sun_y) =
        (random.range(40.0, 70.0), random.range(10.0, 86.0), random.range(5.0, 40.0));
    let boxes: Vec<([f32; 4], Colour)> = (0..5)
        .map(|_| {
            let (x, top) = (random.range(0.0, 80.0), random.range(30.0, 70.0));
            ([x, top, x + random.range(6.0, 24.0), top + random.range(10.0, 30.0)], colour(random))
        })
        .collect();
    painted(|x, y| {
        let inside = |b: &&([f32; 4], Colour)| x >= b.0[0] && x < b.0[2] && y >= b.0[1] && y < b.0[3];
        if let Some((_, colour)) = boxes.iter().find(inside) {
            return *colour;
        }
        if (x - sun_x).hypot(y - sun_y) < 9.0 {
            return sun;
        }
        match y < horizon {
            true => mixed(sky, haze, y / horizon),
            false => mixed(ground, haze, 0.5 + 0.3 * (0.4 * x + 0.9 * y).sin()),
        }
    })
}

fn pattern(kind: usize, random: &mut Random) -> Image {
    let [a, b, c] = [(); 3].map(|()| colour(random));
    let (period, angle) = (random.range(6.0, 16.0), random.range(0.0, 3.0));
    let (sin, cos) = angle.sin_cos();
    painted(|x, y| {
        let (u, v) = ((cos * x + sin * y) / period, (cos * y - sin * x) / period);
        let wave = 0.5 + 0.5 * (std::f32::consts::TAU * u).sin();
        match kind {
            0 => mixed(a, b, wave.round()),
            1 if (u - u.round()).hypot(v - v.round()) < 0.3 => a,
            1 => b,
            2 => mixed(mixed(a, b, 0.5 + 0.5 * (6.0 * u + (3.0 * v).sin()).sin()), c, 0.2),
            _ if (u.floor() + v.floor()).rem_euclid(2.0) < 0.5 => a,
            _ => mixed(b, c, v - v.floor()),
        }
    })
}
