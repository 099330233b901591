//! Is a written file sound? The same questions as ONNX's own checker, for the operators that we use.

use super::proto::{FLOAT, FLOAT16, GraphProto, INT64, ModelProto, NodeProto, TensorProto};
use prost::Message;
use std::collections::HashSet;

/// Operators that we write: kind, least and most inputs.
const OPERATORS: [(&str, usize, usize); 23] = [
    ("Add", 2, 2),
    ("AveragePool", 1, 1),
    ("Cast", 1, 1),
    ("Concat", 1, usize::MAX),
    ("Conv", 3, 3),
    ("Div", 2, 2),
    ("Gather", 2, 2),
    ("Identity", 1, 1),
    ("InstanceNormalization", 3, 3),
    ("Max", 2, 2),
    ("MaxPool", 1, 1),
    ("Mul", 2, 2),
    ("Pad", 2, 2),
    ("ReduceMean", 1, 1),
    ("ReduceProd", 1, 1),
    ("Relu", 1, 1),
    ("Resize", 3, 3),
    ("Shape", 1, 1),
    ("Slice", 3, 4),
    ("Split", 2, 2),
    ("Sqrt", 1, 1),
    ("Sub", 2, 2),
    ("Tile", 2, 2),
];

/// Reads a file back and tells what is wrong with it: names used twice or before they are made,
/// constants whose bytes do not fill their shape, unknown operators, outputs that nothing makes.
pub fn check(bytes: &[u8]) -> Result<ModelProto, String> {
    let model = ModelProto::decode(bytes).map_err(|e| format!("not an ONNX file: {e}"))?;
    let versions: Vec<_> =
        model.opset_import.iter().map(|o| (o.domain.as_str(), o.version.unwrap_or(0))).collect();
    if versions != [("", super::OPSET)] {
        return Err(format!("its operator sets are {versions:?}"));
    }
    check_graph(model.graph.as_ref().ok_or("it has no graph")?)?;
    Ok(model)
}

fn check_graph(graph: &GraphProto) -> Result<(), String> {
    let mut known: HashSet<&str> = HashSet::new();
    for constant in &graph.initializer {
        check_constant(constant)?;
        make(&constant.name, &mut known)?;
    }
    for input in &graph.input {
        make(&input.name, &mut known)?;
    }
    for node in &graph.node {
        check_node(node)?;
        if let Some(unknown) = node.input.iter().find(|n| !n.is_empty() && !known.contains(n.as_str())) {
            return Err(format!("`{}` reads `{unknown}`, which nothing before it makes", node.name));
        }
        for output in &node.output {
            make(output, &mut known)?;
        }
    }
    match graph.output.iter().find(|o| !known.contains(o.name.as_str())) {
        Some(output) => Err(format!("nothing makes the output `{}`", output.name)),
        None => Ok(()),
    }
}

fn make<'a>(name: &'a str, known: &mut HashSet<&'a str>) -> Result<(), String> {
    if name.is_empty() || !known.insert(name) {
        return Err(format!("the name `{name}` is empty or used twice"));
    }
    Ok(())
}

fn check_constant(constant: &TensorProto) -> Result<(), String> {
    let size = match constant.data_type {
        Some(FLOAT) => 4,
        Some(FLOAT16) => 2,
        Some(INT64) => 8,
        other => return Err(format!("constant `{}` holds type {other:?}", constant.name)),
    };
    let expected = constant.dims.iter().product::<i64>() as usize * size;
    let found = constant.raw_data.as_ref().map_or(0, Vec::len);
    if expected != found {
        return Err(format!("constant `{}` has {found} bytes instead of {expected}", constant.name));
    }
    Ok(())
}

fn check_node(node: &NodeProto) -> Result<(), String> {
    let inputs = node.input.len();
    match OPERATORS.iter().find(|(kind, ..)| *kind == node.op_type) {
        None => Err(format!("`{}` is of the unknown kind {}", node.name, node.op_type)),
        Some((_, least, most)) if inputs < *least || inputs > *most => {
            Err(format!("`{}` ({}) has {inputs} inputs", node.name, node.op_type))
        }
        Some(_) => Ok(()),
    }
}
