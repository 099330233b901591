//! Paints the upper half in one style, the rest in another: `cargo run --release -p impasto --example 04_regions -- photo.jpg out.png`.

use impasto::{Dials, Image, Mask, Stylizer, builtin};

/// Paints the file `photo` in two styles that fade into each other in the middle, into the file `output`.
pub fn run(photo: &str, output: &str) -> Result<(), Box<dyn std::error::Error>> {
    let photo = Image::try_from(image::open(photo)?.to_rgb8())?;
    let stylizer = Stylizer::builder(builtin::light()).build()?;
    let style = |name| builtin::style(name).expect("it is built in");
    let (width, height) = (photo.width(), photo.height());
    let fade = |y: usize| (255.0 * (2.0 - 4.0 * y as f32 / height as f32).clamp(0.0, 1.0)) as u8;
    let sky = Mask::new(width, height, (0..width * height).map(|at| fade(at / width)).collect());
    let ground = Mask::rest(&[&sky]);
    let regions = [(sky, style("starry-night")), (ground, style("mosaic"))];
    let painted = stylizer.paint_regions(&photo, &regions, &Dials::default())?;
    image::RgbImage::from(painted).save(output)?;
    Ok(())
}

#[allow(dead_code, reason = "the test calls `run`")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [photo, output] = &arguments[..] else { return Err("usage: 04_regions PHOTO OUTPUT".into()) };
    run(photo, output)
}
