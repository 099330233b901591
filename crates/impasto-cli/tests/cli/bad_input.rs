//! Bad input: one message naming file and remedy, the right exit code, nothing left behind.

use crate::studio::{Studio, model};
use impasto_core::Weights;
use impasto_core::weights::Precision;
use std::collections::HashMap;
use std::fs;

#[test]
fn photos_that_are_none() {
    let studio = Studio::new("photos");
    fs::write(studio.path("empty.jpg"), b"").unwrap();
    fs::write(studio.path("text.jpg"), b"Dear friend, this is a letter.").unwrap();
    let jpeg = fs::read(studio.path("photo.jpg")).unwrap();
    fs::write(studio.path("cut.jpg"), &jpeg[..jpeg.len() / 2]).unwrap();
    let png = fs::read(studio.path("wave.png")).unwrap();
    let mut bomb = png.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    fs::write(studio.path("bomb.png"), &bomb).unwrap();
    let cases =
        [("missing.jpg", "spelling"), ("empty.jpg", "empty"), ("text.jpg", "text"), ("cut.jpg", "damaged")];
    for (name, needle) in cases.into_iter().chain([("bomb.png", "")]) {
        studio.refuses(&format!("stylize {name} --style wave.png"), 1, &[name, needle]);
        studio.refuses(&format!("stylize photo.jpg --style {name}"), 1, &[name]);
        studio.refuses(&format!("stylize photo.jpg --mask {name}=wave.png"), 1, &[name]);
    }
    studio.refuses("stylize photo.jpg --style .", 1, &["folder"]);
    fs::create_dir(studio.path("bare")).unwrap();
    studio.refuses("stylize bare --style wave.png -o out", 1, &["bare", "no picture"]);
}

#[test]
fn a_picture_under_a_wrong_name_is_still_a_picture() {
    let studio = Studio::new("misnamed");
    fs::copy(studio.path("wave.png"), studio.path("really-a-png.jpg")).unwrap();
    assert_eq!(studio.lines("stylize really-a-png.jpg --style wave.png"), ["really-a-png-wave.jpg"]);
}

#[test]
fn words_that_cannot_be_meant() {
    let studio = Studio::new("words");
    for dial in
        ["--strength nan", "--strength 1.1", "--keep-color -0.5", "--quality 0", "--size -3", "--threads x"]
    {
        let name = dial.split(' ').next().unwrap();
        studio.refuses(&format!("stylize photo.jpg --style wave.png {dial}"), 2, &[name]);
    }
    studio.refuses("stylize photo.jpg --style wave.png:-1", 2, &["weight"]);
    studio.refuses("stylize photo.jpg --style wave.png:nan", 2, &["weight"]);
    studio.refuses("stylize photo.jpg --style wave.png:0 --style mosaic.png:0", 2, &["weight 0"]);
    studio.refuses("stylize photo.jpg", 2, &["--style"]);
    studio.refuses("stylize --style wave.png", 2, &["PHOTO"]);
    studio.refuses("stylize photo.jpg --style wave.png -o out.xyz", 2, &["out.xyz", ".png"]);
    studio.refuses("stylize photo.jpg wave.png --style wave.png -o out.png", 2, &["out.png", "-o out/"]);
    studio.refuses("stylize . --style wave.png", 2, &["-o FOLDER"]);
    studio.refuses("stylize photo.jpg --mask wave.png", 2, &["FILE=S"]);
    studio.refuses("styles make wave.png -o wave.txt", 2, &["wave.style"]);
    studio.refuses("bench --size 12", 2, &["WIDTHxHEIGHT"]);
    studio.refuses("paint", 2, &["paint"]);
}

#[test]
fn inputs_are_never_overwritten() {
    let studio = Studio::new("inputs");
    studio.refuses("stylize photo.jpg --style wave.png -o photo.jpg", 2, &["photo.jpg", "overwritten"]);
    studio.refuses("stylize photo.jpg --style wave.png -o ./wave.png", 2, &["wave.png", "overwritten"]);
    studio.refuses("stylize photo.jpg --mask mosaic.png=wave.png -o mosaic.png", 2, &["mosaic.png"]);
    studio.picture("photo-wave.jpg", 9, 9);
    studio.refuses(
        "stylize photo.jpg photo-wave.jpg --style wave.png",
        2,
        &["photo-wave.jpg", "overwritten"],
    );
    studio.picture("a/x.jpg", 9, 9);
    studio.picture("b/x.jpg", 9, 9);
    studio.refuses("stylize a/x.jpg b/x.jpg --style wave.png -o out", 2, &["a/x.jpg and b/x.jpg"]);
    studio.refuses("stylize photo.jpg photo.jpg --style wave.png -o out", 2, &["named twice"]);
    studio.lines("styles make wave.png -o wave.style");
    studio.refuses("styles make wave.style -o wave.style", 2, &["overwritten"]);
}

