//! Meaning of `REDUCE`, `NEWOBJ`, `BUILD` and `BINPERSID`: rules that describe tensors, and nothing else.

use std::io::Read;
use std::sync::Arc;

use super::machine::Machine;
use super::value::{Global, Id, Value};
use super::view::{Storage, View};
use crate::error::{ReadError, Result};

/// Most arguments of a call (`_rebuild_tensor_v2` takes up to seven).
const ARGUMENTS: usize = 8;

impl<R: Read> Machine<'_, R> {
    /// Applies a rule to a tuple of arguments (`REDUCE` and `NEWOBJ` alike).
    pub(super) fn call(&mut self) -> Result<()> {
        let arguments = self.pop()?;
        let callee = self.pop()?;
        let arguments = match self.heap.get(arguments) {
            Value::Tuple(arguments) if arguments.len() <= ARGUMENTS => arguments.clone(),
            other => return Err(self.source.damaged(format!("a call with {} as arguments", other.kind()))),
        };
        let Value::Global(global) = *self.heap.get(callee) else {
            let kind = self.heap.get(callee).kind();
            return Err(self.source.damaged(format!("it calls {kind}")));
        };
        match global {
            Global::OrderedDict => self.ordered_dict(&arguments),
            Global::Size => self.size(&arguments),
            Global::Tensor => self.tensor(&arguments),
            Global::Parameter => self.parameter(&arguments),
            Global::Storage(element) => {
                Err(self.source.damaged(format!("a storage of {element} inside the pickle")))
            }
        }
    }

    /// `BUILD` sets attributes in Python. Those of a dictionary (`_metadata`) and of a parameter
    /// (`requires_grad`, hooks) say nothing about weights: dropped.
    pub(super) fn build(&mut self) -> Result<()> {
        self.pop()?;
        let object = self.top()?;
        match self.heap.get(object) {
            Value::Dict(_) | Value::Tensor(_) => Ok(()),
            other => Err(self.source.damaged(format!("it sets attributes of {}", other.kind()))),
        }
    }

    /// `("storage", class, key, place, numbers[, (view key, start, numbers) or None])`.
    pub(super) fn persistent(&mut self) -> Result<()> {
        let id = self.pop()?;
        let storage =
            self.storage(id).ok_or_else(|| self.source.damaged("a storage that is not described"))?;
        self.push(Value::Storage(Arc::new(storage)))
    }

    fn storage(&self, id: Id) -> Option<Storage> {
        let Value::Tuple(parts) = self.heap.get(id) else { return None };
        let [tag, class, key, _place, len, rest @ ..] = parts.as_slice() else { return None };
        let (Value::Text(tag), Value::Text(key)) = (self.heap.get(*tag), self.heap.get(*key)) else {
            return None;
        };
        let Value::Global(Global::Storage(element)) = *self.heap.get(*class) else { return None };
        let start = match rest {
            [] => 0,
            [view] => self.view_start(*view)?,
            _ => return None,
        };
        let len = self.number(*len)?;
        (tag == "storage").then(|| Storage { key: key.clone(), element, len, start })
    }

    fn view_start(&self, view: Id) -> Option<u64> {
        match self.heap.get(view) {
            Value::None => Some(0),
            Value::Tuple(parts) if parts.len() == 3 => self.number(parts[1]),
            _ => None,
        }
    }

    /// `OrderedDict()`, or Python 2's `OrderedDict([[key, value], …])`.
    fn ordered_dict(&mut self, arguments: &[Id]) -> Result<()> {
        let entries = match arguments {
            [] => Some(Vec::new()),
            [list] => self.sequence(*list).and_then(|pairs| {
                pairs.iter().map(|&pair| <[Id; 2]>::try_from(self.sequence(pair)?).ok()).collect()
            }),
            _ => None,
        };
        // Copying a list is the one thing that could make a small pickle large: it counts as that many values.
        self.heap.charge(entries.as_ref().map_or(0, Vec::len), self.limits.values)?;
        let entries = entries.ok_or_else(|| self.source.damaged("a dictionary that is not made of pairs"))?;
        self.push(Value::Dict(entries.into_iter().map(|[key, value]| (key, value)).collect()))
    }

    fn size(&mut self, arguments: &[Id]) -> Result<()> {
        match arguments {
            [extents] if self.sequence(*extents).is_some() => {
                self.push_id(*extents);
                Ok(())
            }
            _ => Err(self.source.damaged("a torch.Size that is not a tuple")),
        }
    }

    /// A parameter is the tensor it wraps.
    fn parameter(&mut self, arguments: &[Id]) -> Result<()> {
        match arguments {
            [tensor, ..] if matches!(self.heap.get(*tensor), Value::Tensor(_)) => {
                self.push_id(*tensor);
                Ok(())
            }
            _ => Err(self.source.damaged("a parameter without a tensor")),
        }
    }

    /// `(storage, offset, shape, strides, …)`; what follows (gradient flag, hooks) is dropped.
    fn tensor(&mut self, arguments: &[Id]) -> Result<()> {
        let [storage, offset, shape, strides, ..] = arguments else {
            return Err(self.source.damaged("a tensor with fewer than four parts"));
        };
        let Value::Storage(storage) = self.heap.get(*storage) else {
            return Err(self.source.damaged("a tensor without a storage"));
        };
        let storage = Arc::clone(storage);
        let offset = self.number(*offset);
        let (shape, strides) = (self.extents(*shape)?, self.extents(*strides)?);
        let offset = offset.ok_or_else(|| self.source.damaged("a tensor with an odd offset"))?;
        let shape = shape.into_iter().map(usize::try_from).collect::<std::result::Result<Vec<_>, _>>();
        let shape = shape.map_err(|_| self.source.damaged("an extent beyond memory"))?;
        let view = View::new(storage, offset, shape, strides).map_err(|e| self.source.damaged(e))?;
        self.push(Value::Tensor(Arc::new(view)))
    }

    fn extents(&self, id: Id) -> Result<Vec<u64>> {
        let odd = || self.source.damaged("a tensor whose shape or strides are no whole numbers");
        let extents = self.sequence(id).ok_or_else(odd)?;
        if extents.len() > self.limits.dimensions {
            let (found, limit) = (extents.len() as u64, self.limits.dimensions as u64);
            return Err(ReadError::TooLarge { what: "a tensor, in dimensions,", found, limit });
        }
        extents.iter().map(|&extent| self.number(extent).ok_or_else(odd)).collect()
    }

    fn sequence(&self, id: Id) -> Option<&[Id]> {
        match self.heap.get(id) {
            Value::Tuple(items) | Value::List(items) => Some(items),
            _ => None,
        }
    }

    fn number(&self, id: Id) -> Option<u64> {
        match self.heap.get(id) {
            Value::Int(n) => u64::try_from(*n).ok(),
            _ => None,
        }
    }
}
