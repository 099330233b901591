//! The folder for the camera: what is in it, what is refused, and that nothing is half-written.

mod common;

use common::{Scratch, light, light_like, openvino_libs, some_style};
use impasto_core::conformance::{Case, Tolerance, compare, run};
use impasto_core::reference::ReferenceEngine;
use impasto_core::{Network, Tensor};
use impasto_export::oak::{Chip, Compiler, Head, OakOptions, Shaves};
use impasto_export::{ExportError, export_oak, onnx};
use std::path::{Path, PathBuf};

fn listed(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn one_call_makes_the_whole_folder() {
    let (scratch, model) = (Scratch::new("oak-whole"), light_like());
    let styles = [some_style(&model, "Great Wave", 1), some_style(&model, "great wave", 2)];
    let out = scratch.0.join("oak");
    let report = export_oak(&model, &styles, &OakOptions::new(512, 288), &out).unwrap();
    assert!(!report.compiled);
    for file in &report.files {
        assert!(out.join(file).is_file(), "{}", file.display());
    }
    assert_eq!(listed(&scratch.0), ["oak"]);
    assert_eq!(listed(&out.join("styles")), ["great-wave-2.style", "great-wave.style"]);
    let style = std::fs::read(out.join("styles/great-wave.style")).unwrap();
    assert_eq!(impasto_core::Style::from_bytes(&style).unwrap(), styles[0]);
    let readme = std::fs::read_to_string(out.join("README.md")).unwrap();
    let first = readme.split("\n\n").nth(1).unwrap();
    assert!(first.contains("has never run on a camera") && first.contains("please run these and report"));
    assert!(readme.contains("modelconverter convert rvc2 --path models/impasto-light-like.onnx.tar.xz"));
    for left_open in ["{name}", "{model}", "{model_id}", "{size}", "{budget}", "{license}"] {
        assert!(!readme.contains(left_open), "{left_open}");
    }
    let app: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("app.json")).unwrap()).unwrap();
    assert_eq!(app["image"], serde_json::json!({"width": 576, "height": 352}));
    assert_eq!(app["model"]["id"], model.id());
    eprintln!("{}", report.budget);
}

#[test]
fn the_graph_has_only_what_the_compiler_likes() {
    let model = light_like();
    let style = some_style(&model, "s", 1);
    for head in [Head::Rgb, Head::Yuv420] {
        let options = OakOptions { head, ..OakOptions::new(64, 32) };
        let chip = Chip::new(&model, style.vector(), &options).unwrap();
        let graph = chip.graph().unwrap();
        onnx::check(&onnx::file(graph.clone(), "", &[])).unwrap();
        let count = |kind: &str| graph.node.iter().filter(|n| n.op_type == kind).count();
        assert_eq!((count("Pad"), count("Sqrt"), count("ReduceMean"), count("Gather")), (0, 0, 0, 0));
        assert_eq!(count("InstanceNormalization"), 2);
        assert_eq!(graph.input.iter().map(|i| i.name.as_str()).collect::<Vec<_>>(), ["image", "style"]);
        for norm in graph.node.iter().filter(|n| n.op_type == "InstanceNormalization") {
            let one = graph.initializer.iter().find(|c| c.name == norm.input[1]).unwrap();
            let values = common::floats(one.raw_data.as_ref().unwrap());
            assert!(values.iter().all(|&v| v == 1.0));
        }
        let expected = if head == Head::Rgb { [3, 32, 64] } else { [6, 16, 32] };
        assert_eq!(chip.output(), expected);
    }
}

/// Away from the rim the chip's table paints what the model paints, up to the statistics, which see the rim.
/// With the table's own borders they would be equal; so the borders are put back before judging.
#[test]
fn the_chips_table_is_the_models_in_bytes() {
    let model = light_like();
    let style = some_style(&model, "s", 3);
    let chip = Chip::new(&model, style.vector(), &OakOptions { rim_px: Some(0), ..OakOptions::new(48, 32) });
    let chip = chip.unwrap();
    let case = |network: Network, input: Tensor| Case {
        name: "chip".into(),
        network,
        weights: model.weights.clone(),
        input,
        style: style.vector().to_vec(),
        strength: 1.0,
        field: chip.field(),
    };
    let input =
        impasto_core::conformance::Random::new(5).tensor(impasto_core::Shape::new(3, 32, 48), 0.0, 1.0);
    let bytes = |t: &Tensor| Tensor::new(t.shape(), t.data().iter().map(|v| 255.0 * v).collect());
    let expected = bytes(&run(&ReferenceEngine, &case(model.painter.clone(), input.clone())).unwrap());
    let mut bordered = chip.network.clone();
    for node in &mut bordered.nodes {
        if let impasto_core::Op::Conv { padding, .. } = &mut node.op {
            *padding = impasto_core::Padding::Replicate;
        }
    }
    let on_chip = Case { weights: chip.weights.clone(), ..case(bordered, bytes(&input)) };
    compare(&expected, &run(&ReferenceEngine, &on_chip).unwrap(), Tolerance { of_peak: 1e-4 }).unwrap();
}

