//! Mixes two styles in five steps, one strip each: `cargo run --release -p impasto --example 03_mix -- photo.jpg mixed.png`.

use impasto::{Dials, Image, Stylizer, builtin};

/// Paints the file `photo` five times, from one style to the other, and puts the pictures under each other.
pub fn run(photo: &str, output: &str) -> Result<(), Box<dyn std::error::Error>> {
    let photo = Image::try_from(image::open(photo)?.to_rgb8())?;
    let stylizer = Stylizer::builder(builtin::light()).build()?;
    let style = |name| builtin::style(name).expect("it is built in");
    let (from, to) = (style("waves"), style("starry-night"));
    let mut rgb = Vec::new();
    for step in 0..5 {
        let mixed = from.toward(&to, step as f32 / 4.0)?;
        rgb.extend(stylizer.paint(&photo, &mixed, &Dials::default())?.into_rgb());
    }
    image::RgbImage::from(Image::new(photo.width(), 5 * photo.height(), rgb)?).save(output)?;
    Ok(())
}

#[allow(dead_code, reason = "the test calls `run`")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [photo, output] = &arguments[..] else { return Err("usage: 03_mix PHOTO OUTPUT".into()) };
    run(photo, output)
}
