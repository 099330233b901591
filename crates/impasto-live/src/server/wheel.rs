//! Which viewer steers.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Viewers that would steer, and the one that does.
#[derive(Default)]
pub(super) struct Wheel {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The longest there first.
    willing: Vec<u64>,
    holder: Option<u64>,
}

impl Wheel {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A viewer is there that would steer: the first does.
    pub fn join(&self, viewer: u64) {
        let mut state = self.lock();
        if !state.willing.contains(&viewer) {
            state.willing.push(viewer);
        }
        state.holder.get_or_insert(viewer);
    }

    /// A viewer takes the wheel.
    pub fn take(&self, viewer: u64) {
        self.join(viewer);
        self.lock().holder = Some(viewer);
    }

    /// A viewer is gone, or would rather not; whether the wheel has passed on to the one that is there longest.
    pub fn leave(&self, viewer: u64) -> bool {
        let mut state = self.lock();
        state.willing.retain(|other| *other != viewer);
        if state.holder != Some(viewer) {
            return false;
        }
        state.holder = state.willing.first().copied();
        true
    }

    pub fn is_held_by(&self, viewer: u64) -> bool {
        self.lock().holder == Some(viewer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wheel_goes_back_to_the_one_that_is_there_longest() {
        let wheel = Wheel::default();
        for viewer in [1, 2, 3] {
            wheel.join(viewer);
        }
        assert!(wheel.is_held_by(1));
        wheel.take(3);
        assert!(wheel.is_held_by(3) && !wheel.leave(2));
        assert!(wheel.leave(3) && wheel.is_held_by(1));
        assert!(wheel.leave(1) && !wheel.is_held_by(1));
        wheel.join(4);
        assert!(wheel.is_held_by(4));
    }
}
