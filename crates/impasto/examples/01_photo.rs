//! Paints a photo in a built-in style: `cargo run --release -p impasto --example 01_photo -- photo.jpg waves painted.png`.

use impasto::{Dials, Image, Stylizer, builtin};

/// Paints the file `photo` in the built-in style `style`, into the file `output`.
pub fn run(photo: &str, style: &str, output: &str) -> Result<(), Box<dyn std::error::Error>> {
    let photo = Image::try_from(image::open(photo)?.to_rgb8())?;
    let style =
        builtin::style(style).ok_or("there is no such built-in style; `impasto styles list` shows them")?;
    let stylizer = Stylizer::builder(builtin::light()).build()?;
    let painted = stylizer.paint(&photo, &style, &Dials::default())?;
    image::RgbImage::from(painted).save(output)?;
    Ok(())
}

#[allow(dead_code, reason = "the test calls `run`")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [photo, style, output] = &arguments[..] else {
        return Err("usage: 01_photo PHOTO STYLE OUTPUT".into());
    };
    run(photo, style, output)
}
