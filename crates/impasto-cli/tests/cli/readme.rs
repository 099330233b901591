//! Every command of the README, as it is typed there, on files of its names.

use crate::studio::Studio;
use crate::video::y4m;
use impasto_core::Image;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Commands that run until they are ended, or for minutes: they must only begin well.
const LONG: [&str; 7] = ["live", "train", "tune", "watch", "bench", "doctor", "eval"];
/// So long they are watched.
const WATCHED: Duration = Duration::from_secs(2);
/// Words that only a person can fill in, or that need a file of others.
const OPEN: [&str; 4] = ["…", "LIBS", "oak", "vgg"];

/// The commands: lines of code blocks, and code in sentences and tables.
fn commands(readme: &str) -> Vec<String> {
    let block = readme.lines().filter_map(|line| line.strip_prefix("    "));
    let spans = readme.lines().filter(|line| !line.starts_with("    "));
    let spans = spans.flat_map(|line| line.split('`').skip(1).step_by(2));
    let mut commands = Vec::new();
    for words in block.chain(spans) {
        let words = words.strip_prefix("cargo run --release --locked -- ").or(words.strip_prefix("impasto "));
        let words = words.filter(|words| !OPEN.iter().any(|open| words.contains(open)));
        // A bare name in a sentence is no command.
        commands.extend(words.filter(|words| *words != "stylize").map(str::to_string));
    }
    commands
}

/// A folder with all files that the README names, small.
fn desk(test: &str) -> Studio {
    let desk = Studio::empty(test);
    for name in ["photo.jpg", "wave.jpg", "night.jpg", "sky.png", "holiday/a.jpg", "inbox/a.jpg"] {
        desk.picture(name, 96, 72);
    }
    fs::write(desk.path("film.y4m"), y4m(48, 32, 6)).unwrap();
    for (from, to) in [("film.y4m", "film.mp4"), ("film.y4m", "sticker.gif")] {
        let said = run(&desk, &format!("video {from} --style waves --size 16 -o {to}"));
        assert!(said.0, "{}", said.1);
    }
    desk
}

fn command(desk: &Studio, words: &str) -> Command {
    // A person's shell finds the files that a star stands for.
    let words = words.split_whitespace().flat_map(|word| match word.split_once('*') {
        Some((before, after)) => {
            let files = desk.files().into_iter();
            files.filter(|file| file.starts_with(before) && file.ends_with(after)).collect()
        }
        None => vec![word.to_string()],
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
    command.args(words).current_dir(desk.path("")).stdin(Stdio::null()).env_remove("IMPASTO_ISA");
    command.env("XDG_CONFIG_HOME", desk.path("config")).env("APPDATA", desk.path("config"));
    command
}

fn run(desk: &Studio, words: &str) -> (bool, String) {
    let output = command(desk, words).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Whether a long command begins: it is at work after a while, or has ended well.
fn begins(desk: &Studio, words: &str) -> (bool, String) {
    let port = if words.starts_with("live") { " --port 0 --no-open" } else { "" };
    let mut child = command(desk, &format!("{words}{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while started.elapsed() < WATCHED {
        if let Some(status) = child.try_wait().unwrap() {
            let said = String::from_utf8_lossy(&child.wait_with_output().unwrap().stderr).into_owned();
            return (status.success(), said);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    (true, String::new())
}

#[test]
fn every_command_of_the_readme_runs_as_typed() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let commands = commands(&readme);
    assert!(commands.len() > 15, "{commands:#?}");
    let mut failures = Vec::new();
    for words in &commands {
        let name = words.split_whitespace().next().unwrap();
        // Devices, networks that are imported and the built web page are not on every machine.
        if name == "import" || name == "web" || words.contains("/dev/") {
            continue;
        }
        let desk = desk("readme");
        if words.starts_with("demo --scene photo.jpg") {
            fs::remove_file(desk.path("photo.jpg")).unwrap();
        }
        if words.starts_with("video join") {
            for part in ["--part 1/2 -o part-1.mp4", "--part 2/2 -o part-2.mp4"] {
                run(&desk, &format!("video film.mp4 --style waves {part}"));
            }
        }
        let (well, said) = match LONG.contains(&name) || words.contains("--refine") {
            true => begins(&desk, words),
            false => run(&desk, words),
        };
        if !well {
            failures.push(format!("impasto {words}\n    {}", said.trim()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_readme_has_a_photo_to_begin_with() {
    let desk = Studio::empty("readme_photo");
    assert!(run(&desk, "demo --scene photo.jpg --size 72").0);
    let photo: Image = desk.read("photo.jpg").image;
    assert_eq!((photo.width(), photo.height()), (128, 72));
    let (well, said) = run(&desk, "demo --scene photo.jpg");
    assert!(!well && said.contains("photo.jpg"), "a photo that is there is kept: {said}");
}
