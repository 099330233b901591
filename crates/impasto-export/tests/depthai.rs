//! Our package in the hands of Luxonis' own libraries, as far as that goes without a camera.

mod common;

use common::{Scratch, light_like, openvino_libs, python, script, some_style};
use impasto_export::export_oak;
use impasto_export::oak::child::{OakChild, OakCommand, OakError, OakMode, Timeouts};
use impasto_export::oak::{Compiler, Head, OakOptions, Shaves};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A folder compiled for the given number of SHAVEs.
fn compiled(libs: &Path, folder: &Path, shaves: Shaves) -> PathBuf {
    let model = light_like();
    let compiler = Some(Compiler { libs: libs.into(), shaves });
    let options = OakOptions { head: Head::Yuv420, compiler, ..OakOptions::new(128, 96) };
    export_oak(&model, &[some_style(&model, "first", 1), some_style(&model, "second", 2)], &options, folder)
        .unwrap();
    folder.join("models/impasto-light-like.rvc2.tar.xz")
}

/// Runs a script and gives its `ok` lines.
fn oks(python: &Path, name: &str, arguments: &[&Path]) -> Vec<String> {
    let out = Command::new(python)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(script(name))
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{text}\n{}", String::from_utf8_lossy(&out.stderr));
    let lines: Vec<String> = text.lines().filter(|l| l.starts_with("ok ")).map(String::from).collect();
    lines.iter().for_each(|line| eprintln!("{name}: {line}"));
    lines
}

#[test]
fn depthai_2_sends_pipeline_blob_style_and_picture() {
    let test = "depthai_2_sends_pipeline_blob_style_and_picture";
    let Some(libs) = openvino_libs(test) else { return };
    let Some(python) = python(test, "depthai2", &["depthai", "msgpack", "numpy"]) else { return };
    let scratch = Scratch::new("depthai2");
    let archive = compiled(&libs, &scratch.0.join("oak"), Shaves::One(6));
    assert_eq!(oks(&python, "with_depthai2.py", &[&archive]).len(), 5);
}

#[test]
fn depthai_3_and_luxonis_ml_take_the_archives() {
    let test = "depthai_3_and_luxonis_ml_take_the_archives";
    let Some(libs) = openvino_libs(test) else { return };
    let Some(python) = python(test, "depthai3", &["depthai", "luxonis_ml", "bsdiff4"]) else { return };
    let scratch = Scratch::new("depthai3");
    let one = compiled(&libs, &scratch.0.join("one"), Shaves::One(6));
    let all = compiled(&libs, &scratch.0.join("all"), Shaves::All);
    let onnx = scratch.0.join("one/models/impasto-light-like.onnx.tar.xz");
    let blob = scratch.0.join("six.blob");
    let painter = scratch.0.join("one/models/painter.onnx");
    let bytes = impasto_export::oak::compile::compile(&libs, &painter, 6, &scratch.0).unwrap();
    std::fs::write(&blob, bytes).unwrap();
    assert_eq!(oks(&python, "with_depthai3.py", &[&one, &all, &onnx, &blob]).len(), 6);
}

/// The generated program with the real depthai 3 and no camera says so, through the pipe.
#[test]
fn the_program_tells_that_there_is_no_camera() {
    let test = "the_program_tells_that_there_is_no_camera";
    let Some(python) = python(test, "depthai3", &["depthai", "numpy"]) else { return };
    let (scratch, model) = (Scratch::new("no-camera"), light_like());
    let folder = scratch.0.join("oak");
    export_oak(&model, &[some_style(&model, "s", 1)], &OakOptions::new(128, 96), &folder).unwrap();
    let spawn = |mode| {
        let command = OakCommand::app(&python, &folder, mode, Some("127.0.0.1"), None);
        match OakChild::spawn(&command, Timeouts { hello: Duration::from_secs(120), ..Timeouts::default() }) {
            Err(OakError::Failed(failure)) => failure,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("a camera answered"),
        }
    };
    let not_compiled = spawn(OakMode::Chip);
    assert_eq!(not_compiled.code, "no_network", "{not_compiled:?}");
    let no_camera = spawn(OakMode::Host);
    assert_eq!(no_camera.code, "no_camera", "{no_camera:?}");
    eprintln!("{}", no_camera.message);
}

/// The generated program itself, on a false `depthai` module, paints and switches styles through the pipe.
#[test]
fn the_program_speaks_the_protocol() {
    let test = "the_program_speaks_the_protocol";
    let Some(python) = python(test, "onnx", &["numpy"]) else { return };
    let (scratch, model) = (Scratch::new("false-depthai"), light_like());
    for (name, head) in [("rgb", Head::Rgb), ("yuv", Head::Yuv420)] {
        let folder = scratch.0.join(name);
        let options = OakOptions { head, ..OakOptions::new(64, 32) };
        export_oak(&model, &[some_style(&model, "s", 1)], &options, &folder).unwrap();
        // The false library does not look into the archive.
        std::fs::write(folder.join("models/impasto-light-like.rvc2.tar.xz"), "a network").unwrap();
        let run = |mode| {
            let mut command = OakCommand::app(&python, &folder, mode, None, Some(15.0));
            command.environment.push(("PYTHONPATH".into(), script("false_depthai").into()));
            command.environment.push(("PYTHONDONTWRITEBYTECODE".into(), "1".into()));
            let patient = Duration::from_secs(60);
            let timeouts = Timeouts { hello: patient, silence: patient, stop: patient };
            OakChild::spawn(&command, timeouts).unwrap_or_else(|e| panic!("{e}"))
        };
        let mut painted = run(OakMode::Chip);
        assert_eq!((painted.hello().width, painted.hello().height), (64, 32));
        assert_eq!(painted.hello().model_id, model.id());
        for level in [40u8, 200] {
            let vector = vec![f32::from(level); model.painter.style_len()];
            painted.set_style(&vector).unwrap();
            // The false network paints everything in the grey that the style's first value names.
            let found = (0..2000).find_map(|_| {
                let frame = painted.next_frame(Duration::from_secs(60)).unwrap()?;
                (frame.image.rgb()[0] == level).then_some(frame.image)
            });
            let image = found.expect("the style arrives");
            assert!(image.rgb().iter().all(|&v| v == level), "{name}: all of it is grey {level}");
        }
        drop(painted);
        let mut filmed = run(OakMode::Host);
        assert_eq!((filmed.hello().width, filmed.hello().height), (128, 96), "the host gets the rim too");
        let frame = filmed.next_frame(Duration::from_secs(60)).unwrap().unwrap();
        assert_eq!(frame.image.pixel(5, 7), [5, 7, 9]);
    }
}
