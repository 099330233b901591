//! The part of ONNX's protobuf schema that we write and read back: field numbers as in `onnx.proto`.
//!
//! Scalars of attributes are optional, since a reader tells "0" from "absent" there.

use prost::Message;

/// `TensorProto.DataType` of 32-bit floats.
pub const FLOAT: i32 = 1;
/// `TensorProto.DataType` of 64-bit integers.
pub const INT64: i32 = 7;
/// `TensorProto.DataType` of 16-bit floats.
pub const FLOAT16: i32 = 10;

/// `AttributeProto.AttributeType`: one float.
pub const ATTRIBUTE_FLOAT: i32 = 1;
/// `AttributeProto.AttributeType`: one integer.
pub const ATTRIBUTE_INT: i32 = 2;
/// `AttributeProto.AttributeType`: a string.
pub const ATTRIBUTE_STRING: i32 = 3;
/// `AttributeProto.AttributeType`: a list of integers.
pub const ATTRIBUTE_INTS: i32 = 7;

/// A whole file.
#[derive(Clone, PartialEq, Message)]
pub struct ModelProto {
    /// Version of the file format.
    #[prost(int64, optional, tag = "1")]
    pub ir_version: Option<i64>,
    /// Program that wrote it.
    #[prost(string, tag = "2")]
    pub producer_name: String,
    /// Its version.
    #[prost(string, tag = "3")]
    pub producer_version: String,
    /// For people.
    #[prost(string, tag = "6")]
    pub doc_string: String,
    /// The graph.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
    /// Sets of operators that the graph uses.
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSetIdProto>,
    /// Text by key.
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<StringStringEntryProto>,
}

/// A set of operators and its version.
#[derive(Clone, PartialEq, Message)]
pub struct OperatorSetIdProto {
    /// Empty for ONNX's own.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// Version of the set.
    #[prost(int64, optional, tag = "2")]
    pub version: Option<i64>,
}

/// One pair of texts.
#[derive(Clone, PartialEq, Message)]
pub struct StringStringEntryProto {
    /// Name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Text.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// Nodes in topological order, constants, inputs and outputs.
#[derive(Clone, PartialEq, Message)]
pub struct GraphProto {
    /// Operations, each after those it reads.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeProto>,
    /// Name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Constants.
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
    /// Inputs of the graph.
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfoProto>,
    /// Outputs of the graph.
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfoProto>,
}

/// One operation.
#[derive(Clone, PartialEq, Message)]
pub struct NodeProto {
    /// Names of values it reads; an empty name is an input left out.
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    /// Names of values it makes.
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    /// Its own name.
    #[prost(string, tag = "3")]
    pub name: String,
    /// Kind of operation.
    #[prost(string, tag = "4")]
    pub op_type: String,
    /// Parameters.
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<AttributeProto>,
}

/// One parameter of an operation.
#[derive(Clone, PartialEq, Message)]
pub struct AttributeProto {
    /// Name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The value, if a float.
    #[prost(float, optional, tag = "2")]
    pub f: Option<f32>,
    /// The value, if an integer.
    #[prost(int64, optional, tag = "3")]
    pub i: Option<i64>,
    /// The value, if a string.
    #[prost(bytes = "vec", optional, tag = "4")]
    pub s: Option<Vec<u8>>,
    /// The value, if a list of integers.
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
    /// Which of them it is.
    #[prost(int32, optional, tag = "20")]
    pub r#type: Option<i32>,
}

/// A constant; its values are little-endian in `raw_data`.
#[derive(Clone, PartialEq, Message)]
pub struct TensorProto {
    /// Sides.
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub dims: Vec<i64>,
    /// Kind of number.
    #[prost(int32, optional, tag = "2")]
    pub data_type: Option<i32>,
    /// Name.
    #[prost(string, tag = "8")]
    pub name: String,
    /// Values.
    #[prost(bytes = "vec", optional, tag = "9")]
    pub raw_data: Option<Vec<u8>>,
}

/// Name and type of an input or output.
#[derive(Clone, PartialEq, Message)]
pub struct ValueInfoProto {
    /// Name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Type.
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<TypeProto>,
}

/// A type; all of ours are tensors.
#[derive(Clone, PartialEq, Message)]
pub struct TypeProto {
    /// Kind of number and shape.
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorTypeProto>,
}

/// Kind of number and shape.
#[derive(Clone, PartialEq, Message)]
pub struct TensorTypeProto {
    /// Kind of number.
    #[prost(int32, optional, tag = "1")]
    pub elem_type: Option<i32>,
    /// Shape.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShapeProto>,
}

/// Sides, outermost first.
#[derive(Clone, PartialEq, Message)]
pub struct TensorShapeProto {
    /// Sides.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<DimensionProto>,
}

/// A known side, or the name of one that is known at run time.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct DimensionProto {
    /// Known.
    #[prost(int64, optional, tag = "1")]
    pub dim_value: Option<i64>,
    /// Named.
    #[prost(string, optional, tag = "2")]
    pub dim_param: Option<String>,
}
