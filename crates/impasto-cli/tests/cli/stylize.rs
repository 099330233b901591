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
    for flag in ["", "--force"] {
        assert_eq!(
            studio.lines(&format!("stylize holiday --style wave.png -o holiday/painted {flag}")),
            ["holiday/painted/a-wave.jpg"]
        );
    }
    // Beside their photos, they are told by the mark in them, and without it by their names.
    for (flag, folder) in [("", "marked"), ("--no-mark", "plain")] {
        studio.picture(&format!("{folder}/b.jpg"), 12, 9);
        let words = format!("stylize {folder} --style wave.png -o {folder} {flag}");
        assert_eq!(studio.lines(&words), [format!("{folder}/b-wave.jpg")]);
        let said = studio.run(&format!("{words} --force"));
        assert_eq!((said.code, said.out.replace('\\', "/")), (Some(0), format!("{folder}/b-wave.jpg\n")));
        assert!(said.err.contains("not painted again"), "{}", said.err);
    }
}

#[test]
fn pictures_whose_names_differ_by_their_ending_stay_apart() {
    let studio = Studio::new("stem");
    studio.picture("logos/logo.png", 12, 9);
    fs::copy(studio.path("logos/logo.png"), studio.path("logos/logo.gif")).unwrap();
    fs::write(studio.path("logos/notes.txt"), "no picture").unwrap();
    let said = studio.run("stylize logos --style wave.png -o out");
    assert_eq!(said.out.replace('\\', "/"), "out/logo-gif-wave.png\nout/logo-wave.png\n", "{}", said.err);
    assert!(said.err.contains("passed over: ") && said.err.contains("notes.txt (no picture"), "{}", said.err);
}

#[test]
fn folders_on_the_way_are_made_and_long_names_are_cut() {
    let studio = Studio::new("made");
    assert_eq!(studio.lines("stylize photo.jpg --style wave.png -o a/b/c/"), ["a/b/c/photo-wave.jpg"]);
    assert_eq!(studio.lines("stylize photo.jpg --style wave.png -o d/e/out.png"), ["d/e/out.png"]);
    for length in [243, 255] {
        let name = format!("{}.png", "n".repeat(length - 4));
        studio.picture(&name, 12, 9);
        let lines = studio.lines(&format!("stylize {name} --style wave.png"));
        assert!(lines[0].len() <= 255 && lines[0].ends_with("-wave.png"), "{lines:?}");
        drop(studio.read(&lines[0]));
    }
}

#[test]
fn photos_go_through_pipes() {
    use std::process::Stdio;
    let studio = Studio::new("pipe");
    let photo = fs::File::open(studio.path("photo.jpg")).unwrap();
    let output = studio
        .command("stylize - --style wave.png -o -")
        .stdin(photo)
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    fs::write(studio.path("piped.jpg"), &output.stdout).unwrap();
    studio.lines("stylize photo.jpg --style wave.png -o file.jpg");
    assert!(output.stdout == fs::read(studio.path("file.jpg")).unwrap(), "the bytes are the file's");
    studio.refuses("stylize photo.jpg wave.png --style wave.png -o -", 2, &["-o -"]);
    assert!(!studio.path("-").exists());
}

#[cfg(unix)]
#[test]
fn a_pipe_in_a_folder_is_passed_over() {
    let studio = Studio::new("fifo");
    studio.picture("mixed/a.png", 12, 9);
    let made = std::process::Command::new("mkfifo").arg(studio.path("mixed/b.png")).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: mkfifo is missing");
        return;
    }
    let said = studio.run("stylize mixed --style wave.png -o out");
    assert_eq!((said.code, said.out.as_str()), (Some(0), "out/a-wave.png\n"), "{}", said.err);
    assert!(said.err.contains("b.png (a pipe, device or socket)"), "{}", said.err);
}

#[cfg(unix)]
#[test]
fn a_result_keeps_the_mode_of_the_file_it_replaces() {
    use std::os::unix::fs::PermissionsExt;
    let studio = Studio::new("mode");
    studio.picture("out.png", 9, 9);
    fs::set_permissions(studio.path("out.png"), fs::Permissions::from_mode(0o600)).unwrap();
    studio.lines("stylize photo.jpg --style wave.png -o out.png --force");
    assert_eq!(fs::metadata(studio.path("out.png")).unwrap().permissions().mode() & 0o777, 0o600);
    std::os::unix::fs::symlink("real.png", studio.path("link.png")).unwrap();
    studio.lines("stylize photo.jpg --style wave.png -o link.png");
    assert!(fs::symlink_metadata(studio.path("link.png")).unwrap().is_symlink());
    drop(studio.read("real.png"));
}

#[cfg(unix)]
#[test]
fn a_painting_may_be_called_as_if_it_had_a_weight() {
    let studio = Studio::new("colon");
    fs::copy(studio.path("wave.png"), studio.path("paper:0.5")).unwrap();
    studio.lines("stylize photo.jpg --style paper:0.5 -o a.png");
    studio.lines("stylize photo.jpg --style wave.png -o b.png");
    assert_eq!(studio.read("a.png").image, studio.read("b.png").image);
}

#[test]
fn what_cannot_be_seen_does_not_decide() {
    let studio = Studio::new("unseen");
    let cutout = |name: &str, hidden: u8| {
        let image =
            Image::from_fn(
                24,
                24,
                |x, y| if x < 12 { [(9 * x) as u8, (7 * y) as u8, 90] } else { [hidden; 3] },
            );
        let mut still = impasto_media::still::Still::from_image(image);
        still.alpha = Some((0..24 * 24).map(|i| if i % 24 < 12 { 255 } else { 0 }).collect());
        studio.write_still(name, &still);
    };
    cutout("black.png", 0);
    cutout("white.png", 255);
    studio.lines("stylize black.png white.png --style wave.png -o out");
    assert_eq!(studio.read("out/black-wave.png").image, studio.read("out/white-wave.png").image);
    studio.lines("stylize photo.jpg --each --style black.png --style white.png -o out");
    assert_eq!(studio.read("out/photo-black.jpg").image, studio.read("out/photo-white.jpg").image);
}

