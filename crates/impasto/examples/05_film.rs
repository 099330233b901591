//! Paints a moving scene steadily, frame by frame: `cargo run --release -p impasto --example 05_film -- folder 48`.

use impasto::{Dials, Image, Stylizer, builtin, scene};

/// Writes `frames` painted frames of the demo scene, 24 a second, as numbered PNG files into `folder`.
pub fn run(folder: &str, frames: usize) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder)?;
    let style = builtin::style("waves").expect("it is built in");
    let dials = Dials { steady: 0.7, ..Dials::default() };
    let mut session = Stylizer::builder(builtin::light()).build()?.session();
    let mut painted = Image::black(1, 1);
    for frame in 0..frames {
        let picture = scene::draw(320, 192, frame as f32 / 24.0);
        session.paint(&picture, &style, &dials, &mut painted)?;
        image::RgbImage::from(painted.clone()).save(format!("{folder}/{frame:04}.png"))?;
    }
    Ok(())
}

#[allow(dead_code, reason = "the test calls `run`")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, frames] = &arguments[..] else { return Err("usage: 05_film FOLDER FRAMES".into()) };
    run(folder, frames.parse()?)
}
