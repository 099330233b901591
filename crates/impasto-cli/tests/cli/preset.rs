//! Looks in files: `--preset` and `--save-preset`.

use crate::studio::Studio;
use std::fs;

#[test]
fn a_look_is_kept_in_a_file() {
    let studio = Studio::new("preset");
    fs::create_dir(studio.path("looks")).unwrap();
    let saved = "stylize photo.jpg --style wave.png:0.7 --style mosaic.png:0.3 --strength 0.5 --keep-color 1 -o a.png";
    studio.lines(&format!("{saved} --save-preset looks/mix.json"));
    let kept: serde_json::Value =
        serde_json::from_slice(&fs::read(studio.path("looks/mix.json")).unwrap()).unwrap();
    assert_eq!((&kept["strength"], &kept["keep-color"]), (&0.5.into(), &1.into()));
    studio.lines("stylize photo.jpg --preset looks/mix.json -o b.png");
    let read = |name: &str| studio.read(name).image;
    assert_eq!(read("a.png"), read("b.png"));
    studio.lines("stylize photo.jpg --preset looks/mix.json --strength 1 -o c.png");
    studio.lines(&saved.replace("--strength 0.5", "--strength 1").replace("a.png", "d.png"));
    assert_eq!(read("c.png"), read("d.png"), "what is typed goes before what the file says");
    studio.refuses(
        &format!("{saved} --force --save-preset looks/mix.json"),
        1,
        &["mix.json", "not there yet"],
    );
    studio.refuses("stylize photo.jpg --preset no.json -o e.png", 2, &["no.json"]);
    fs::write(studio.path("bad.json"), "{\"strength\": 7, \"style\": \"wave.png\"}").unwrap();
    studio.refuses("stylize photo.jpg --preset bad.json -o e.png", 2, &["--strength"]);
}