#[test]
fn before_and_after_in_one() {
    let studio = Studio::new("compare");
    assert_eq!(
        studio.lines("stylize photo.jpg --style wave.png --compare side -o a.png"),
        ["a.png", "a-compare.png"]
    );
    let (both, painted) = (studio.read("a-compare.png").image, studio.read("a.png").image);
    assert_eq!((both.width(), both.height()), (33 + 8 + 33, 22));
    assert_eq!(both.pixel(41 + 5, 7), painted.pixel(5, 7));
    assert_eq!(both.pixel(5, 7), studio.read("photo.jpg").image.pixel(5, 7));
    let lines = studio.lines("stylize photo.jpg --style wave.png --compare slider.html -o b.png");
    assert_eq!(lines, ["b.png", "b-compare.html"]);
    let page = fs::read_to_string(studio.path("b-compare.html")).unwrap();
    assert_eq!(page.matches("data:image/jpeg;base64,").count(), 2);
}

#[test]
fn a_photo_is_tried_in_all_styles() {
    let studio = Studio::empty("try");
    studio.picture("my photo.png", 60, 40);
    let output = studio.command("try --size 40 --model light").arg("my photo.png").output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(out, "my photo-try.png\nmy photo-try.html\n", "{}", String::from_utf8_lossy(&output.stderr));
    let page = fs::read_to_string(studio.path("my photo-try.html")).unwrap();
    assert!(page.contains("impasto stylize 'my photo.png' --style starry-night --model light"), "{page}");
    let styles = studio.lines("styles list").len();
    assert_eq!(page.matches("<figure>").count(), styles + 1, "the photo and every style");
    let sheet = studio.read("my photo-try.png").image;
    assert_eq!(sheet.width(), 6 * 68 - 8);
}

#[test]
fn passes_paint_the_painting_again() {
    let studio = Studio::new("passes");
    studio.lines("stylize photo.jpg --style wave.png -o one.png");
    studio.lines("stylize one.png --style wave.png -o two.png");
    studio.lines("stylize photo.jpg --style wave.png --passes 2 -o both.png");
    assert_eq!(studio.read("both.png").image, studio.read("two.png").image);
    assert_ne!(studio.read("both.png").image, studio.read("one.png").image);
    studio.refuses("stylize photo.jpg --style wave.png --passes 0 -o c.png", 2, &["--passes"]);
}

#[test]
fn equal_runs_give_equal_files() {
    let studio = Studio::new("equal");
    studio.lines("styles make wave.png -o a.style");
    let first = fs::read(studio.path("a.style")).unwrap();
    for _ in 0..3 {
        studio.lines("styles make wave.png -o a.style --force");
        assert!(fs::read(studio.path("a.style")).unwrap() == first);
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
        studio.lines(&format!("stylize photo.jpg --style wave.png {dials} -o dial.png --force"));
        studio.read("dial.png").image
    };
    let full = paint("");
    assert_eq!(paint("--strength 1 --keep-color 0 --engine cpu --threads 1"), full);
    assert!(psnr_db(&paint("--engine reference"), &full) > 45.0);
    assert_ne!(paint("--strength 0.3"), full);
    assert_eq!(paint("--strength 0"), photo, "strength 0 is the photo itself");
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
        studio.lines("stylize small.png --style wave.png -o out.png --force");
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
    let quiet = studio.run("--quiet stylize photo.jpg --style wave.png --force");
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

#[test]
fn a_still_is_finished_toward_its_painting() {
    let studio = Studio::new("finish");
    let paint = |words: &str, name: &str| {
        studio.lines(&format!("stylize photo.jpg --threads 1 {words} -o {name}.png"));
        studio.read(&format!("{name}.png")).image
    };
    let quick = paint("--style wave.png", "quick");
    let finished = paint("--style wave.png --finish 3", "finished");
    assert!(finished != quick && (finished.width(), finished.height()) == (33, 22));
    assert_eq!(paint("--style wave.png --finish 3", "again"), finished, "the same every time");
    let photo = studio.read("photo.jpg").image;
    assert_eq!(paint("--style wave.png --finish 3 --strength 0", "none"), photo);
    // A style file holds no painting.
    studio.lines("styles make wave.png -o wave.style");
    studio.refuses(
        "stylize photo.jpg --style wave.style --finish 3 -o a.png",
        2,
        &["--finish-like", "`wave.style`"],
    );
    assert_ne!(paint("--style wave.style --finish 3 --finish-like mosaic.png", "like"), quick);
    // Where a mask covers nothing, the photo stays as it is.
    studio.write("black.png", &Image::from_fn(33, 22, |_, _| [0; 3]));
    assert_eq!(paint("--mask black.png=wave.png --finish 2", "masked"), photo);
    let texture = paint("--style wave.png --finish 3 --texture", "texture");
    assert!(texture != finished && (texture.width(), texture.height()) == (33, 22));
    for (words, needle) in [
        ("--style wave.png --finish 0", "--finish"),
        ("--style wave.png --texture", "--finish"),
        ("--style wave.png --finish 3 --finish-like nothing.png", "nothing.png"),
    ] {
        let said = studio.run(&format!("stylize photo.jpg {words} -o a.png"));
        assert!(said.code != Some(0) && said.err.contains(needle), "{words}: {}", said.err);
    }
}
