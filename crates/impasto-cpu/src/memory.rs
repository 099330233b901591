//! Memory that the kernels work in: aligned, in huge pages where the system has them, never grown in a frame.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Alignment of every part of an arena, in `f32`: one cache line.
pub(crate) const LINE: usize = 16;

/// A zeroed block of `f32`.
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
        let start = match pages::takes(layout.size()) {
            true => pages::map(layout.size()),
            // SAFETY: the layout is not empty.
            false => NonNull::new(unsafe { alloc_zeroed(layout) }),
        };
        let Some(start) = start else { handle_alloc_error(layout) };
        Arena { start: start.cast(), len }
    }

    fn layout(len: usize) -> Layout {
        Layout::from_size_align(len * 4, LINE * 4).expect("a plan's memory fits the address space")
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
        let layout = Arena::layout(self.len);
        // SAFETY: made in `new`, for this layout.
        unsafe {
            match pages::takes(layout.size()) {
                true => pages::unmap(self.start.cast(), layout.size()),
                false => dealloc(self.start.as_ptr().cast(), layout),
            }
        }
    }
}

/// Large blocks have pages of their own. From the heap they would leave holes behind, which the process keeps: 7 of 202 MB
/// with the classic network at 256x256. And they are zero as they come.
#[cfg(all(target_os = "linux", not(miri)))]
mod pages {
    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};
    use rustix::param::page_size;
    use std::ptr::{NonNull, null_mut};

    const HUGE_PAGE: usize = 2 << 20;

    /// Whether a block of so many bytes comes from here.
    pub(super) fn takes(bytes: usize) -> bool {
        bytes >= HUGE_PAGE
    }

    /// A zeroed block that begins with a huge page. These are asked for, since a frame walks through hundreds of megabytes, and
    /// small pages would miss the address cache on every row.
    pub(super) fn map(bytes: usize) -> Option<NonNull<u8>> {
        let size = bytes.next_multiple_of(page_size());
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: a new map where the system likes; what is given back of it, and advised, is its own.
        unsafe {
            let base = mmap_anonymous(null_mut(), size + HUGE_PAGE, access, flags).ok()?;
            let before = base.addr().next_multiple_of(HUGE_PAGE) - base.addr();
            let start = base.byte_add(before);
            give_back(base, before);
            give_back(start.byte_add(size), HUGE_PAGE - before);
            // The last, incomplete one stays small. Without huge pages it is slower, and as good.
            let _ = madvise(start, size / HUGE_PAGE * HUGE_PAGE, Advice::LinuxHugepage);
            NonNull::new(start.cast())
        }
    }

    /// # Safety
    /// The block must have come from [`map`] with so many bytes.
    pub(super) unsafe fn unmap(start: NonNull<u8>, bytes: usize) {
        // SAFETY: as the caller says.
        unsafe { give_back(start.as_ptr().cast(), bytes.next_multiple_of(page_size())) }
    }

    /// # Safety
    /// The pages must be a part of a map of ours, and not be used again.
    unsafe fn give_back(start: *mut std::ffi::c_void, bytes: usize) {
        if bytes > 0 {
            // SAFETY: as the caller says.
            unsafe { munmap(start, bytes) }.expect("pages that were mapped can be unmapped");
        }
    }
}

/// Elsewhere the heap does.
#[cfg(not(all(target_os = "linux", not(miri))))]
mod pages {
    use std::ptr::NonNull;

    pub(super) fn takes(_bytes: usize) -> bool {
        false
    }

    pub(super) fn map(_bytes: usize) -> Option<NonNull<u8>> {
        None
    }

    pub(super) unsafe fn unmap(_start: NonNull<u8>, _bytes: usize) {}
}

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
