//! `impasto tune`: one painting, its own network. With the built-in network and very few steps.

use crate::studio::Studio;
use impasto_core::{Image, Style};
use std::fs;

fn studio(test: &str) -> Studio {
    let studio = Studio::new(test);
    let stripes = |x: usize, y: usize| {
        [if (x / 5 + y / 7).is_multiple_of(2) { 230 } else { 20 }, (x * 2) as u8, (y * 2) as u8]
    };
    studio.write("stripes.png", &Image::from_fn(120, 100, stripes));
    studio
}

const TUNE: &str = "tune stripes.png --model light --style-size 96 --threads 2";

#[test]
fn a_painting_is_tuned_and_its_style_paints() {
    let studio = studio("tune");
    assert_eq!(studio.lines(&format!("{TUNE} --steps 2")), ["stripes.style"]);
    assert!(!studio.path("stripes.tune").exists(), "the checkpoint is gone");
    let style = Style::from_bytes(&fs::read(studio.path("stripes.style")).unwrap()).unwrap();
    assert!(style.update().is_some_and(|update| update.values() < 150_000));
    assert!(style.provenance.source.contains("tuned for 2 steps, seed 1"), "{}", style.provenance.source);
    studio.lines("stylize photo.jpg --model light --style stripes.style -o tuned.png");
    studio.lines("stylize photo.jpg --model light --style stripes.png -o quick.png");
    assert_ne!(studio.read("tuned.png").image, studio.read("quick.png").image);
    studio.lines("stylize photo.jpg --model light --style stripes.style:0.5 --style waves:0.5 -o mixed.png");
    let shown = studio.lines("styles show stripes.style").join("\n");
    assert!(shown.contains("tuned"), "{shown}");
}

#[test]
fn what_cannot_be_tuned_is_told() {
    let studio = studio("tune_refusals");
    studio.write("small.png", &Image::from_fn(20, 20, |x, y| [x as u8, y as u8, 9]));
    studio.write("blank.png", &Image::from_fn(100, 100, |_, _| [9; 3]));
    for (words, code, needle) in [
        ("tune small.png --model light --steps 1", 1, "20x20 px"),
        ("tune blank.png --model light --steps 1", 1, "one colour everywhere"),
        ("tune nothing.png --model light --steps 1", 1, "nothing.png"),
        ("tune stripes.png --model light --minutes 0", 2, "minutes above 0"),
        ("tune stripes.png --model light --steps 1 -o stripes.png", 2, "must end in .style"),
        ("tune stripes.png --model light --steps 1 --resume", 1, "cannot resume"),
        ("tune stripes.png --model light --steps 1 --photos nowhere", 1, "nowhere"),
    ] {
        let said = studio.run(words);
        assert_eq!(said.code, Some(code), "{words}: {}", said.err);
        assert!(said.err.contains(needle), "{words}: {}", said.err);
    }
    assert!(!studio.files().iter().any(|file| file.ends_with(".style")), "{:?}", studio.files());
}
