//! What `stylize` paints, and where.

use crate::studio::Studio;
use impasto_core::Image;
use impasto_core::image::psnr_db;
use std::fs;

#[test]
fn a_photo_is_painted_beside_itself() {
    let studio = Studio::new("beside");
    assert_eq!(studio.lines("stylize photo.jpg --style wave.png"), ["photo-wave.jpg"]);
    let painted = studio.read("photo-wave.jpg").image;
    assert_eq!((painted.width(), painted.height()), (33, 22));
    assert!(psnr_db(&painted, &studio.read("photo.jpg").image) < 25.0, "it was painted");
}

#[test]
fn the_network_inside_needs_no_file() {
    let studio = Studio::empty("inside");
    studio.picture("photo.png", 33, 22);
    assert_eq!(
        studio.lines("stylize photo.png --model light --style starry-night"),
        ["photo-starry-night.png"]
    );
    let words = ["stylize", "photo.png", "--style", "starry-night", "-o", "default.png"];
    assert!(studio.command("--quiet").args(words).status().unwrap().success());
    assert_eq!(studio.read("default.png").image, studio.read("photo-starry-night.png").image);
}

#[test]
fn many_photos_times_many_styles_keep_their_tree() {
    let studio = Studio::new("tree");
    for name in ["holiday/a.jpg", "holiday/day 1/b.png", "holiday/day 1/deep/c.webp"] {
        studio.picture(name, 12, 9);
    }
    fs::write(studio.path("holiday/notes.txt"), "no picture").unwrap();
    let words = "stylize holiday photo.jpg --each --style wave.png --style mosaic.png -o painted";
    let expected = [
        "painted/a-wave.jpg",
        "painted/a-mosaic.jpg",
        "painted/day 1/b-wave.png",
        "painted/day 1/b-mosaic.png",
        "painted/day 1/deep/c-wave.webp",
        "painted/day 1/deep/c-mosaic.webp",
        "painted/photo-wave.jpg",
        "painted/photo-mosaic.jpg",
    ];
    assert_eq!(studio.lines(words), expected);
    expected.iter().for_each(|name| drop(studio.read(name)));
}

#[test]
fn results_of_an_earlier_run_are_not_painted_again() {
    let studio = Studio::new("again");
    studio.picture("holiday/a.jpg", 12, 9);
    for _ in 0..2 {
        assert_eq!(
            studio.lines("stylize holiday --style wave.png -o holiday/painted"),
            ["holiday/painted/a-wave.jpg"]
        );
    }
}

#[test]
fn several_styles_make_one_mix_by_their_weights() {
    let studio = Studio::new("mix");
    let paint = |styles: &str, name: &str| {
        studio.lines(&format!("stylize photo.jpg {styles} -o {name}.png"));
        studio.read(&format!("{name}.png")).image
    };
    let wave = paint("--style wave.png", "wave1");
    let mosaic = paint("--style mosaic.png", "mosaic1");
    let both = paint("--style wave.png:3 --style mosaic.png:1", "both");
    assert_eq!(paint("--style wave.png:0.3 --style mosaic.png:0", "almost"), wave);
    assert_eq!(paint("--style wave.png:0.75 --style mosaic.png:0.25", "same"), both);
    assert!(psnr_db(&both, &wave) > psnr_db(&both, &mosaic), "it is nearer to the heavier one");
    assert_ne!(both, wave);
    assert_eq!(
        studio.lines("stylize photo.jpg --style wave.png --style mosaic.png"),
        ["photo-wave+mosaic.jpg"]
    );
}

#[test]
fn a_kept_style_paints_as_its_painting_does() {
    let studio = Studio::new("kept");
    assert_eq!(studio.lines("styles make wave.png -o kept.style"), ["kept.style"]);
    studio.lines("stylize photo.jpg --style kept.style -o a.png");
    studio.lines("stylize photo.jpg --style wave.png -o b.png");
    assert_eq!(studio.read("a.png").image, studio.read("b.png").image);
    assert!(fs::metadata(studio.path("kept.style")).unwrap().len() < 8192);
}

#[test]
fn dials_do_what_they_say() {
    let studio = Studio::new("dials");
    let photo = studio.read("photo.jpg").image;
    let paint = |dials: &str| {
        studio.lines(&format!("stylize photo.jpg --style wave.png {dials} -o dial.png"));
        studio.read("dial.png").image
    };
    let full = paint("");
    assert_eq!(paint("--strength 1 --keep-color 0 --engine cpu --threads 1"), full);
    assert!(psnr_db(&paint("--engine reference"), &full) > 45.0);
    assert_ne!(paint("--strength 0.3"), full);
    assert_ne!(paint("--style-size 100"), full);
    let spread = |image: &Image, c: usize| {
        let apart = |p: &[u8]| i64::from(p[c]) - i64::from(p[1]);
        image.rgb().chunks_exact(3).map(apart).sum::<i64>() / (image.width() * image.height()) as i64
    };
    let kept = paint("--keep-color 1");
    for c in [0, 2] {
        let far = |image: &Image| (spread(image, c) - spread(&photo, c)).abs();
        assert!(far(&kept) <= far(&full), "the colours come nearer to the photo's");
    }
    let large = paint("--size 44");
    assert_eq!((large.width(), large.height()), (66, 44));
}

