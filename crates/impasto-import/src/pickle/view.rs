//! A tensor as PyTorch describes it: a strided view of a flat storage.

use std::sync::Arc;

use crate::element::Element;
use crate::error::{ReadError, Result};

/// A flat run of numbers kept elsewhere in the file under `key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Storage {
    pub(crate) key: String,
    pub(crate) element: Element,
    /// Numbers in the storage under `key`.
    pub(crate) len: u64,
    /// Begin of this storage within the one under `key` (old files have storages inside storages).
    pub(crate) start: u64,
}

/// Element `[i0, i1, …]` of the tensor is number `offset + i0 * strides[0] + i1 * strides[1] + …` of the storage.
/// Every index below `shape` is known to lie inside the storage.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) storage: Arc<Storage>,
    pub(crate) shape: Vec<usize>,
    offset: u64,
    strides: Vec<u64>,
}

impl View {
    /// Checks that the view stays inside its storage; every sum and product is checked against overflow.
    pub(crate) fn new(
        storage: Arc<Storage>,
        offset: u64,
        shape: Vec<usize>,
        strides: Vec<u64>,
    ) -> std::result::Result<View, String> {
        if shape.len() != strides.len() {
            return Err(format!("{} extents but {} strides", shape.len(), strides.len()));
        }
        let offset = offset.checked_add(storage.start).ok_or("an offset beyond 2^64")?;
        let view = View { storage, shape, offset, strides };
        view.numbers().ok_or("a shape with more than 2^64 numbers")?;
        match view.last_index() {
            None => Err("an index beyond 2^64".to_owned()),
            Some(Some(last)) if last >= view.storage.len => Err(format!(
                "shape {:?} reaches number {last} of a storage of {}",
                view.shape, view.storage.len
            )),
            Some(_) => Ok(view),
        }
    }

    /// Numbers in the tensor, unless they are more than memory could address.
    pub(crate) fn numbers(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent))
    }

    /// Storage index of the last element; `Some(None)` for a tensor without elements, `None` on overflow.
    fn last_index(&self) -> Option<Option<u64>> {
        if self.shape.contains(&0) {
            return Some(None);
        }
        let mut steps = self.shape.iter().zip(&self.strides);
        let last = steps.try_fold(self.offset, |at, (&extent, &stride)| {
            at.checked_add((extent as u64 - 1).checked_mul(stride)?)
        });
        last.map(Some)
    }

    /// Reads the elements in row-major order from the bytes of the whole storage (least significant byte first).
    pub(crate) fn gather(&self, name: &str, bytes: &[u8]) -> Result<Vec<f32>> {
        let element = self.storage.element;
        let size = element.size_bytes();
        let not_float = || ReadError::NotFloat { name: name.to_owned(), element };
        let cut_short = || ReadError::tensor(name, "its storage is cut short");
        let mut values = Vec::with_capacity(self.numbers().unwrap_or(0));
        for at in Walk::new(self) {
            let first = usize::try_from(at).ok().and_then(|at| at.checked_mul(size)).ok_or_else(cut_short)?;
            let number = bytes.get(first..).and_then(|rest| rest.get(..size)).ok_or_else(cut_short)?;
            values.push(element.decode_le(number).ok_or_else(not_float)?);
        }
        Ok(values)
    }
}

/// The storage indices of a view's elements in row-major order.
struct Walk<'a> {
    view: &'a View,
    index: Vec<usize>,
    next: Option<u64>,
}

impl<'a> Walk<'a> {
    fn new(view: &'a View) -> Self {
        let empty = view.shape.contains(&0);
        Walk { view, index: vec![0; view.shape.len()], next: (!empty).then_some(view.offset) }
    }
}

impl Iterator for Walk<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let at = self.next?;
        let mut moved = at;
        self.next = None;
        for (d, (&extent, &stride)) in self.view.shape.iter().zip(&self.view.strides).enumerate().rev() {
            if self.index[d] + 1 < extent {
                self.index[d] += 1;
                self.next = Some(moved + stride);
                break;
            }
            moved -= self.index[d] as u64 * stride;
            self.index[d] = 0;
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(len: u64) -> Arc<Storage> {
        Arc::new(Storage { key: "0".into(), element: Element::F32, len, start: 0 })
    }

    fn counting(len: usize) -> Vec<u8> {
        (0..len).flat_map(|i| (i as f32).to_le_bytes()).collect()
    }

    #[test]
    fn strides_are_honoured() {
        let view = View::new(storage(6), 0, vec![3, 2], vec![1, 3]).unwrap();
        assert_eq!(view.gather("t", &counting(6)).unwrap(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        let spread = View::new(storage(6), 5, vec![2, 2], vec![0, 0]).unwrap();
        assert_eq!(spread.gather("t", &counting(6)).unwrap(), [5.0; 4]);
    }

    #[test]
    fn scalars_and_empty_tensors_have_one_and_no_element() {
        let scalar = View::new(storage(3), 2, vec![], vec![]).unwrap();
        assert_eq!(scalar.gather("t", &counting(3)).unwrap(), [2.0]);
        let empty = View::new(storage(0), 7, vec![4, 0], vec![0, 1]).unwrap();
        assert!(empty.gather("t", &[]).unwrap().is_empty());
    }

    #[test]
    fn a_view_may_not_leave_its_storage() {
        assert!(View::new(storage(6), 1, vec![3, 2], vec![2, 1]).is_err());
        assert!(View::new(storage(6), 0, vec![3, 2], vec![2, 1]).is_ok());
        assert!(View::new(storage(6), u64::MAX, vec![2], vec![1]).is_err());
        assert!(View::new(storage(6), 0, vec![usize::MAX, 2], vec![0, 0]).is_err());
        assert!(View::new(storage(6), 0, vec![3], vec![u64::MAX]).is_err());
        assert!(View::new(storage(6), 0, vec![3, 2], vec![2]).is_err());
    }

    #[test]
    fn a_storage_shorter_than_it_claims_is_an_error_not_a_panic() {
        let view = View::new(storage(6), 0, vec![6], vec![1]).unwrap();
        assert!(matches!(view.gather("t", &counting(5)), Err(ReadError::Tensor { .. })));
    }
}
