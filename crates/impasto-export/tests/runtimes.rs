//! Our files in ONNX Runtime and OpenVINO, against the plain reference engine.

mod common;

use common::{Scratch, bytes, classic, floats, light, psnr_db, python, script};
use impasto_core::Random;
use impasto_core::conformance::{Case, cases, run, shared_data};
use impasto_core::reference::ReferenceEngine;
use impasto_core::style::Update;
use impasto_core::weights::{Precision, Weight};
use impasto_core::{Field, Model, Shape, SiteKind, Style, Tensor, Weights};
use impasto_export::onnx::{self, ColourOrder, OnnxOptions, Range, Size};
use impasto_export::{export_onnx, export_styled_onnx};
use std::path::Path;
use std::process::Command;

/// Bound that the documents promise for 32 bits.
const LEAST_DB: f64 = 60.0;

/// A graph, what it is given, and what it must give.
struct Job {
    name: String,
    model: Vec<u8>,
    inputs: Vec<(&'static str, Vec<usize>, Vec<f32>)>,
    expected: Tensor,
}

impl Job {
    fn new(case: &Case, options: &OnnxOptions) -> Self {
        let graph = onnx::painter_graph(&case.network, &case.weights, options).unwrap();
        let mut inputs = vec![("image", sides(&case.input), case.input.data().to_vec())];
        if !case.style.is_empty() {
            inputs.push(("style", vec![1, case.style.len(), 1, 1], case.style.clone()));
        }
        let model = onnx::file(graph, "test", &[]);
        onnx::check(&model).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let expected = run(&ReferenceEngine, case).unwrap();
        Self { name: case.name.clone(), model, inputs, expected }
    }
}

fn sides(t: &Tensor) -> Vec<usize> {
    vec![1, t.shape().channels, t.shape().height, t.shape().width]
}

fn fixed(case: &Case) -> OnnxOptions {
    let (width, height) = (case.input.shape().width, case.input.shape().height);
    OnnxOptions { size: Size::Fixed { width, height }, ..OnnxOptions::default() }
}

/// Cases at full strength: ONNX files do not know another.
fn full_cases() -> Vec<Case> {
    cases().into_iter().filter(|case| case.strength == 1.0).collect()
}

fn write_jobs(folder: &Path, jobs: &[Job]) {
    let mut list = Vec::new();
    for (i, job) in jobs.iter().enumerate() {
        let model = format!("{i}.onnx");
        std::fs::write(folder.join(&model), &job.model).unwrap();
        let mut inputs = serde_json::Map::new();
        for (name, shape, values) in &job.inputs {
            let file = format!("{i}.{name}");
            std::fs::write(folder.join(&file), bytes(values)).unwrap();
            inputs.insert(name.to_string(), serde_json::json!({"file": file, "shape": shape}));
        }
        list.push(serde_json::json!({"model": model, "inputs": inputs, "output": format!("{i}.out")}));
    }
    std::fs::write(folder.join("jobs.json"), serde_json::to_vec(&list).unwrap()).unwrap();
}

/// Runs all jobs in `runtime` and gives what failed, in words.
fn failures(python: &Path, runtime: &str, jobs: &[Job]) -> Vec<String> {
    let scratch = Scratch::new(&format!(
        "onnx-{runtime}-{}",
        jobs[0].name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
    ));
    write_jobs(&scratch.0, jobs);
    let out = Command::new(python).arg(script("run_onnx.py")).arg(runtime).arg(&scratch.0).output().unwrap();
    assert!(out.status.success(), "{runtime}: {}", String::from_utf8_lossy(&out.stderr));
    if runtime == "onnx" {
        return vec![];
    }
    let judge = |(i, job): (usize, &Job)| {
        let found = floats(&std::fs::read(scratch.0.join(format!("{i}.out"))).unwrap());
        let db = psnr_db(job.expected.data(), &found);
        eprintln!("{runtime}: {}: {db:.1} dB", job.name);
        (db.is_nan() || db < LEAST_DB).then(|| format!("{runtime}: {}: {db:.1} dB", job.name))
    };
    jobs.iter().enumerate().filter_map(judge).collect()
}

fn all_runtimes(test: &str, jobs: &[Job]) {
    for (runtime, module) in [("onnx", "onnx"), ("onnxruntime", "onnxruntime"), ("openvino", "openvino")] {
        in_runtime(test, (runtime, module), jobs);
    }
}

fn in_runtime(test: &str, (runtime, module): (&str, &str), jobs: &[Job]) {
    if let Some(python) = python(&format!("{test} ({runtime})"), "onnx", &[module, "numpy"]) {
        assert_eq!(failures(&python, runtime, jobs), Vec::<String>::new());
    }
}

#[test]
fn tables_of_every_kind_at_fixed_size() {
    let jobs: Vec<Job> = full_cases().iter().map(|case| Job::new(case, &fixed(case))).collect();
    all_runtimes("tables_of_every_kind_at_fixed_size", &jobs);
}

#[test]
fn networks_at_dynamic_size() {
    let tiny = |case: &Case| case.input.shape().height.min(case.input.shape().width) < 8;
    let jobs: Vec<Job> = full_cases()
        .iter()
        .filter(|case| !tiny(case))
        .map(|case| Job::new(case, &OnnxOptions::default()))
        .collect();
    all_runtimes("networks_at_dynamic_size", &jobs);
}

/// Bytes in BGR order, folded in, give the same picture in bytes and BGR.
#[test]
fn range_and_order_fold_in() {
    let turned = |t: &Tensor, gain: f32| Tensor::from_fn(t.shape(), |c, y, x| gain * t.row(2 - c, y)[x]);
    let mut jobs = Vec::new();
    for case in full_cases().iter().filter(|case| case.network.crop) {
        let options = OnnxOptions { range: Range::Bytes, order: ColourOrder::Bgr, ..fixed(case) };
        let mut job = Job::new(case, &options);
        job.inputs[0].2 = turned(&case.input, 255.0).into_data();
        job.expected = turned(&job.expected, 255.0);
        jobs.push(job);
    }
    assert!(jobs.len() >= 8);
    all_runtimes("range_and_order_fold_in", &jobs);
}

/// The weights rounded to 16 bits, computed in 32, are the same in our engine.
#[test]
fn half_weights_are_the_rounded_weights() {
    let mut jobs = Vec::new();
    for case in full_cases().iter().filter(|case| case.network.crop) {
        let rounded = Case { weights: case.weights.rounded(Precision::F16).into(), ..case.clone() };
        let whole = Job::new(&rounded, &fixed(case)).model;
        let half = Job::new(&rounded, &OnnxOptions { precision: Precision::F16, ..fixed(case) });
        assert!(half.model.len() < whole.len(), "{} {}", half.model.len(), whole.len());
        jobs.push(half);
    }
    // Scales folded into a layer make its weights round once more; without them they are equal.
    jobs.retain(|job| job.name.contains("classic"));
    all_runtimes("half_weights_are_the_rounded_weights", &jobs);
}

#[test]
fn the_real_classic() {
    let test = "the_real_classic";
    let Some(data) = shared_data(test) else { return };
    let model = classic(&data);
    let golden = Weights::load(&data.join("weights/golden_adain_64.safetensors")).unwrap().0;
    let tensor = |name: &str| {
        let weight = golden.get(name).unwrap();
        let [_, channels, height, width] = weight.shape[..] else { panic!("{name}") };
        Tensor::new(impasto_core::Shape::new(channels, height, width), weight.values.clone())
    };
    let files = export_onnx(&model, &OnnxOptions::default()).unwrap();
    let read = onnx::check(&files.painter).unwrap();
    let property = |key: &str| read.metadata_props.iter().find(|p| p.key == key).unwrap().value.clone();
    assert_eq!(property("impasto.model_id"), model.id());
    assert_eq!(property("license"), "see SOURCES");

    let encode = Case {
        name: "encoder".into(),
        network: model.encoder.clone(),
        weights: model.weights.clone(),
        input: tensor("style"),
        style: vec![],
        strength: 1.0,
        field: Field::default(),
    };
    let style = run(&ReferenceEngine, &encode).unwrap();
    let jobs = [
        Job {
            name: "classic painter".into(),
            model: files.painter,
            inputs: vec![
                ("image", vec![1, 3, 64, 64], tensor("content").into_data()),
                ("style", vec![1, 1024, 1, 1], style.data().to_vec()),
            ],
            expected: tensor("output"),
        },
        Job {
            name: "classic encoder".into(),
            model: files.encoder,
            inputs: vec![("image", vec![1, 3, 64, 64], tensor("style").into_data())],
            expected: style,
        },
    ];
    all_runtimes(test, &jobs);
}

/// The light network of the default shape: painter and encoder, at a size that is no multiple of its 8 px.
#[test]
fn the_light_network() {
    let model = light();
    let picture = impasto_core::Random::new(4).tensor(impasto_core::Shape::new(3, 52, 67), 0.0, 1.0);
    let encode = Case {
        name: "light encoder".into(),
        network: model.encoder.clone(),
        weights: model.weights.clone(),
        input: picture.clone(),
        style: vec![],
        strength: 1.0,
        field: Field::default(),
    };
    let style = run(&ReferenceEngine, &encode).unwrap();
    let paint = Case {
        name: "light painter".into(),
        network: model.painter.clone(),
        style: style.data().to_vec(),
        ..encode.clone()
    };
    let painted = run(&ReferenceEngine, &paint).unwrap();
    let mut jobs = Vec::new();
    for (size, range) in [(Size::Dynamic, Range::Unit), (Size::Fixed { width: 67, height: 52 }, Range::Bytes)]
    {
        let options = OnnxOptions { size, encoder_size: size, range, ..OnnxOptions::default() };
        let files = export_onnx(&model, &options).unwrap();
        let gain = if range == Range::Bytes { 255.0 } else { 1.0 };
        let scaled = |t: &Tensor| Tensor::new(t.shape(), t.data().iter().map(|v| gain * v).collect());
        let image = ("image", sides(&picture), scaled(&picture).into_data());
        let vector = ("style", vec![1, style.data().len(), 1, 1], style.data().to_vec());
        jobs.push(Job {
            name: format!("light painter {size:?}"),
            model: files.painter,
            inputs: vec![image.clone(), vector],
            expected: scaled(&painted),
        });
        jobs.push(Job {
            name: format!("light encoder {size:?}"),
            model: files.encoder,
            inputs: vec![image],
            expected: style.clone(),
        });
    }
    all_runtimes("the_light_network", &jobs);
}

/// A style folded in, tuned and not: one picture in, one out, which OpenCV takes as well.
#[test]
fn one_input_with_the_style_in_it() {
    let model = common::trained_light();
    let quick = common::built_in_style("waves");
    let quick = Style::new(&model, quick.provenance.clone(), quick.vector().to_vec()).unwrap();
    let mut jobs = Vec::new();
    for (style, width, height) in [(quick.clone(), 64, 48), (tuned(&model, quick), 67, 52)] {
        let mut random = Random::new(7);
        let input = random.tensor(Shape::new(3, height, width), 0.0, 1.0);
        let weights = style.update().map_or_else(
            || model.weights.clone(),
            |update| update.applied(&model.weights, 1.0).unwrap().into(),
        );
        let case = Case {
            name: format!("waves, tuned: {}", style.update().is_some()),
            network: model.painter.clone(),
            weights,
            input,
            style: style.vector().to_vec(),
            strength: 1.0,
            field: Field::default(),
        };
        let bytes = export_styled_onnx(&model, &style, &fixed(&case)).unwrap();
        let read = onnx::check(&bytes).unwrap();
        let inputs: Vec<_> =
            read.graph.as_ref().unwrap().input.iter().map(|input| input.name.clone()).collect();
        assert_eq!(inputs, ["image"]);
        assert!(read.metadata_props.iter().any(|p| p.key == "impasto.style" && p.value == "waves"));
        let inputs = vec![("image", sides(&case.input), case.input.data().to_vec())];
        let expected = run(&ReferenceEngine, &case).unwrap();
        jobs.push(Job { name: case.name, model: bytes, inputs, expected });
    }
    all_runtimes("one_input_with_the_style_in_it", &jobs);
    in_runtime("one_input_with_the_style_in_it", ("opencv", "cv2"), &jobs);
}

/// The style with gains of the noise field, and a random change of every weight of the painter.
fn tuned(model: &Model, style: Style) -> Style {
    let (mut update, mut random, mut vector) = (Update::new(), Random::new(3), style.vector().to_vec());
    let noises = model.painter.sites.iter().enumerate().filter(|(_, site)| site.kind == SiteKind::Noise);
    noises.for_each(|(i, _)| vector[model.painter.site_range(i)].fill(0.3));
    let style = Style::new(model, style.provenance.clone(), vector).unwrap();
    for (name, shape) in model.painter.weight_shapes().unwrap() {
        let values = (0..shape.iter().product()).map(|_| 0.02 * random.normal()).collect();
        update.insert(&name, Weight { shape, values });
    }
    style.tuned(model, update).unwrap()
}

#[test]
fn a_style_of_another_model_is_refused() {
    let style = common::some_style(&common::light_like(), "other", 1);
    let refused = export_styled_onnx(&common::trained_light(), &style, &OnnxOptions::default()).unwrap_err();
    assert!(refused.to_string().contains("was made for model light-like"), "{refused}");
}
