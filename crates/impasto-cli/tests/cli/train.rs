//! Training, on the toy network.

use crate::studio::Studio;
use impasto_core::Weights;
use std::fs;

/// A toy run of a second or so.
const TOY: &str = "train light --tiny --set sampling.photo_px=32 --set sampling.painting_px=32 --set groups=2 --precision f32";

/// Weights by name; of a checkpoint, also the optimiser's state.
fn weights(studio: &Studio, file: &str) -> Weights {
    Weights::load(&studio.path(file)).unwrap().0
}

fn toy(words: &str) -> String {
    format!("{TOY} {words}")
}

#[test]
fn a_toy_network_is_trained_and_paints() {
    let studio = Studio::new("train");
    let words = toy("--set schedule.identity_steps=4 --steps 10 --validate-every 5 --report-every 5 -o run");
    assert_eq!(studio.lines(&words), ["run/model.safetensors"]);
    let report = fs::read_to_string(studio.path("run/report.html")).unwrap();
    for needle in
        ["Step 10 of 10, done", "Twin (noise and motion)", "Step 5</h2>", "data:image/jpeg;base64,/9j/"]
    {
        assert!(report.contains(needle), "{needle}");
    }
    let files = studio.files();
    for name in ["checkpoint.safetensors", "run.json", "sheets/000005.jpg", "events.out.tfevents"] {
        assert!(files.iter().any(|f| f.starts_with(&format!("run/{name}"))), "{name}: {files:?}");
    }
    studio.lines("stylize photo.jpg --style wave.png --model run/model.safetensors -o out.png");
    studio.refuses(&words, 1, &["run", "--resume run"]);
    // The same words and seed give the same bits.
    studio.lines(&words.replace("-o run", "-o again"));
    assert_eq!(weights(&studio, "run/model.safetensors"), weights(&studio, "again/model.safetensors"));
    let said = studio.run("train light --resume run --steps 12");
    assert!(said.code == Some(1) && said.err.contains("schedule.steps was 6, now 8"), "{}", said.err);
    let said = studio.run("train light --resume run --steps 12 --change-settings --precision f32");
    assert!(said.code == Some(0) && said.err.contains("going on after step 10: 12 steps"), "{}", said.err);
    let log = fs::read_to_string(studio.path("run/log.jsonl")).unwrap();
    let steps: Vec<&str> = log.lines().filter(|line| line.contains("\"steps\",")).collect();
    assert_eq!(steps.len(), 3, "records after 5, 10 and 12 steps: {log}");
}

#[test]
fn a_toy_decoder_is_trained_and_paints() {
    let studio = Studio::new("train-classic");
    let words = toy("--set schedule.identity_steps=2 --steps 4 -o run").replace("light", "classic");
    assert_eq!(studio.lines(&words), ["run/model.safetensors"]);
    studio.lines("stylize photo.jpg --style wave.png --model run/model.safetensors -o out.png");
    let said = studio.run("train light --resume run");
    assert!(said.code == Some(1) && said.err.contains("trains the classic network"), "{}", said.err);
}

#[cfg(not(feature = "gpu"))]
#[test]
fn a_build_that_cannot_train_on_a_gpu_says_so() {
    let studio = Studio::new("train-gpu");
    let words = toy("--steps 2 -o run --engine gpu");
    studio.refuses(&words, 1, &["this build cannot train on a GPU", "feature `gpu`", "--engine cpu"]);
}