#[cfg(unix)]
#[test]
fn a_link_to_the_photo_is_the_photo() {
    let studio = Studio::new("link");
    std::os::unix::fs::symlink(studio.path("photo.jpg"), studio.path("link.jpg")).unwrap();
    studio.refuses("stylize photo.jpg --style wave.png -o link.jpg", 2, &["link.jpg", "overwritten"]);
}

#[test]
fn places_that_cannot_be_written() {
    let studio = Studio::new("places");
    studio.refuses("stylize photo.jpg --style wave.png -o photo.jpg/out.png", 1, &["photo.jpg"]);
    studio.refuses("styles make wave.png -o photo.jpg/wave.style", 1, &["photo.jpg"]);
    studio.refuses("man -o photo.jpg/no", 1, &["photo.jpg/no", "folder"]);
}

#[test]
fn what_is_there_is_not_replaced_unless_asked() {
    let studio = Studio::new("there");
    let paint = "stylize photo.jpg --style wave.png";
    studio.lines(paint);
    let before = fs::read(studio.path("photo-wave.jpg")).unwrap();
    studio.refuses(&format!("{paint} --size 11"), 2, &["photo-wave.jpg is there already", "--force", "-o"]);
    assert!(fs::read(studio.path("photo-wave.jpg")).unwrap() == before);
    studio.lines(&format!("{paint} --size 11 --force"));
    assert!(fs::read(studio.path("photo-wave.jpg")).unwrap() != before);
    let both = "stylize photo.jpg --each --style wave.png --style mosaic.png";
    studio.refuses(both, 2, &["1 of 2 results", "--resume"]);
    assert_eq!(studio.lines(&format!("{both} --resume")), ["photo-mosaic.jpg"]);
    assert!(studio.lines(&format!("{both} --resume")).is_empty(), "all is painted");
    studio.lines("styles make wave.png -o a.style");
    studio.refuses("styles make wave.png -o a.style", 2, &["a.style is there already", "--force"]);
    studio.lines("try photo.jpg --style wave.png --model classic");
    studio.refuses("try photo.jpg --style wave.png --model classic", 2, &["photo-try.png is there already"]);
}

#[test]
fn styles_that_are_nearly_named() {
    let studio = Studio::empty("nearly");
    studio.picture("photo.png", 33, 22);
    assert_eq!(
        studio.lines("stylize photo.png --model light --style Starry_Night"),
        ["photo-starry-night.png"]
    );
    let said = studio.refuses("stylize photo.png --model light --style mosiac", 1, &["`mosiac`", "`mosaic`"]);
    assert!(!said.err.contains("sainte-victoire"), "three names, not all: {}", said.err);
    studio.refuses("stylize photo.png --model light", 2, &["impasto try photo.png", "styles list"]);
}

#[cfg(unix)]
#[test]
fn a_working_folder_that_is_gone_is_said() {
    let studio = Studio::new("gone");
    fs::create_dir(studio.path("here")).unwrap();
    let photo = studio.path("photo.jpg");
    let script = format!(
        "cd here && rmdir ../here && exec {} stylize {} --style waves -o out.png",
        env!("CARGO_BIN_EXE_impasto"),
        photo.display()
    );
    let output =
        std::process::Command::new("sh").args(["-c", &script]).current_dir(studio.path("")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("the working folder is gone"), "{said}");
}

