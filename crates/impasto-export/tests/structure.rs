//! Files that are written can be read back and are as asked for; no Python needed.

use impasto_core::conformance::{Case, cases, every_op, kind};
use impasto_core::weights::Precision;
use impasto_export::onnx::proto::GraphProto;
use impasto_export::onnx::{self, ColourOrder, OnnxOptions, Range, Size};

fn fixed(case: &Case) -> OnnxOptions {
    let (width, height) = (case.input.shape().width, case.input.shape().height);
    OnnxOptions { size: Size::Fixed { width, height }, ..OnnxOptions::default() }
}

fn graph(case: &Case, options: &OnnxOptions) -> GraphProto {
    let graph = onnx::painter_graph(&case.network, &case.weights, options)
        .unwrap_or_else(|e| panic!("{}: {e}", case.name));
    let bytes = onnx::file(graph.clone(), "doc", &[("license".into(), "MIT".into())]);
    let read = onnx::check(&bytes).unwrap_or_else(|e| panic!("{}: {e}", case.name));
    assert_eq!(read.graph.as_ref(), Some(&graph));
    assert_eq!((read.metadata_props[0].key.as_str(), read.producer_name.as_str()), ("license", "impasto"));
    graph
}

fn sides(info: &onnx::proto::ValueInfoProto) -> Vec<String> {
    let shape = info.r#type.clone().unwrap().tensor_type.unwrap().shape.unwrap();
    let side = |d: &onnx::proto::DimensionProto| {
        d.dim_param.clone().unwrap_or_else(|| d.dim_value.unwrap().to_string())
    };
    shape.dim.iter().map(side).collect()
}

#[test]
fn every_table_becomes_a_sound_graph() {
    for case in cases() {
        let whole = graph(&case, &fixed(&case));
        let expected =
            case.network.output_shape(case.input.shape().height, case.input.shape().width).unwrap();
        let [c, h, w] = [expected.channels, expected.height, expected.width].map(|n| n.to_string());
        assert_eq!(sides(&whole.output[0]), ["1".to_string(), c, h, w], "{}", case.name);
        let names: Vec<_> = whole.input.iter().map(|i| i.name.as_str()).collect();
        let styled = !case.network.sites.is_empty();
        assert_eq!(names, if styled { vec!["image", "style"] } else { vec!["image"] });
        graph(&case, &OnnxOptions::default());
        graph(&case, &OnnxOptions { precision: Precision::F16, ..fixed(&case) });
    }
}

#[test]
fn every_kind_of_layer_has_an_onnx_row() {
    for (name, case) in every_op() {
        let graph = graph(&case, &fixed(&case));
        let layer =
            case.network.nodes.iter().find(|node| kind(&node.op) == name).expect("the case holds its kind");
        let of_layer = |output: &String| output.starts_with(&format!("{}/", layer.name));
        let has_row = graph.node.iter().any(|row| row.output.iter().any(of_layer));
        // The picture is the graph's input and needs no row.
        assert!(has_row || name == "Input", "{name}: no row makes {}", layer.name);
    }
}

#[test]
fn dynamic_sides_have_names_and_painters_give_the_size_they_take() {
    for case in cases().iter().filter(|c| c.network.crop) {
        let graph = graph(case, &OnnxOptions::default());
        assert_eq!(sides(&graph.input[0]), ["1", "3", "height", "width"]);
        assert_eq!(sides(&graph.output[0]), ["1", "3", "height", "width"]);
        assert_eq!(sides(&graph.input[1])[1], case.style.len().to_string());
    }
}

#[test]
fn range_and_order_add_no_operation_to_a_network_that_starts_with_a_convolution() {
    let kinds = |g: &GraphProto| g.node.iter().map(|n| n.op_type.clone()).collect::<Vec<_>>();
    for case in cases().iter().filter(|c| c.network.crop) {
        let folded = OnnxOptions { range: Range::Bytes, order: ColourOrder::Bgr, ..fixed(case) };
        assert_eq!(kinds(&graph(case, &fixed(case))), kinds(&graph(case, &folded)), "{}", case.name);
    }
}

#[test]
fn range_and_order_are_refused_for_what_is_no_picture() {
    let case = cases().into_iter().find(|c| c.input.shape().channels == 16).unwrap();
    let options = OnnxOptions { range: Range::Bytes, ..fixed(&case) };
    let refused = onnx::painter_graph(&case.network, &case.weights, &options).unwrap_err();
    assert!(refused.to_string().contains("16 channels"), "{refused}");
}

#[test]
fn damaged_files_are_told() {
    let case = cases().into_iter().find(|c| c.network.crop).unwrap();
    let sound = onnx::painter_graph(&case.network, &case.weights, &fixed(&case)).unwrap();
    let broken = |change: &dyn Fn(&mut GraphProto)| {
        let mut graph = sound.clone();
        change(&mut graph);
        onnx::check(&onnx::file(graph, "", &[])).unwrap_err()
    };
    assert!(onnx::check(&onnx::file(sound.clone(), "", &[])).is_ok());
    assert!(broken(&|g| g.node.swap(0, 5)).contains("nothing before it makes"));
    assert!(broken(&|g| g.node[1].op_type = "Paint".into()).contains("unknown kind"));
    assert!(broken(&|g| g.initializer[3].raw_data = Some(vec![1])).contains("1 bytes"));
    assert!(broken(&|g| g.output[0].name = "nowhere".into()).contains("nowhere"));
    assert!(broken(&|g| g.input[0].name = g.input[1].name.clone()).contains("twice"));
    assert!(onnx::check(b"a letter").is_err());
}