/// A run begins on a GPU, if there is any, and goes on without.
#[cfg(feature = "gpu")]
#[test]
fn a_run_moves_between_gpu_and_cpu() {
    let studio = Studio::new("train-gpu");
    studio.refuses(&toy("--steps 2 -o none --engine gpu --adapter voodoo"), 1, &["no GPU adapter"]);
    let said = studio.run(&toy("--set schedule.identity_steps=1 --steps 3 -o run --engine gpu"));
    if said.err.contains("no GPU adapter was found") {
        println!("skipped: a_run_moves_between_gpu_and_cpu: no GPU adapter");
        return;
    }
    assert!(said.code == Some(0) && said.err.contains("in f32 on "), "{}", said.err);
    for (steps, engine, done) in [(5, "cpu", 3), (7, "gpu", 5)] {
        let words = format!(
            "train light --resume run --steps {steps} --change-settings --precision f32 --engine {engine}"
        );
        let said = studio.run(&words);
        assert!(
            said.code == Some(0) && said.err.contains(&format!("going on after step {done}")),
            "{}",
            said.err
        );
    }
    studio.lines("stylize photo.jpg --style wave.png --model run/model.safetensors -o out.png");
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_the_run_goes_on_to_the_same_bits() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    let studio = Studio::new("train-interrupt");
    let words = toy("--set schedule.identity_steps=5 --steps 40 --report-every 1 -o run");
    let mut child = studio.command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("2/40")));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let last = lines.last().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{last}");
    let (told, how) = last.split_once("go on with: impasto ").unwrap_or_else(|| panic!("{last}"));
    let step: u64 =
        told.trim_start_matches("stopped after step ").split(',').next().unwrap().parse().unwrap();
    assert!((2..40).contains(&step), "{last}");
    let said = studio.run(&format!("{how} --precision f32 --threads 1"));
    assert!(
        said.code == Some(0) && said.err.contains(&format!("going on after step {step}:")),
        "{}",
        said.err
    );
    studio.lines(&words.replace("-o run", "-o whole"));
    let [run, whole] = ["run", "whole"].map(|run| weights(&studio, &format!("{run}/checkpoint.safetensors")));
    assert!(run == whole, "an interrupted run differs");
}

#[test]
fn folders_that_cannot_be_trained_on() {
    let studio = Studio::new("train-folders");
    fs::write(studio.path("vgg.pth"), b"Dear friend, this is a letter.").unwrap();
    for folder in ["empty", "broken"] {
        fs::create_dir(studio.path(folder)).unwrap();
    }
    studio.picture("one/a.png", 64, 64);
    studio.picture("tiny/a.png", 20, 90);
    studio.picture("tiny/b.png", 30, 30);
    studio.picture("good/a.png", 64, 64);
    studio.picture("good/b.png", 64, 64);
    let mut huge = fs::read(studio.path("wave.png")).unwrap();
    huge[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    fs::write(studio.path("broken/huge.png"), &huge).unwrap();
    fs::write(studio.path("broken/text.jpg"), b"Dear friend").unwrap();
    for (folder, needles) in [
        ("gone", ["gone", "spelling"]),
        ("empty", ["empty holds no pictures", "folder of"]),
        ("one", ["one holds one picture", "hundreds"]),
        ("tiny", ["none of the 2 pictures", "32 px at least"]),
        ("broken", ["none of the 2 pictures", "huge.png"]),
    ] {
        let [photos, paintings] = [(folder, "good"), ("good", folder)]
            .map(|(a, b)| format!("train light --photos {a} --paintings {b} --vgg vgg.pth -o run"));
        studio.refuses(&photos, 1, &needles);
        studio.refuses(&paintings, 1, &needles);
    }
    // Pictures are fine, the loss network is not.
    studio.refuses(
        "train light --photos good --paintings good --vgg vgg.pth -o run",
        1,
        &["vgg.pth", "vgg_normalised.pth"],
    );
    studio.refuses(
        "train light --photos good --paintings good --vgg gone.pth -o run",
        1,
        &["gone.pth", "naoto0804"],
    );
    studio.refuses(
        "train light --photos good --paintings good --vgg photo.jpg -o run",
        1,
        &["photo.jpg", "vgg_normalised.pth"],
    );
}

/// The judge inside the program, a judge from a file, and a judge's file of another version.
#[test]
fn judges() {
    let studio = Studio::new("train-judges");
    for (folder, i) in [("photos", 0), ("photos", 1), ("paintings", 0), ("paintings", 1)] {
        studio.picture(&format!("{folder}/{i}.png"), 64, 64);
    }
    let words = "train light --photos photos --paintings paintings --steps 1 --set schedule.identity_steps=0 --set groups=2 \
        --set sampling.photos_per_painting=2 --set sampling.photo_px=64 --set sampling.painting_px=64 --precision f32";
    studio.lines(&format!("{words} -o inside"));
    let bytes: &[u8] = include_bytes!("../../../impasto-train/models/judge.safetensors");
    fs::write(studio.path("judge.safetensors"), bytes).unwrap();
    studio.lines(&format!("{words} --vgg judge.safetensors -o file"));
    let [inside, file] =
        ["inside", "file"].map(|run| weights(&studio, &format!("{run}/checkpoint.safetensors")));
    assert!(inside == file, "the same judge judges alike");
    let (tensors, mut metadata) = Weights::from_bytes(bytes).unwrap();
    metadata.insert("version".into(), "9".into());
    let other = tensors.to_bytes(impasto_core::weights::Precision::F16, metadata);
    fs::write(studio.path("judge.safetensors"), other).unwrap();
    studio.refuses(
        &format!("{words} --vgg judge.safetensors -o new"),
        1,
        &["version 9", "impasto train judge"],
    );
}

#[test]
fn words_of_training_that_cannot_be_meant() {
    let studio = Studio::empty("train-words");
    studio.refuses("train light -o run", 2, &["--photos", "--tiny"]);
    studio.refuses("train light --tiny", 2, &["-o", "RUN"]);
    studio.refuses("train light --photos a:0 --paintings b -o run", 2, &["the weight is 0"]);
    studio.refuses("train dark --tiny -o run", 2, &["dark"]);
    studio.refuses("train judge --tiny -o run", 2, &["judge", "no --tiny"]);
    studio.refuses("train judge --engine gpu -o run", 2, &["no --engine gpu"]);
    studio.refuses("train judge --resume run", 1, &["run is no run", "impasto train judge -o"]);
    studio.refuses("train light --tiny --model a -o run", 2, &["--model", "--start"]);
    let shown = studio.lines("train judge --show-settings --steps 7 --set distances=2").join("");
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["steps"], &shown["distances"]), (&7.into(), &2.0.into()));
    studio.refuses("train light --tiny --photos a -o run", 2, &["--photos"]);
    studio.refuses(&toy("--set recipe.stile=4 -o run"), 2, &["recipe.stile", "style"]);
    studio.refuses(&toy("--set recipe.style -o run"), 2, &["NAME=VALUE"]);
    studio.refuses(&toy("--set recipe.style=much -o run"), 2, &["much"]);
    studio.refuses(&toy("--set sampling.photo_px=33 -o run"), 2, &["photo_px is 33"]);
    studio.refuses("train light --resume run", 1, &["run is no run", "impasto train -o"]);
    fs::write(studio.path("bad.json"), "{\"groups\": }").unwrap();
    studio.refuses(&toy("--settings bad.json -o run"), 1, &["bad.json"]);
    fs::write(studio.path("good.json"), "{\"groups\": 7, \"recipe\": {\"style\": 2.5}}").unwrap();
    let shown =
        studio.lines("train light --tiny --settings good.json --set groups=8 --show-settings").join("");
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["groups"], &shown["recipe"]["style"]), (&8.into(), &2.5.into()));
}

