//! A place for one thing: a newer one pushes out the one that waits.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// Holds the newest of what was put in.
pub struct Inbox<T> {
    waiting: Mutex<Option<T>>,
    arrived: Condvar,
}

impl<T> Inbox<T> {
    /// Nothing waits.
    pub fn new() -> Self {
        Self { waiting: Mutex::new(None), arrived: Condvar::new() }
    }

    /// Puts `item` in; gives back what had been waiting.
    pub fn put(&self, item: T) -> Option<T> {
        let before = self.waiting.lock().expect("no holder panics").replace(item);
        self.arrived.notify_one();
        before
    }

    /// Takes what waits, or waits up to `patience` for it.
    pub fn take(&self, patience: Duration) -> Option<T> {
        let waiting = self.waiting.lock().expect("no holder panics");
        let (mut waiting, _) =
            self.arrived.wait_timeout_while(waiting, patience, |w| w.is_none()).expect("no holder panics");
        waiting.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_waits() {
        let inbox = Inbox::new();
        assert_eq!(inbox.put(1), None);
        assert_eq!(inbox.put(2), Some(1));
        assert_eq!(inbox.take(Duration::ZERO), Some(2));
        assert_eq!(inbox.take(Duration::ZERO), None);
    }
}
