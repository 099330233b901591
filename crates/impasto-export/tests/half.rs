//! The chip computes in 16-bit floats. Here its graph is walked with every weight, style value, statistic and
//! intermediate result rounded to 16 bits; sums inside one operation are wider, as the hardware's are said to
//! be. What comes out is compared with the same graph in 32 bits.

mod common;

use common::{
    Scratch, built_in_style, classic, light_like, python, script, snr_db, some_style, trained_light,
};
use half::f16;
use impasto_core::conformance::shared_data;
use impasto_core::noise::Windows;
use impasto_core::reference::{ReferenceEngine, ops};
use impasto_core::{Conditions, Engine, Image, Model, Op, Shape, Style, Tensor};
use impasto_export::oak::{Chip, Head, OakOptions};
use impasto_export::onnx::{self, OnnxOptions, Range};
use std::path::Path;
use std::process::Command;

/// Bound that is promised.
const LEAST_DB: f64 = 40.0;

fn rounded(values: &[f32]) -> Vec<f32> {
    values.iter().map(|&v| f16::from_f32(v).to_f32()).collect()
}

fn half(t: &Tensor) -> Tensor {
    Tensor::new(t.shape(), rounded(t.data()))
}

/// Walks the chip's table in 16 bits.
fn walk_in_half(chip: &Chip, image: &Tensor, style: &[f32]) -> Tensor {
    let weight = |name: String| rounded(&chip.weights.get(&name).unwrap().values);
    let style = rounded(style);
    let mut made: Vec<Tensor> = Vec::new();
    let shapes = chip.network.shapes(image.shape().height, image.shape().width).unwrap();
    let mut windows = Windows::new(&chip.network, &shapes);
    windows.update(&chip.field());
    for (id, node) in chip.network.nodes.iter().enumerate() {
        let t = |i: &usize| &made[*i];
        let y = match &node.op {
            Op::Input { .. } => image.clone(),
            Op::Conv { input, kernel, stride, groups, padding, .. } => {
                let (w, b) = (weight(format!("{}.weight", node.name)), weight(format!("{}.bias", node.name)));
                ops::conv(t(input), &w, &b, *kernel, *stride, *groups, *padding)
            }
            Op::Relu { input } => ops::relu(t(input)),
            Op::MaxPool2 { input } => ops::max_pool2(t(input)),
            Op::AvgPool2 { input } => ops::avg_pool2(t(input)),
            Op::Upsample2 { input } => ops::upsample2(t(input)),
            Op::Add { a, b } => ops::add(t(a), t(b)),
            Op::AdaIn { input, site, eps, unbiased } => {
                // One norm with rounded statistics, then `Mul`, then `Add`.
                let own = ops::statistics(t(input), *eps, *unbiased);
                let round = |v: &f64| f64::from(f16::from_f64(*v));
                let own = ops::Statistics {
                    mean: own.mean.iter().map(round).collect(),
                    std: own.std.iter().map(|s| 1.0 / round(&(1.0 / s))).collect(),
                };
                let channels = t(input).shape().channels;
                let plain: Vec<f32> = [vec![0.0; channels], vec![1.0; channels]].concat();
                affine_in_half(
                    &half(&ops::adain(t(input), &own, &plain, 1.0)),
                    &style[chip.network.site_range(*site)],
                )
            }
            Op::Modulate { input, site } => affine_in_half(t(input), &style[chip.network.site_range(*site)]),
            Op::Noise { input, site, .. } => {
                let weight = weight(format!("{}.weight", node.name));
                let gain = &style[chip.network.site_range(*site)];
                let cells = rounded(windows.cells(windows.of(id).expect("a noise layer")));
                ops::noise(t(input), &weight, gain, &cells, 1.0)
            }
            Op::Concat { inputs } => ops::concat(&inputs.iter().map(|i| &made[*i]).collect::<Vec<_>>()),
            Op::Scale { input, mul, add } => ops::scale(t(input), *mul, *add),
            Op::MeanStd { .. } => panic!("no painter has this"),
        };
        made.push(half(&y));
    }
    let out = made.pop().unwrap();
    assert!(out.data().iter().all(|v| v.is_finite()), "16 bits have overflowed");
    out
}

/// `Mul`, rounded, then `Add`.
fn affine_in_half(x: &Tensor, style: &[f32]) -> Tensor {
    let channels = x.shape().channels;
    let (first, second) = style.split_at(channels);
    let scaled = half(&ops::modulate(x, &[vec![0.0; channels], second.to_vec()].concat()));
    ops::modulate(&scaled, &[first.to_vec(), vec![1.0; channels]].concat())
}

