//! Writes a graph node by node.

use super::proto::*;
use half::f16;
use impasto_core::weights::Precision;

/// One side of a tensor, for inputs and outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Known.
    Is(usize),
    /// Known at run time, by this name.
    Named(&'static str),
}

/// An attribute's value.
pub(crate) enum Value<'a> {
    Int(i64),
    Ints(&'a [i64]),
    Float(f32),
    Text(&'a str),
}

/// A graph in the making. Values are named by the caller, each once.
pub(crate) struct Graph {
    proto: GraphProto,
    precision: Precision,
}

impl Graph {
    /// An empty graph; `precision` says how [`Graph::weight`] keeps values.
    pub fn new(name: &str, precision: Precision) -> Self {
        Self { proto: GraphProto { name: name.into(), ..Default::default() }, precision }
    }

    /// Declares an input of 32-bit floats.
    pub fn input(&mut self, name: &str, sides: &[Side]) -> String {
        self.proto.input.push(value_info(name, sides));
        name.into()
    }

    /// Declares `value` as an output called `name`.
    pub fn output(&mut self, value: &str, name: &str, sides: &[Side]) {
        self.proto.output.push(value_info(name, sides));
        match self.proto.node.last_mut() {
            Some(last) if last.output == [value] => last.output[0] = name.into(),
            _ => {
                self.many("Identity", name, &[value], &[name], &[]);
            }
        }
    }

    /// Adds an operation whose only output has its name; gives that name back.
    pub fn op(&mut self, kind: &str, name: &str, inputs: &[&str], attributes: &[(&str, Value)]) -> String {
        self.many(kind, name, inputs, &[name], attributes);
        name.into()
    }

    /// Adds an operation with these outputs.
    pub fn many(
        &mut self,
        kind: &str,
        name: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, Value)],
    ) {
        let owned = |names: &[&str]| names.iter().map(|n| n.to_string()).collect();
        self.proto.node.push(NodeProto {
            input: owned(inputs),
            output: owned(outputs),
            name: name.into(),
            op_type: kind.into(),
            attribute: attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
        });
    }

    /// A constant that is always kept in 32 bits.
    pub fn floats(&mut self, name: &str, sides: &[usize], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, sides, FLOAT, bytes)
    }

    /// A constant of integers: a vector.
    pub fn ints(&mut self, name: &str, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, &[values.len()], INT64, bytes)
    }

    /// A constant kept in the graph's precision, and widened to 32 bits by the graph.
    pub fn weight(&mut self, name: &str, sides: &[usize], values: &[f32]) -> String {
        if self.precision == Precision::F32 {
            return self.floats(name, sides, values);
        }
        let bytes = values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect();
        let kept = self.constant(&format!("{name}/half"), sides, FLOAT16, bytes);
        self.op("Cast", name, &[&kept], &[("to", Value::Int(FLOAT.into()))])
    }

    fn constant(&mut self, name: &str, sides: &[usize], data_type: i32, raw_data: Vec<u8>) -> String {
        self.proto.initializer.push(TensorProto {
            dims: sides.iter().map(|&n| n as i64).collect(),
            data_type: Some(data_type),
            name: name.into(),
            raw_data: Some(raw_data),
        });
        name.into()
    }

    /// The finished graph.
    pub fn finish(self) -> GraphProto {
        self.proto
    }
}

fn attribute(name: &str, value: &Value) -> AttributeProto {
    let mut proto = AttributeProto { name: name.into(), ..Default::default() };
    proto.r#type = Some(match value {
        Value::Int(i) => {
            proto.i = Some(*i);
            ATTRIBUTE_INT
        }
        Value::Ints(ints) => {
            proto.ints = ints.to_vec();
            ATTRIBUTE_INTS
        }
        Value::Float(f) => {
            proto.f = Some(*f);
            ATTRIBUTE_FLOAT
        }
        Value::Text(s) => {
            proto.s = Some(s.as_bytes().to_vec());
            ATTRIBUTE_STRING
        }
    });
    proto
}

fn value_info(name: &str, sides: &[Side]) -> ValueInfoProto {
    let dim = |side: &Side| match side {
        Side::Is(n) => DimensionProto { dim_value: Some(*n as i64), dim_param: None },
        Side::Named(name) => DimensionProto { dim_value: None, dim_param: Some(name.to_string()) },
    };
    let shape = TensorShapeProto { dim: sides.iter().map(dim).collect() };
    let tensor_type = TensorTypeProto { elem_type: Some(FLOAT), shape: Some(shape) };
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}
