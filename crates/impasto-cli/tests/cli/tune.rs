//! `impasto tune`: one painting, its own network. With the built-in network and very few steps.

use crate::studio::Studio;
use impasto_core::{Image, Style};
use impasto_media::still::Still;
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
fn a_folder_of_paintings_is_tuned_on_a_photo_or_a_film_and_a_page_shows_it() {
    let studio = studio("tune_folder");
    for (i, name) in ["works/a.png", "works/b.png"].into_iter().enumerate() {
        let blots =
            move |x: usize, y: usize| [(x * (2 + i)) as u8, if (x * y / 90) % 2 == 0 { 30 } else { 220 }, 90];
        studio.write(name, &Image::from_fn(100, 90, blots));
    }
    studio.write("works/small.png", &Image::from_fn(20, 20, |x, y| [x as u8, y as u8, 9]));
    studio.picture("photo.png", 80, 70);
    let words = "tune works --model light --style-size 64 --threads 1 --steps 2 --photos photo.png --preview how.html";
    let said = studio.run(words);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(said.out.trim(), "works.style");
    assert!(said.err.contains("left out: ") && said.err.contains("small.png"), "{}", said.err);
    assert!(said.err.contains("one photo: scenes that the program draws"), "{}", said.err);
    let page = fs::read_to_string(studio.path("how.html")).unwrap();
    assert!(
        page.contains("<title>Tuned to works</title>") && !page.contains("refresh"),
        "the last page rests"
    );
    assert_eq!(page.matches("data:image/jpeg;base64,").count(), 4, "the painting and three photos");
    let style = Style::from_bytes(&fs::read(studio.path("works.style")).unwrap()).unwrap();
    assert!(style.update().is_some() && style.provenance.name == "works");
}

