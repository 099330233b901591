//! Learns the style of any painting and keeps it: `cargo run --release -p impasto --example 02_painting -- painting.jpg own.style`.

use impasto::{Image, Provenance, Stylizer, builtin};

/// Writes the style of the file `painting` to the file `output`, a few kilobytes that paint without the painting.
pub fn run(painting: &str, output: &str) -> Result<(), Box<dyn std::error::Error>> {
    let picture = Image::try_from(image::open(painting)?.to_rgb8())?;
    let stylizer = Stylizer::builder(builtin::light()).build()?;
    let provenance = Provenance { name: "own".into(), source: painting.into() };
    let style = stylizer.encode(&picture, provenance)?;
    std::fs::write(output, style.to_bytes())?;
    Ok(())
}

#[allow(dead_code, reason = "the test calls `run`")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [painting, output] = &arguments[..] else { return Err("usage: 02_painting PAINTING OUTPUT".into()) };
    run(painting, output)
}