#[test]
fn masks_say_where() {
    let studio = Studio::new("masks");
    let half =
        |left: bool| Image::from_fn(66, 44, move |x, _| if (x < 33) == left { [255; 3] } else { [0; 3] });
    studio.write("left.png", &half(true));
    let read = |name: &str| studio.read(name).image;
    studio.lines("stylize photo.jpg --mask left.png=wave.png -o part.png");
    studio.lines("stylize photo.jpg --style mosaic.png --mask left.png=wave.png -o all.png");
    studio.lines("stylize photo.jpg --style mosaic.png -o mosaic1.png");
    studio.lines("stylize photo.jpg --style wave.png -o wave1.png");
    let (photo, part, all) = (read("photo.jpg"), read("part.png"), read("all.png"));
    assert_eq!(part.pixel(30, 10), photo.pixel(30, 10), "no mask, no paint");
    assert_eq!(part.pixel(3, 10), read("wave1.png").pixel(3, 10));
    assert_eq!(all.pixel(3, 10), read("wave1.png").pixel(3, 10));
    assert_eq!(all.pixel(30, 10), read("mosaic1.png").pixel(30, 10), "--style paints the rest");
}

#[test]
fn transparency_is_kept() {
    let studio = Studio::new("alpha");
    let mut still = studio.read("photo.jpg");
    let alpha: Vec<u8> = (0..33 * 22).map(|i| (i % 256) as u8).collect();
    still.alpha = Some(alpha.clone());
    studio.write_still("ghost.png", &still);
    studio.lines("stylize ghost.png --style wave.png");
    assert_eq!(studio.read("ghost-wave.png").alpha, Some(alpha));
    let said = studio.run("stylize ghost.png --style wave.png -o flat.jpg");
    assert!(said.code == Some(0) && said.err.contains("transparency"), "{}", said.err);
}

#[test]
fn the_smallest_photo_is_painted() {
    let studio = Studio::new("smallest");
    for (width, height) in [(1, 1), (1, 7), (2, 1)] {
        studio.picture("small.png", width, height);
        studio.lines("stylize small.png --style wave.png -o out.png");
        let painted = studio.read("out.png").image;
        assert_eq!((painted.width(), painted.height()), (width, height));
    }
}

#[test]
fn a_broken_photo_does_not_stop_the_others() {
    let studio = Studio::new("broken");
    studio.picture("many/a.jpg", 12, 9);
    studio.picture("many/c.jpg", 12, 9);
    fs::write(studio.path("many/b.jpg"), b"\xff\xd8\xff\xe0 cut short").unwrap();
    let said = studio.run("stylize many gone.jpg --style wave.png -o out");
    assert_eq!(
        (said.code, said.out.replace('\\', "/").as_str()),
        (Some(1), "out/a-wave.jpg\nout/c-wave.jpg\n")
    );
    let end = said.err.split("error:").nth(1).expect("an error at the end");
    assert!(end.contains("2 of 4 photos") && end.contains("b.jpg") && end.contains("gone.jpg"), "{end}");
}

#[test]
fn piped_progress_is_lines_and_quiet_is_silent() {
    let studio = Studio::new("lines");
    let said = studio.run("stylize photo.jpg --each --style wave.png --style mosaic.png");
    assert!(
        said.err.contains("1/2 ") && said.err.contains("2/2 ") && said.err.contains(" left"),
        "{}",
        said.err
    );
    assert!(!said.err.contains('\u{1b}') && !said.err.contains('\r'), "{}", said.err);
    let quiet = studio.run("--quiet stylize photo.jpg --style wave.png");
    assert_eq!((quiet.code, quiet.out.as_str(), quiet.err.as_str()), (Some(0), "photo-wave.jpg\n", ""));
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_nothing_half_written() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let studio = Studio::new("ctrl_c");
    // So many and so large that they would take many seconds.
    for i in 0..30 {
        studio.picture(&format!("many/{i}.png"), 640, 480);
    }
    let mut child = studio.command("stylize many --style wave.png --engine reference -o out");
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().expect("one is painted").unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let out: Vec<_> = studio.files().into_iter().filter(|name| name.starts_with("out/")).collect();
    assert!(!out.is_empty() && out.len() < 30, "it ended early: {}", out.len());
    for name in &out {
        assert!(name.ends_with("-wave.png"), "{name}");
        drop(studio.read(name));
    }
}