fn walk_in_single(chip: &Chip, image: &Tensor, style: &[f32]) -> Tensor {
    let Shape { height, width, .. } = image.shape();
    let mut plan = ReferenceEngine.prepare(&chip.network, &chip.weights, height, width).unwrap();
    let mut out = Tensor::zeros(plan.output_shape());
    plan.run(image, &Conditions::new(style), &mut out).unwrap();
    out
}

/// Worst SNR over pictures and heads, in dB.
fn worst_db(model: &Model, style: &Style, pictures: &[(String, Tensor)], heads: &[Head]) -> f64 {
    let mut worst = f64::INFINITY;
    for &head in heads {
        for (name, picture) in pictures {
            let Shape { height, width, .. } = picture.shape();
            let options = OakOptions { head, rim_px: Some(0), ..OakOptions::new(width, height) };
            let chip = Chip::new(model, style.vector(), &options).unwrap();
            let expected = walk_in_single(&chip, picture, style.vector());
            let db = snr_db(expected.data(), walk_in_half(&chip, picture, style.vector()).data());
            eprintln!("{} {head:?} {name}: {db:.1} dB", model.name);
            worst = worst.min(db);
        }
    }
    worst
}

/// The middle `width` x `height` px of every third JPEG of a folder, shrunk by whole steps, in `0..255`.
fn eval_pictures(folder: &Path, count: usize, width: usize, height: usize) -> Vec<(String, Tensor)> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    let jpegs = paths.into_iter().filter(|p| p.extension().is_some_and(|e| e == "jpg")).step_by(3);
    let pictures: Vec<_> = jpegs
        .take(count)
        .map(|path| {
            let bytes = std::fs::read(&path).unwrap();
            let mut decoder = zune_jpeg::JpegDecoder::new(std::io::Cursor::new(&bytes));
            let rgb = decoder.decode().unwrap();
            let (w, h) = decoder.dimensions().unwrap();
            let whole = Image::new(w, h, rgb).unwrap();
            let step = (w / width).min(h / height).max(1);
            let (left, top) = ((w - step * width) / 2, (h - step * height) / 2);
            let small = Image::from_fn(width, height, |x, y| whole.pixel(left + step * x, top + step * y));
            let unit = small.to_tensor();
            let bytes = Tensor::new(unit.shape(), unit.data().iter().map(|v| 255.0 * v).collect());
            (path.file_stem().unwrap().to_string_lossy().into_owned(), bytes)
        })
        .collect();
    assert_eq!(pictures.len(), count);
    pictures
}

/// A picture drawn here: soft blobs and hard stripes, in `0..255`.
fn drawn(width: usize, height: usize) -> Vec<(String, Tensor)> {
    let value = |c: usize, y: usize, x: usize| {
        let soft = 127.5 + 127.5 * ((x as f32 / 9.0 + c as f32).sin() * (y as f32 / 7.0).cos());
        if (x / 16 + y / 16).is_multiple_of(3) {
            if (x + c) % 4 < 2 { 255.0 } else { 0.0 }
        } else {
            soft.round()
        }
    };
    vec![("drawn".into(), Tensor::from_fn(Shape::new(3, height, width), value))]
}

#[test]
fn light_tables_keep_their_picture_in_16_bits() {
    let untrained = light_like();
    let some = some_style(&untrained, "s", 11);
    for (model, style) in [(untrained, some), (trained_light(), built_in_style("starry-night"))] {
        let worst = worst_db(&model, &style, &drawn(64, 48), &[Head::Rgb, Head::Yuv420]);
        assert!(worst >= LEAST_DB, "{}: {worst:.1} dB", model.name);
    }
}

#[test]
fn light_keeps_the_eval_pictures_in_16_bits() {
    let Some(data) = shared_data("light_keeps_the_eval_pictures_in_16_bits") else { return };
    let model = trained_light();
    let pictures = eval_pictures(&data.join("eval/content"), 5, 96, 64);
    for name in ["starry-night", "mosaic", "etching", "suprematism"] {
        let worst = worst_db(&model, &built_in_style(name), &pictures, &[Head::Rgb]);
        assert!(worst >= LEAST_DB, "{name}: {worst:.1} dB");
    }
}

