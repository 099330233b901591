//! Folders: what lands in one that is watched, and how a run over one ends.

use crate::studio::Studio;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

#[test]
fn what_lands_in_a_folder_is_painted_once() {
    let studio = Studio::new("watch");
    studio.picture("in/a.png", 12, 9);
    let watch = "watch in --style wave.png -o out --model classic --once";
    assert_eq!(studio.lines(watch), ["out/a-wave.png"]);
    studio.picture("in/day/b.jpg", 12, 9);
    assert_eq!(studio.lines(watch), ["out/day/b-wave.jpg"]);
    fs::write(studio.path("in/c.jpg"), b"\xff\xd8\xff\xe0 cut short").unwrap();
    let said = studio.run(watch);
    assert!(said.code == Some(1) && said.err.contains("c.jpg"), "{}", said.err);
}

/// A file that grows between two looks is waited for, and a restart knows what is done.
#[test]
fn half_written_files_are_waited_for() {
    let studio = Studio::new("watch_half");
    studio.picture("whole.png", 40, 30);
    let bytes = fs::read(studio.path("whole.png")).unwrap();
    fs::create_dir(studio.path("in")).unwrap();
    let watch = || {
        let mut command = studio.command("watch in --style wave.png -o out --model classic --every 1");
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut watching = watch();
    let mut lines = BufReader::new(watching.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("watching in")));
    let target = studio.path("in/a.png");
    let grow = |share: usize| fs::write(&target, &bytes[..bytes.len() * share / 8]).unwrap();
    for share in 1..8 {
        grow(share);
        std::thread::sleep(Duration::from_millis(400));
        assert!(!studio.path("out/a-wave.png").exists(), "painted at {share}/8");
    }
    grow(8);
    let mut results = BufReader::new(watching.stdout.take().unwrap()).lines();
    assert_eq!(results.next().unwrap().unwrap().replace('\\', "/"), "out/a-wave.png");
    assert_eq!(studio.read("out/a-wave.png").image.width(), 40);
    watching.kill().unwrap();
    watching.wait().unwrap();
    let painted = fs::metadata(studio.path("out/a-wave.png")).unwrap().modified().unwrap();
    studio.picture("in/b.png", 12, 9);
    let mut again = watch();
    let mut results = BufReader::new(again.stdout.take().unwrap()).lines();
    assert_eq!(results.next().unwrap().unwrap().replace('\\', "/"), "out/b-wave.png", "a is done");
    again.kill().unwrap();
    again.wait().unwrap();
    assert_eq!(fs::metadata(studio.path("out/a-wave.png")).unwrap().modified().unwrap(), painted);
}

#[test]
fn a_folder_ends_with_a_table_for_people_and_programs() {
    let studio = Studio::new("table");
    studio.picture("in/a.png", 12, 9);
    fs::write(studio.path("in/b.jpg"), b"\xff\xd8\xff\xe0 cut short").unwrap();
    fs::write(studio.path("in/notes.txt"), "words").unwrap();
    let said = studio.run("stylize in --style wave.png -o out/ --json");
    assert_eq!(said.code, Some(1), "{}", said.err);
    let told: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().replace('\\', "/");
    assert_eq!(text(&told["painted"][0]["results"][0]), "out/a-wave.png");
    assert!(text(&told["failed"][0]["photo"]).ends_with("b.jpg"), "{told}");
    assert!(text(&told["passed_over"][0]["path"]).ends_with("notes.txt"), "{told}");
    assert!(!text(&told["passed_over"][0]["why"]).is_empty() && told["there_already"] == 0);
    for row in ["1  painted", "1  passed over", "1  failed"] {
        assert!(said.err.contains(row), "no `{row}` in: {}", said.err);
    }
}
