//! Which frames of a film are painted, which part of them, and in whose styles.

use crate::video::{read, studio};
use impasto_core::Image;
use impasto_core::image::psnr_db;
use impasto_media::video::{self, convert};
use std::fs;

#[test]
fn a_film_is_turned_cropped_mirrored_and_thinned() {
    let studio = studio("video_view", 7);
    let words = "video film.y4m --style wave.png --rotate 90 --crop 24x40+4+2 --every 3 -o turned.mp4";
    studio.lines(words);
    let (info, frames) = read(&studio, "turned.mp4");
    assert_eq!((info.width, info.height), (24, 40));
    assert_eq!(frames.iter().map(|f| f.1).collect::<Vec<_>>(), [0, 3, 6]);
    // Without a style in it, the view is what the words say: the red edge is on the left, mirrored on the right, turned above.
    let edge = |words: &str, (x, y): (usize, usize)| {
        studio.lines(&format!(
            "video film.y4m --style wave.png --steady 0 --keep-color 1 --quality 100 {words} --force -o e.mp4"
        ));
        let [r, g, b] = read(&studio, "e.mp4").1[0].0.pixel(x, y).map(i32::from);
        r - (g + b) / 2
    };
    let plain = edge("", (1, 16));
    for (words, at) in [("--mirror", (46, 16)), ("--rotate 90", (16, 1)), ("--rotate 270 --mirror", (16, 46))]
    {
        let found = edge(words, at);
        assert!(found > plain / 2 && plain > 40, "{words}: {found}, and {plain} unturned");
    }
    studio.refuses(
        "video film.y4m --style wave.png --rotate 45 -o a.mp4",
        2,
        &["--rotate", "0, 90, 180 or 270"],
    );
    studio.refuses("video film.y4m --style wave.png --crop 4by3 -o a.mp4", 2, &["--crop", "640x480+100+0"]);
    studio.refuses("video film.y4m --style wave.png --every moved -o a.y4m", 2, &["--every moved", ".mp4"]);
}

#[test]
fn a_film_in_which_nothing_moves_is_painted_once() {
    let studio = studio("video_moved", 2);
    let whole = fs::read(studio.path("film.y4m")).unwrap();
    let start = whole.iter().position(|b| *b == b'\n').unwrap() + 1;
    let frame = (whole.len() - start) / 2;
    let [one, two] = [0, 1].map(|k| &whole[start + k * frame..][..frame]);
    fs::write(studio.path("still.y4m"), [&whole[..start], one, one, one, two, two].concat()).unwrap();
    let said = studio.run("video still.y4m --style wave.png --every moved --json -o a.mp4");
    assert_eq!(said.code, Some(0), "{}", said.err);
    let told: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (&told["painted"], &told["result"], &told["cut_short"]),
        (&2.into(), &"a.mp4".into(), &().into())
    );
    let (_, frames) = read(&studio, "a.mp4");
    assert_eq!(frames.iter().map(|f| f.1).collect::<Vec<_>>(), [0, 3]);
}

#[test]
fn a_film_lends_its_styles_frame_for_frame() {
    let studio = studio("video_lent", 5);
    let color = video::Color::usual(24, 24);
    let dark = Image::from_fn(24, 24, |x, y| [60 + (3 * x) as u8, (2 * y) as u8, 10]);
    let light =
        Image::from_fn(24, 24, |x, y| [150, 255 - (4 * y) as u8, if x / 4 % 2 == 0 { 255 } else { 120 }]);
    let film = |name: &str, pictures: [&Image; 2]| {
        let mut film = b"YUV4MPEG2 W24 H24 F25:1 Ip A1:1 C420jpeg\n".to_vec();
        for picture in pictures {
            let planes = convert::planes_from_image(picture, color);
            film.extend(b"FRAME\n");
            [planes.y, planes.u, planes.v].iter().for_each(|plane| film.extend(plane));
        }
        fs::write(studio.path(name), film).unwrap();
    };
    let paint = |style: &str, name: &str| {
        studio.lines(&format!("video film.y4m --style {style} --steady 0 --quality 100 -o {name}"));
        read(&studio, name).1
    };
    film("lender.y4m", [&dark, &light]);
    film("dark.y4m", [&dark, &dark]);
    film("light.y4m", [&light, &light]);
    let lent = paint("lender.y4m", "a.mp4");
    let (dark, light) = (paint("dark.y4m", "b.mp4"), paint("light.y4m", "c.mp4"));
    for frame in 0..5 {
        let [near, far] = if frame % 2 == 0 { [&dark, &light] } else { [&light, &dark] };
        let db = |other: &[(Image, u64)]| psnr_db(&lent[frame].0, &other[frame].0);
        assert!(db(near) > db(far) + 2.0, "frame {frame}: {:.1} and {:.1} dB", db(near), db(far));
    }
    let words = "stylize photo.jpg --style lender.y4m -o p.png";
    studio.refuses(words, 1, &["lender.y4m is a film", "impasto video"]);
}

#[test]
fn a_film_says_that_a_program_made_it() {
    let studio = studio("video_mark", 4);
    let painted = |words: &str| {
        studio.lines(&format!("video film.y4m --style wave.png --force -o a.mp4 {words}"));
        fs::read(studio.path("a.mp4")).unwrap()
    };
    let marked = painted("");
    assert!(impasto_media::still::mark::is_in(&marked));
    assert_eq!(read(&studio, "a.mp4").1.len(), 4, "it is read as before");
    let exiftool =
        std::process::Command::new("exiftool").args(["-XMP:all", "-n"]).arg(studio.path("a.mp4")).output();
    match exiftool {
        Ok(out) if out.status.success() => {
            let said = String::from_utf8_lossy(&out.stdout).into_owned();
            for word in ["compositeWithTrainedAlgorithmicMedia", "model classic", "wave"] {
                assert!(said.contains(word), "no `{word}` in: {said}");
            }
        }
        _ => println!("skipped: a_film_says_that_a_program_made_it: no exiftool on this machine"),
    }
    assert!(!impasto_media::still::mark::is_in(&painted("--no-mark")));
    for part in ["1", "2"] {
        studio.lines(&format!("video film.y4m --style wave.png --part {part}/2 -o {part}.mp4"));
    }
    studio.lines("video join 1.mp4 2.mp4 -o joined.mp4");
    assert_eq!(fs::read(studio.path("joined.mp4")).unwrap(), marked, "parts make the same file");
}

#[test]
fn a_film_that_is_there_is_kept() {
    let studio = studio("video_there", 2);
    let words = "video film.y4m --style wave.png -o a.mp4";
    studio.lines(words);
    studio.refuses(words, 2, &["a.mp4", "--force"]);
    studio.lines(&format!("{words} --force"));
    studio.lines("video film.y4m --style wave.png -o frames/");
    studio.refuses("video film.y4m --style wave.png -o frames/", 2, &["000001.png", "--force"]);
}
