//! Runs the numbered examples over pictures that the demo scene draws.

use impasto::{Image, Style, Stylizer, builtin, scene};
use std::path::{Path, PathBuf};

#[path = "../examples/05_film.rs"]
mod film;
#[path = "../examples/03_mix.rs"]
mod mix;
#[path = "../examples/02_painting.rs"]
mod painting;
#[path = "../examples/01_photo.rs"]
mod photo;
#[path = "../examples/04_regions.rs"]
mod regions;

/// A fresh folder that goes away with its test.
struct Folder(PathBuf);

impl Folder {
    /// With a photo, `photo.png`, of 96x64 px.
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("impasto-example-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        image::RgbImage::from(scene::draw(96, 64, 1.0)).save(path.join("photo.png")).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("the temporary folder has a plain name").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn read(path: impl AsRef<Path>) -> Image {
    Image::try_from(image::open(path).unwrap().to_rgb8()).unwrap()
}

/// Mean absolute difference of two pictures of one size, `0..=255`.
fn difference(a: &Image, b: &Image) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let sum: u64 = a.rgb().iter().zip(b.rgb()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.rgb().len() as f64
}

#[test]
fn a_photo_is_painted() {
    let folder = Folder::new("photo");
    photo::run(&folder.file("photo.png"), "waves", &folder.file("painted.png")).unwrap();
    assert!(difference(&read(folder.file("photo.png")), &read(folder.file("painted.png"))) > 4.0);
    let unknown = photo::run(&folder.file("photo.png"), "none", &folder.file("no.png")).unwrap_err();
    assert!(unknown.to_string().contains("styles list") && !Path::new(&folder.file("no.png")).exists());
}

#[test]
fn a_painting_becomes_a_style() {
    let folder = Folder::new("painting");
    painting::run(&folder.file("photo.png"), &folder.file("own.style")).unwrap();
    let style = Style::from_bytes(&std::fs::read(folder.file("own.style")).unwrap()).unwrap();
    style.check(&builtin::light()).unwrap();
    let photo = read(folder.file("photo.png"));
    Stylizer::builder(builtin::light()).build().unwrap().paint(&photo, &style, &Default::default()).unwrap();
}

#[test]
fn styles_are_mixed() {
    let folder = Folder::new("mix");
    mix::run(&folder.file("photo.png"), &folder.file("mixed.png")).unwrap();
    let strips = read(folder.file("mixed.png"));
    assert_eq!((strips.width(), strips.height()), (96, 5 * 64));
    let strip = |i: usize| Image::from_fn(96, 64, |x, y| strips.pixel(x, 64 * i + y));
    assert!(difference(&strip(0), &strip(4)) > difference(&strip(0), &strip(1)));
}

#[test]
fn regions_are_painted() {
    let folder = Folder::new("regions");
    regions::run(&folder.file("photo.png"), &folder.file("painted.png")).unwrap();
    assert!(difference(&read(folder.file("photo.png")), &read(folder.file("painted.png"))) > 4.0);
}

#[test]
fn a_film_is_painted() {
    let folder = Folder::new("film");
    film::run(&folder.file("frames"), 3).unwrap();
    let frame = |i: usize| read(folder.file(&format!("frames/{i:04}.png")));
    assert_eq!((frame(2).width(), frame(2).height()), (320, 192));
    assert!(!Path::new(&folder.file("frames/0003.png")).exists());
    assert!(difference(&frame(0), &scene::draw(320, 192, 0.0)) > 4.0);
}
