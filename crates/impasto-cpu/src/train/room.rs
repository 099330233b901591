//! Memory for what lies between a kernel's phases, kept by each thread from call to call.

use crate::memory::Arena;
use std::cell::RefCell;

thread_local! {
    static ROOM: RefCell<Arena> = RefCell::new(Arena::new(0));
}

/// Lends `length` values, of whatever the last call left in them.
pub(super) fn with<T>(length: usize, work: impl FnOnce(*mut f32) -> T) -> T {
    ROOM.with_borrow_mut(|room| {
        if room.len() < length {
            *room = Arena::new(length);
        }
        work(room.ptr())
    })
}
