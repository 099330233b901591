//! Work spread over threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Lets the workers, each on a thread of its own, do `work` for every item and its shard: whoever is free takes the next.
pub(crate) fn spread<W: Send, I: Sync, S: Send>(
    workers: &[Mutex<W>],
    items: &[I],
    shards: &[Mutex<S>],
    work: impl Fn(&mut W, &I, &mut S) + Sync,
) {
    let next = AtomicUsize::new(0);
    let run = |worker: &Mutex<W>| {
        let mut worker = worker.lock().expect("a worker that panicked has ended the step");
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { break };
            work(&mut worker, item, &mut shards[at].lock().expect("each shard is taken once"));
        }
    };
    std::thread::scope(|scope| {
        for worker in &workers[1..] {
            scope.spawn(|| run(worker));
        }
        run(&workers[0]);
    });
}