/// The SNR of each picture in a chip of 16-bit floats as ONNX Runtime plays it, in dB; see `half_onnx.py`.
fn db_in_onnxruntime(
    python: &Path,
    model: &Model,
    painting: &Tensor,
    pictures: &[(String, Tensor)],
) -> Vec<f64> {
    let scratch = Scratch::new(&format!("half-onnx-{}", model.name));
    let write = |name: &str, bytes: &[u8]| std::fs::write(scratch.0.join(name), bytes).unwrap();
    let Shape { height, width, .. } = pictures[0].1.shape();
    let style = some_style(model, "only its range matters", 1);
    let options = OakOptions { rim_px: Some(0), ..OakOptions::new(width, height) };
    let chip = Chip::new(model, style.vector(), &options).unwrap();
    write("painter.onnx", &onnx::file(chip.graph().unwrap(), "", &[]));
    let bytes = OnnxOptions { range: Range::Bytes, ..OnnxOptions::default() };
    write(
        "encoder.onnx",
        &onnx::file(onnx::encoder_graph(&model.encoder, &model.weights, &bytes).unwrap(), "", &[]),
    );
    write("painting.raw", &common::bytes(painting.data()));
    for (i, (_, picture)) in pictures.iter().enumerate() {
        write(&format!("{i}.raw"), &common::bytes(picture.data()));
    }
    let sides = [painting.shape().height, painting.shape().width];
    let sizes = serde_json::json!({"painting": sides, "pictures": [height, width], "count": pictures.len()});
    write("sizes.json", sizes.to_string().as_bytes());
    let out = Command::new(python).arg(script("half_onnx.py")).arg(&scratch.0).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let read = |name: String| common::floats(&std::fs::read(scratch.0.join(name)).unwrap());
    let db = |i: usize| snr_db(&read(format!("{i}.single")), &read(format!("{i}.half")));
    pictures.iter().enumerate().map(|(i, _)| db(i)).collect()
}

/// Every third picture of the data's `eval` in the manner of so many of its paintings.
fn judge_in_onnxruntime(
    test: &str,
    model: impl Fn(&Path) -> Model,
    paintings: usize,
    (width, height): (usize, usize),
) {
    let Some(data) = shared_data(test) else { return };
    let Some(python) = python(test, "onnx", &["onnx", "onnxruntime", "numpy"]) else { return };
    let model = model(&data);
    let pictures = eval_pictures(&data.join("eval/content"), 5, width, height);
    let mut found = Vec::new();
    for (name, painting) in eval_pictures(&data.join("eval/style"), paintings, 256, 256) {
        for (db, (picture, _)) in
            db_in_onnxruntime(&python, &model, &painting, &pictures).iter().zip(&pictures)
        {
            eprintln!("{} {picture} as {name}: {db:.1} dB", model.name);
            assert!(*db >= LEAST_DB, "{picture} as {name}: {db:.1} dB");
            found.push(*db);
        }
    }
    found.sort_by(f64::total_cmp);
    let (worst, median) = (found[0], found[found.len() / 2]);
    eprintln!(
        "{} at {width}x{height}, {} pairs: worst {worst:.1} dB, median {median:.1} dB",
        model.name,
        found.len()
    );
}

/// At a size that people use, and judged by another walker than ours.
#[test]
fn the_real_classic_keeps_the_eval_pictures_in_16_bits() {
    judge_in_onnxruntime("the_real_classic_keeps_the_eval_pictures_in_16_bits", classic, 2, (256, 256));
}

/// The network that is shipped, near the size that is exported by default (some pictures are 500 px wide).
#[test]
fn the_trained_light_keeps_the_eval_pictures_in_16_bits() {
    let light = |_: &Path| trained_light();
    judge_in_onnxruntime("the_trained_light_keeps_the_eval_pictures_in_16_bits", light, 5, (496, 288));
}

/// The yardstick: fewer bits must fail.
#[test]
fn a_coarser_format_would_be_noticed() {
    let model = light_like();
    let style = some_style(&model, "s", 11);
    let chip = Chip::new(&model, style.vector(), &OakOptions { rim_px: Some(0), ..OakOptions::new(32, 32) })
        .unwrap();
    let picture = &drawn(32, 32)[0].1;
    let expected = walk_in_single(&chip, picture, style.vector());
    let coarse: Vec<f32> =
        expected.data().iter().map(|&v| f32::from_bits(v.to_bits() & 0xfff0_0000)).collect();
    assert!(snr_db(expected.data(), &coarse) < LEAST_DB);
}
