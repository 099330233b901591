//! A pickle machine that can only describe tensors.
//!
//! A Python pickle is a program for a small stack machine, and two of its instructions (`GLOBAL`, `REDUCE`) let it
//! import and call anything at all: that is how a weight file takes over a computer. This machine has no Python behind
//! it. It knows the instructions that plain data and tensors need, and a handful of names ([`value::Global`]), each of
//! which stands for a rule written here. Any other name is refused as soon as it is read, and told to the person.
//!
//! Memory is bounded by the file: every instruction adds at most a few bytes, values are shared by place instead of
//! copied, and [`Limits`](crate::Limits) caps both instructions and values. Nothing here recurses.

mod call;
mod machine;
mod source;
mod value;
mod view;

use std::io::Read;

use crate::Limits;
use crate::error::{ReadError, Result};
use value::{Heap, Id, Value};
pub(crate) use view::{Storage, View};

/// Longest dotted name of a tensor, in bytes.
const NAME_BYTES: usize = 512;

/// Everything that one pickle described.
pub(crate) struct Pickle {
    heap: Heap,
    root: Id,
}

impl Pickle {
    /// Runs the pickle at the start of `stream` and leaves the stream just behind it.
    pub(crate) fn read(stream: impl Read, limits: &Limits) -> Result<Pickle> {
        let (heap, root) = machine::Machine::new(stream, limits).run()?;
        Ok(Pickle { heap, root })
    }

    /// The whole number that the pickle is, if it is one.
    pub(crate) fn int(&self) -> Option<i128> {
        match self.heap.get(self.root) {
            Value::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// The strings of the list that the pickle is, if it is one.
    pub(crate) fn texts(&self) -> Option<Vec<&str>> {
        let Value::List(items) = self.heap.get(self.root) else { return None };
        items.iter().map(|&item| self.text(item)).collect()
    }

    /// Every storage the pickle mentions, also those of tensors that [`Pickle::tensors`] passes over.
    pub(crate) fn storages(&self) -> impl Iterator<Item = &Storage> {
        self.heap.iter().filter_map(|value| match value {
            Value::Storage(storage) => Some(&**storage),
            _ => None,
        })
    }

    /// All tensors in the (nested) dictionary that the pickle is, by dotted path, in the file's order.
    ///
    /// Lists, numbers and the like beside them (a checkpoint's optimiser state) are passed over.
    pub(crate) fn tensors(&self, limits: &Limits) -> Result<Vec<(String, View)>> {
        let mut found = Vec::new();
        let mut left = limits.entries;
        let mut open = vec![(String::new(), self.root, 0)];
        while let Some((path, id, depth)) = open.pop() {
            match self.heap.get(id) {
                Value::Tensor(view) if !path.is_empty() => found.push((path, View::clone(view))),
                Value::Dict(entries) => {
                    left = left.checked_sub(entries.len()).ok_or_else(|| too_many_entries(limits))?;
                    if depth == limits.depth {
                        return Err(too_deep(limits));
                    }
                    // Pushed last to first, so that they come off in the file's order.
                    for &(key, value) in entries.iter().rev() {
                        if let Some(key) = self.text(key) {
                            open.push((join(&path, key)?, value, depth + 1));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }

    fn text(&self, id: Id) -> Option<&str> {
        match self.heap.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn join(path: &str, key: &str) -> Result<String> {
    let length = path.len() + key.len() + 1;
    if length > NAME_BYTES {
        let (found, limit) = (length as u64, NAME_BYTES as u64);
        return Err(ReadError::TooLarge { what: "the name of a tensor, in bytes,", found, limit });
    }
    Ok(if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") })
}

fn too_many_entries(limits: &Limits) -> ReadError {
    let limit = limits.entries as u64;
    ReadError::TooLarge { what: "the dictionary of tensors, in entries,", found: limit + 1, limit }
}

fn too_deep(limits: &Limits) -> ReadError {
    let limit = limits.depth as u64;
    ReadError::TooLarge { what: "the nesting of dictionaries", found: limit + 1, limit }
}
