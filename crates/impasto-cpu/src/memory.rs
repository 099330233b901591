//! Memory that the kernels work in: aligned, in huge pages where the system has them, never grown in a frame.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Alignment of every part of an arena, in `f32`: one cache line.
pub(crate) const LINE: usize = 16;
const HUGE_PAGE: usize = 2 << 20;

/// A zeroed block of `f32` on its own pages.
pub(crate) struct Arena {
    start: NonNull<f32>,
    len: usize,
}

// SAFETY: the block is plain memory owned by the value.
unsafe impl Send for Arena {}
// SAFETY: shared references only give raw pointers and `&[f32]`; who writes through them vouches for it.
unsafe impl Sync for Arena {}

impl Arena {
    /// `len` zeros. An empty arena holds one line, so that its pointer is always real.
    pub(crate) fn new(len: usize) -> Arena {
        let len = len.max(1).next_multiple_of(LINE);
        let layout = Arena::layout(len);
        // SAFETY: the layout is not empty.
        let start = unsafe { alloc(layout) }.cast::<f32>();
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        // Before the first touch: pages that are there stay as small as they are.
        prefer_huge_pages(start.as_ptr().cast(), layout.size());
        // SAFETY: `len` values were allocated; zero is a value.
        unsafe { start.as_ptr().write_bytes(0, len) };
        Arena { start, len }
    }

    fn layout(len: usize) -> Layout {
        let align = if len * 4 >= HUGE_PAGE { HUGE_PAGE } else { LINE * 4 };
        Layout::from_size_align(len * 4, align).expect("a plan's memory fits the address space")
    }

    /// Number of values.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The first value.
    pub(crate) fn ptr(&self) -> *mut f32 {
        self.start.as_ptr()
    }

    /// All values, while nothing runs.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: `start` is valid for `len` initialised values, and `self` is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    /// All values, while nothing writes.
    #[cfg(test)]
    pub(crate) fn as_slice(&self) -> &[f32] {
        // SAFETY: `start` is valid for `len` initialised values.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.start.as_ptr().cast(), Arena::layout(self.len)) }
    }
}

/// Asks Linux for 2 MiB pages: a frame walks through hundreds of megabytes, and small pages would miss the
/// address cache on every row.
#[cfg(all(target_os = "linux", not(miri)))]
fn prefer_huge_pages(start: *mut u8, bytes: usize) {
    unsafe extern "C" {
        fn madvise(start: *mut u8, bytes: usize, advice: i32) -> i32;
    }
    const MADV_HUGEPAGE: i32 = 14;
    if bytes >= HUGE_PAGE {
        // SAFETY: advice about memory that we own; it changes no value, and failing is harmless.
        unsafe { madvise(start, bytes, MADV_HUGEPAGE) };
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn prefer_huge_pages(_start: *mut u8, _bytes: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arena_is_zero_aligned_and_its_own() {
        // Large enough for huge pages, which Miri would take minutes to fill.
        let large = if cfg!(miri) { 1000 } else { 600_000 };
        for len in [0, 1, 17, large] {
            let mut arena = Arena::new(len);
            assert!(arena.len() >= len && arena.ptr().addr().is_multiple_of(64));
            assert!(arena.as_slice().iter().all(|&x| x == 0.0));
            arena.as_mut_slice().fill(1.0);
        }
    }
}
