//! Everything that a pickle may build: plain data, and descriptions of tensors. Nothing here can do anything.

use std::sync::Arc;

use super::view::{Storage, View};
use crate::element::Element;
use crate::error::{ReadError, Result};

/// Place of a value on the [`Heap`].
pub(crate) type Id = u32;

/// One value. Containers hold places, so values may be shared and even circular without harm.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    None,
    Bool,
    Int(i128),
    Text(String),
    /// A number with a fraction or a string of bytes: carried along, never looked at.
    Opaque,
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    Storage(Arc<Storage>),
    Tensor(Arc<View>),
}

impl Value {
    /// Name of this kind of value in messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::None => "None",
            Value::Bool => "a truth value",
            Value::Int(_) => "a whole number",
            Value::Text(_) => "a string",
            Value::Opaque => "a number or bytes",
            Value::Tuple(_) => "a tuple",
            Value::List(_) => "a list",
            Value::Dict(_) => "a dictionary",
            Value::Global(_) => "a class",
            Value::Storage(_) => "a storage",
            Value::Tensor(_) => "a tensor",
        }
    }
}

/// The few names a tensor file may mention. Each stands for a rule of ours, not for Python's object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Global {
    OrderedDict,
    /// `torch.Size`: a tuple of extents.
    Size,
    /// `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`: storage, offset, shape, strides, ….
    Tensor,
    /// `torch.nn.Parameter` in its three ways of being saved: the tensor it wraps, ….
    Parameter,
    /// A typed storage class.
    Storage(Element),
}

impl Global {
    /// The rule for a name, or a refusal that repeats the name.
    pub(crate) fn from_name(module: &str, name: &str) -> Result<Self> {
        let known = match (module, name) {
            ("collections", "OrderedDict") => Some(Global::OrderedDict),
            ("torch", "Size") => Some(Global::Size),
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Some(Global::Tensor),
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Some(Global::Parameter)
            }
            ("torch.nn.parameter", "Parameter") => Some(Global::Parameter),
            ("torch" | "torch.storage" | "torch.cuda", class) => {
                Element::from_torch_storage(class).map(Global::Storage)
            }
            _ => None,
        };
        known.ok_or_else(|| ReadError::Refused { name: printable(&format!("{module}.{name}")) })
    }
}

/// A name from a hostile file, fit for a terminal: control characters become `?`.
fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// All values of one pickle, addressed by place.
#[derive(Debug, Default)]
pub(crate) struct Heap {
    values: Vec<Value>,
    /// Values made, copies of entries included.
    made: usize,
}

impl Heap {
    /// Adds a value unless there are `limit` already.
    pub(crate) fn add(&mut self, value: Value, limit: usize) -> Result<Id> {
        self.charge(1, limit.min(Id::MAX as usize))?;
        self.values.push(value);
        Ok((self.values.len() - 1) as Id)
    }

    /// Counts `count` more values against `limit`.
    pub(crate) fn charge(&mut self, count: usize, limit: usize) -> Result<()> {
        self.made = self.made.saturating_add(count);
        if self.made > limit {
            let (found, limit) = (self.made as u64, limit as u64);
            return Err(ReadError::TooLarge { what: "the pickle, in values,", found, limit });
        }
        Ok(())
    }

    /// All values, in the order they were made.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Value> {
        self.values.iter()
    }

    /// The value at `id`, which came from [`Heap::add`] of this heap.
    pub(crate) fn get(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }

    pub(crate) fn get_mut(&mut self, id: Id) -> &mut Value {
        &mut self.values[id as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_weights_do_not_need_is_refused_and_repeated() {
        let refused = Global::from_name("posix", "system").unwrap_err().to_string();
        assert!(refused.contains("wants to call `posix.system`: refused"), "{refused}");
        assert!(Global::from_name("torch", "load").is_err());
        assert!(Global::from_name("collections", "Counter").is_err());
    }

    #[test]
    fn control_characters_of_a_hostile_name_do_not_reach_the_terminal() {
        let refused = Global::from_name("os\x1b[2J", "system").unwrap_err().to_string();
        assert!(!refused.contains('\x1b'), "{refused:?}");
    }

    #[test]
    fn the_heap_has_a_ceiling() {
        let mut heap = Heap::default();
        assert!(heap.add(Value::None, 1).is_ok());
        assert!(matches!(heap.add(Value::None, 1), Err(ReadError::TooLarge { limit: 1, .. })));
    }
}