#[test]
fn a_run_that_is_killed_is_taken_up_to_the_same_style() {
    let studio = studio("tune_killed");
    let words = format!("{TUNE} --steps 6 --save-every 1");
    assert_eq!(studio.lines(&format!("{words} -o whole.style")), ["whole.style"]);
    let mut child = studio.command(&format!("{words} -o cut.style")).spawn().unwrap();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while !studio.path("cut.tune/checkpoint.safetensors").exists() && child.try_wait().unwrap().is_none() {
        assert!(std::time::Instant::now() < end, "no checkpoint is written");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let _ = child.kill();
    child.wait().unwrap();
    if studio.path("cut.tune/checkpoint.safetensors").exists() {
        assert!(!studio.path("cut.style").exists(), "nothing half-written");
        studio.refuses(&format!("{words} -o cut.style"), 1, &["cut.tune", "--resume"]);
        studio.lines(&format!("{words} -o cut.style --resume"));
    }
    let read = |name: &str| Style::from_bytes(&fs::read(studio.path(name)).unwrap()).unwrap();
    let (whole, cut) = (read("whole.style"), read("cut.style"));
    assert_eq!((whole.vector(), whole.update()), (cut.vector(), cut.update()));
}

#[test]
fn damaged_style_files_are_told() {
    let studio = studio("tune_damaged");
    studio.lines(&format!("{TUNE} --steps 1"));
    let bytes = fs::read(studio.path("stripes.style")).unwrap();
    // The last value of the last tensor, in 16 bits, becomes NaN.
    let mut nan = bytes.clone();
    let end = nan.len();
    nan[end - 2..].copy_from_slice(&0x7E00u16.to_le_bytes());
    fs::write(studio.path("nan.style"), nan).unwrap();
    fs::write(studio.path("cut.style"), &bytes[..bytes.len() / 2]).unwrap();
    fs::File::create(studio.path("huge.style")).unwrap().set_len(3 << 30).unwrap();
    for (name, needle) in
        [("nan.style", "no number"), ("cut.style", "cut.style"), ("huge.style", "3221225472 bytes")]
    {
        studio.refuses(&format!("stylize photo.jpg --model light --style {name} -o a.png"), 1, &[needle]);
    }
    // One that was tuned from another network.
    let why = "was made for model light";
    studio.refuses("stylize photo.jpg --model classic.safetensors --style stripes.style -o a.png", 1, &[why]);
    studio.refuses(
        "export --target onnx --model classic.safetensors --style stripes.style -o a.onnx",
        1,
        &[why],
    );
}

#[test]
fn a_tuned_style_leaves_the_house() {
    let studio = studio("tune_export");
    studio.lines(&format!("{TUNE} --steps 1"));
    let export = "export --target onnx --model light --size 64x48";
    assert_eq!(studio.lines(&format!("{export} --style stripes.style -o one.onnx")), ["one.onnx"]);
    assert_eq!(studio.lines(&format!("{export} --style waves -o waves.onnx")), ["waves.onnx"]);
    let bytes = |name: &str| fs::read(studio.path(name)).unwrap();
    assert_ne!(bytes("one.onnx"), bytes("waves.onnx"));
    let oak = "export --target oak --model light --size 64x32";
    studio.lines(&format!("{oak} --style stripes.style -o oak"));
    studio.lines(&format!("{oak} --style waves -o plain"));
    assert_ne!(
        bytes("oak/models/painter.onnx"),
        bytes("plain/models/painter.onnx"),
        "its own weights are on the chip"
    );
    studio.refuses(&format!("{oak} --style waves --style stripes.style -o both"), 1, &["`stripes`", "alone"]);
}

#[test]
fn what_cannot_be_tuned_is_told() {
    let studio = studio("tune_refusals");
    studio.write("small.png", &Image::from_fn(20, 20, |x, y| [x as u8, y as u8, 9]));
    studio.write("blank.png", &Image::from_fn(100, 100, |_, _| [9; 3]));
    let seen = Still::from_image(Image::from_fn(100, 100, |x, y| [x as u8, y as u8, 9]));
    studio.write_still("unseen.png", &Still { alpha: Some(vec![0; 100 * 100]), ..seen });
    fs::create_dir(studio.path("empty")).unwrap();
    studio.picture("two/a.png", 50, 40);
    fs::write(studio.path("film.mp4"), b"no film at all").unwrap();
    studio.write("smalls/a.png", &Image::from_fn(20, 20, |x, y| [x as u8, y as u8, 9]));
    for (words, code, needle) in [
        ("tune small.png --model light --steps 1", 1, "20x20 px"),
        ("tune blank.png --model light --steps 1", 1, "one colour everywhere"),
        ("tune nothing.png --model light --steps 1", 1, "nothing.png"),
        ("tune stripes.png --model light --minutes 0", 2, "minutes above 0"),
        ("tune stripes.png --model light --steps 1 -o stripes.png", 2, "must end in .style"),
        ("tune stripes.png --model light --steps 1 --resume", 1, "cannot resume"),
        ("tune stripes.png --model light --steps 1 --photos nowhere", 1, "nowhere"),
        ("tune unseen.png --model light --steps 1", 1, "transparent"),
        ("tune empty --model light --steps 1", 1, "empty holds no pictures"),
        ("tune smalls --model light --steps 1", 1, "none of the pictures in smalls"),
        ("tune stripes.png --model light --steps 1 --photos film.mp4", 1, "neither a photo nor a film"),
        ("tune stripes.png --model light --steps 1 --photos two", 1, "one picture"),
        ("tune stripes.png --model light --steps 1 --preview how.png", 2, "how.html"),
        ("tune stripes.png --model light --minutes -3", 2, "minutes above 0"),
        ("tune --model light", 2, "PAINTING"),
    ] {
        let said = studio.run(words);
        assert_eq!(said.code, Some(code), "{words}: {}", said.err);
        assert!(said.err.contains(needle), "{words}: {}", said.err);
    }
    assert!(!studio.files().iter().any(|file| file.ends_with(".style")), "{:?}", studio.files());
}