#[test]
fn a_picture_of_nothing_is_no_style_and_stays_as_a_photo() {
    let studio = Studio::new("clear");
    let mut clear = studio.read("wave.png");
    clear.alpha = Some(vec![0; 24 * 24]);
    studio.write_still("clear.png", &clear);
    studio.refuses("stylize photo.jpg --style clear.png", 1, &["clear.png", "transparent"]);
    studio.lines("stylize clear.png --style wave.png");
    assert!(studio.read("clear-wave.png").alpha.unwrap().iter().all(|&a| a == 0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    let studio = Studio::new("full");
    std::os::unix::fs::symlink("/dev/full", studio.path("full.png")).unwrap();
    std::os::unix::fs::symlink("/dev/full", studio.path("full.style")).unwrap();
    studio.refuses("stylize photo.jpg --style wave.png -o full.png", 1, &["full.png", "space"]);
    studio.refuses("styles make wave.png -o full.style", 1, &["full.style", "space"]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = studio.command("completions bash").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"));
}

#[test]
fn models_that_are_none() {
    let studio = Studio::new("models");
    let paint = |model: &str| format!("stylize photo.jpg --style wave.png --model {model}");
    fs::write(studio.path("text.safetensors"), b"Dear friend, this is a letter.").unwrap();
    let whole = fs::read(studio.path("classic.safetensors")).unwrap();
    fs::write(studio.path("cut.safetensors"), &whole[..whole.len() - 9]).unwrap();
    let mut huge = whole.clone();
    huge[..8].copy_from_slice(&(1u64 << 63).to_le_bytes());
    fs::write(studio.path("huge.safetensors"), &huge).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    fs::write(studio.path("flipped.safetensors"), &flipped).unwrap();
    let mut nan = model("nan");
    let weights = std::sync::Arc::make_mut(&mut nan.weights);
    weights.get_mut("a.bias").unwrap().values[0] = f32::NAN;
    nan.save(&studio.path("nan.safetensors"), Precision::F32).unwrap();
    let mut bare = Weights::new();
    bare.insert("x", vec![1], vec![0.0]);
    fs::write(studio.path("bare.safetensors"), bare.to_bytes(Precision::F32, HashMap::new())).unwrap();
    fs::write(studio.path("weights.pth"), b"PK\x03\x04 and so on").unwrap();
    for (name, needle) in [
        ("gone.safetensors", "spelling"),
        ("weights.pth", "impasto import"),
        ("text.safetensors", "damaged"),
        ("cut.safetensors", "damaged"),
        ("huge.safetensors", "damaged"),
        ("flipped.safetensors", "checksum"),
        ("nan.safetensors", "NaN"),
        ("bare.safetensors", "impasto import"),
        ("photo.jpg", "not an Impasto model"),
    ] {
        studio.refuses(&paint(name), 1, &[name, needle]);
    }
    fs::remove_file(studio.path("classic.safetensors")).unwrap();
    studio.refuses(&paint("classic"), 1, &["classic.safetensors", "config", "impasto import"]);
}

#[test]
fn a_style_of_another_model() {
    let studio = Studio::new("another");
    model("other").save(&studio.path("other.safetensors"), Precision::F32).unwrap();
    studio.lines("styles make wave.png --model other.safetensors -o other.style");
    let said = studio.refuses("stylize photo.jpg --style other.style", 1, &["other.style", "styles make"]);
    assert!(said.err.contains("classic") && said.err.contains("other"), "{}", said.err);
    let kept = fs::read(studio.path("other.style")).unwrap();
    fs::write(studio.path("cut.style"), &kept[..kept.len() - 1]).unwrap();
    studio.refuses("stylize photo.jpg --style cut.style", 1, &["cut.style", "styles make"]);
    fs::copy(studio.path("wave.png"), studio.path("picture.style")).unwrap();
    studio.refuses("stylize photo.jpg --style picture.style", 1, &["picture.style"]);
    studio.refuses("stylize photo.jpg --style nobody", 1, &["nobody"]);
}

#[test]
fn imports_of_nothing() {
    let studio = Studio::new("imports");
    fs::write(studio.path("text.pth"), b"Dear friend, this is a letter.").unwrap();
    studio.refuses("import gone.pth text.pth -o out.safetensors", 1, &["gone.pth"]);
    studio.refuses("import text.pth text.pth -o out.safetensors", 1, &["text.pth"]);
    studio.refuses("import classic.safetensors text.pth -o out.safetensors", 1, &["classic.safetensors"]);
    studio.refuses("import text.pth text.pth -o out.bin", 2, &["out.safetensors"]);
    studio.refuses("import classic.safetensors text.pth -o classic.safetensors", 2, &["overwritten"]);
}
