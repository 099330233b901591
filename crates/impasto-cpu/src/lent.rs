//! Threads that the host lends: for WebAssembly, where `std` starts none, but a page's workers may enter the program.
//!
//! A worker calls [`lend`], which returns only when the program ends; the engine then takes it as it would start a thread.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

type Job = Box<dyn FnOnce() + Send>;

/// Threads that wait for work, and work that waits for them.
struct Exchange {
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    jobs: VecDeque<Job>,
    /// Threads that wait and are promised to nobody.
    free: usize,
}

static EXCHANGE: Exchange =
    Exchange { queue: Mutex::new(Queue { jobs: VecDeque::new(), free: 0 }), changed: Condvar::new() };

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lends the calling thread to the engine, for good. The thread must be allowed to block.
pub fn lend() -> ! {
    loop {
        serve_once();
    }
}

/// The number of lent threads that are free.
pub fn free() -> usize {
    locked(&EXCHANGE.queue).free
}

/// Waits for a job, and does it.
fn serve_once() {
    let mut queue = locked(&EXCHANGE.queue);
    queue.free += 1;
    let job = loop {
        if let Some(job) = queue.jobs.pop_front() {
            break job;
        }
        queue = EXCHANGE.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
    };
    drop(queue);
    job();
}

/// A lent thread at work.
#[cfg_attr(not(all(target_arch = "wasm32", target_feature = "atomics")), allow(dead_code))]
pub(crate) struct Thread(Arc<(Mutex<bool>, Condvar)>);

#[cfg_attr(not(all(target_arch = "wasm32", target_feature = "atomics")), allow(dead_code))]
impl Thread {
    /// Gives `work` to a free thread.
    ///
    /// # Errors
    /// If none is free.
    pub(crate) fn start(work: impl FnOnce() + Send + 'static) -> io::Result<Thread> {
        let done = Arc::new((Mutex::new(false), Condvar::new()));
        let end = Arc::clone(&done);
        let mut queue = locked(&EXCHANGE.queue);
        queue.free = queue.free.checked_sub(1).ok_or(io::ErrorKind::WouldBlock)?;
        queue.jobs.push_back(Box::new(move || {
            work();
            *locked(&end.0) = true;
            end.1.notify_all();
        }));
        drop(queue);
        EXCHANGE.changed.notify_one();
        Ok(Thread(done))
    }

    /// Waits until its work is done.
    pub(crate) fn join(self) {
        let mut done = locked(&self.0.0);
        while !*done {
            done = self.0.1.wait(done).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    #[test]
    fn lent_threads_do_what_they_are_given_and_come_back() {
        assert!(Thread::start(|| ()).is_err(), "nobody has lent one");
        for _ in 0..2 {
            std::thread::spawn(|| {
                lend();
            });
        }
        let count = Arc::new(AtomicUsize::new(0));
        for _ in 0..3 {
            while free() < 2 {
                std::thread::yield_now();
            }
            let start = || {
                let count = Arc::clone(&count);
                Thread::start(move || _ = count.fetch_add(1, SeqCst)).expect("two are free")
            };
            let threads = [start(), start()];
            for thread in threads {
                thread.join();
            }
        }
        assert_eq!(count.load(SeqCst), 6);
    }
}