#[test]
fn what_the_chip_cannot_take_is_refused_and_nothing_is_left() {
    let (scratch, model) = (Scratch::new("oak-refused"), light_like());
    let styles = [some_style(&model, "s", 1)];
    let out = scratch.0.join("oak");
    let refused = |options: OakOptions| export_oak(&model, &styles, &options, &out).unwrap_err().to_string();
    assert!(refused(OakOptions::new(500, 288)).contains("multiples of 16"));
    assert!(refused(OakOptions::new(0, 288)).contains("multiples of 16"));
    assert!(refused(OakOptions::new(1920, 1072)).contains("is the most"));
    assert!(refused(OakOptions::new(usize::MAX - 15, 16)).contains("is the most"));
    assert!(refused(OakOptions { rim_px: Some(3), ..OakOptions::new(512, 288) }).contains("even multiples"));
    let nowhere = Compiler { libs: PathBuf::from("nowhere"), shaves: Shaves::One(6) };
    let message = refused(OakOptions { compiler: Some(nowhere), ..OakOptions::new(64, 64) });
    assert!(message.contains("libopenvino.so") || message.contains("Linux x86-64"), "{message}");
    assert!(matches!(export_oak(&model, &[], &OakOptions::new(64, 64), &out), Err(ExportError::NoStyle)));
    assert_eq!(listed(&scratch.0), Vec::<String>::new());
}

#[test]
fn a_style_of_another_model_is_refused() {
    let (scratch, model) = (Scratch::new("oak-style"), light_like());
    let mut weights = (*model.weights).clone();
    weights.get_mut("out.bias").unwrap().values[0] += 1.0;
    let other = impasto_core::Model::new(
        "light-like",
        model.painter.clone(),
        model.encoder.clone(),
        weights,
        model.strength,
        "CC0-1.0",
        serde_json::Value::Null,
    )
    .unwrap();
    let styles = [some_style(&model, "mine", 1), some_style(&other, "foreign", 2)];
    let refused = export_oak(&model, &styles, &OakOptions::new(64, 64), &scratch.0.join("oak")).unwrap_err();
    assert!(refused.to_string().contains("foreign"), "{refused}");
    assert_eq!(listed(&scratch.0), Vec::<String>::new());
}

#[test]
fn an_existing_folder_stays_as_it_is() {
    let (scratch, model) = (Scratch::new("oak-exists"), light_like());
    let out = scratch.0.join("oak");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("mine.txt"), "mine").unwrap();
    let styles = [some_style(&model, "s", 1)];
    let refused = export_oak(&model, &styles, &OakOptions::new(64, 64), &out).unwrap_err();
    assert!(matches!(refused, ExportError::Exists(_)), "{refused}");
    assert_eq!(listed(&out), ["mine.txt"]);
    assert_eq!(listed(&scratch.0), ["oak"]);
}

/// Values that 16-bit floats cannot hold are scaled down where a norm follows, and refused elsewhere.
#[test]
fn large_values_are_scaled_in_front_of_norms() {
    let model = light_like();
    let style = some_style(&model, "s", 1);
    let with = |layer: &str, factor: f32| {
        let mut weights = (*model.weights).clone();
        for part in ["weight", "bias"] {
            let values = &mut weights.get_mut(&format!("{layer}.{part}")).unwrap().values;
            values.iter_mut().for_each(|v| *v *= factor);
        }
        let mut changed = model.clone();
        changed.weights = weights.into();
        Chip::new(&changed, style.vector(), &OakOptions::new(64, 64))
    };
    assert!(with("down2", 1.0).unwrap().scaled.is_empty());
    let scaled = with("down2", 3000.0).unwrap();
    assert_eq!(scaled.scaled, ["down2"]);
    assert!(scaled.peak.0 <= 1000.0, "{:?}", scaled.peak);
    let hopeless = with("out", 1e6).unwrap_err().to_string();
    assert!(hopeless.contains("16-bit"), "{hopeless}");
}

#[test]
fn real_blobs_are_compiled() {
    let Some(libs) = openvino_libs("real_blobs_are_compiled") else { return };
    let (scratch, model) = (Scratch::new("oak-blobs"), light_like());
    let styles = [some_style(&model, "s", 1)];
    for (name, head, shaves) in [
        ("six", Head::Rgb, Shaves::One(6)),
        ("yuv", Head::Yuv420, Shaves::One(6)),
        ("all", Head::Yuv420, Shaves::All),
    ] {
        let compiler = Some(Compiler { libs: libs.clone(), shaves });
        let options = OakOptions { head, compiler, ..OakOptions::new(256, 144) };
        let out = scratch.0.join(name);
        let report = export_oak(&model, &styles, &options, &out).unwrap();
        assert!(report.compiled);
        let archive = out.join("models/impasto-light-like.rvc2.tar.xz");
        let bytes = std::fs::metadata(&archive).unwrap().len();
        eprintln!("{name}: {} has {bytes} bytes", archive.display());
        assert!(bytes > 10_000);
    }
    let model = light();
    let compiler = Some(Compiler { libs: libs.clone(), shaves: Shaves::One(6) });
    let options = OakOptions { compiler, head: Head::Yuv420, ..OakOptions::new(512, 288) };
    let report =
        export_oak(&model, &[some_style(&model, "s", 1)], &options, &scratch.0.join("light")).unwrap();
    eprintln!("light at 512x288, compiled:\n{}", report.budget);
    let (model, styles) = (light_like(), styles);
    let wrong = scratch.0.join("wrong");
    std::fs::create_dir(&wrong).unwrap();
    for name in impasto_export::oak::compile::LIBRARIES {
        std::fs::write(wrong.join(name), "not a library").unwrap();
    }
    let compiler = Some(Compiler { libs: wrong, shaves: Shaves::One(6) });
    let options = OakOptions { compiler, ..OakOptions::new(256, 144) };
    let refused = export_oak(&model, &styles, &options, &scratch.0.join("never")).unwrap_err().to_string();
    assert!(refused.contains("cannot load"), "{refused}");
}