#[test]
fn another_table_is_not_resumed() {
    let studio = Studio::empty("train-table");
    studio.lines(&toy("--set schedule.identity_steps=1 --steps 2 -o run"));
    let said = studio.run("train light --resume run --set code=32 --change-settings");
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("its own table") && said.err.contains("code was 64, now 32"), "{}", said.err);
    fs::write(studio.path("run/checkpoint.safetensors"), b"Dear friend").unwrap();
    let said = studio.run("train light --resume run");
    assert!(said.code == Some(1) && said.err.contains("cannot resume"), "{}", said.err);
}

#[test]
fn numbers_that_run_away_stop_the_run() {
    let studio = Studio::empty("train-nan");
    let said = studio.run(&toy("--set schedule.identity_steps=0 --set recipe.rate=1e30 --steps 60 -o run"));
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("not finite") && said.err.contains("No checkpoint"), "{}", said.err);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_keeps_the_checkpoint() {
    let studio = Studio::empty("train-full");
    studio.lines(&toy("--set schedule.identity_steps=1 --steps 3 -o run"));
    let before = fs::read(studio.path("run/checkpoint.safetensors")).unwrap();
    // The model beside the checkpoint goes to a device that is always full.
    let run = studio.path("run");
    std::os::unix::fs::symlink("/dev/full", run.join("model.new")).unwrap();
    fs::remove_file(run.join("model.safetensors")).unwrap();
    fs::rename(run.join("model.new"), run.join("model.safetensors")).unwrap();
    let said = studio.run("train light --resume run --steps 5 --change-settings");
    assert_eq!(said.code, Some(1));
    for needle in ["space", "checkpoint, after step 5, is kept"] {
        assert!(said.err.contains(needle), "{}", said.err);
    }
    assert!(fs::read(studio.path("run/checkpoint.safetensors")).unwrap() != before, "it goes on from step 5");
}
