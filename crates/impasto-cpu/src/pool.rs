//! A small persistent pool of threads. A step of the plan is cut into jobs, always the same ones, whatever the
//! number of threads; who does which is left to chance, so no result may depend on it.
//!
//! Why not rayon: steps are a few hundred microseconds apart, so workers should look for the next step for a
//! moment before they sleep, and nothing may be allocated in a frame. Both are hard to promise on top of a
//! work-stealing pool, and this is a page.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

/// How often a waiting thread looks before it sleeps: some 20 microseconds.
const LOOKS: usize = 400;

type Work<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// The threads. Dropping it ends them.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    /// The step being worked on; its number is `round`.
    step: Mutex<Step>,
    changed: Condvar,
    round: AtomicUsize,
    next_job: AtomicUsize,
    /// Workers that have not finished the current round.
    busy: AtomicUsize,
    broken: AtomicBool,
    spin: bool,
}

struct Step {
    work: Option<Erased>,
    jobs: usize,
    /// Workers that take part in this round.
    workers: usize,
    stop: bool,
}

/// A borrowed closure without its lifetime.
#[derive(Clone, Copy)]
struct Erased(*const Work<'static>);
// SAFETY: the closure is `Sync`, and `Pool::run` keeps it alive until every worker is done with it.
unsafe impl Send for Erased {}

impl Pool {
    /// A pool that works with `threads` threads, the caller included (0 counts as 1).
    pub(crate) fn new(threads: usize) -> Pool {
        let helpers = threads.max(1) - 1;
        // With more threads than processors a spinning thread keeps a working one from running.
        let spin = std::thread::available_parallelism().is_ok_and(|n| n.get() > helpers);
        let shared = Arc::new(Shared {
            step: Mutex::new(Step { work: None, jobs: 0, workers: 0, stop: false }),
            changed: Condvar::new(),
            round: AtomicUsize::new(0),
            next_job: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            spin,
        });
        let spawn = |worker: usize| {
            let shared = Arc::clone(&shared);
            let name = format!("impasto-cpu-{worker}");
            std::thread::Builder::new().name(name).spawn(move || shared.serve(worker))
        };
        // A system that refuses more threads leaves us with fewer.
        let threads = (1..=helpers).map_while(|worker| spawn(worker).ok()).collect();
        Pool { shared, threads }
    }

    /// Threads that work, the caller included.
    pub(crate) fn threads(&self) -> usize {
        self.threads.len() + 1
    }

    /// Calls `work(job, worker)` once for every job below `jobs`; `worker` is below [`Pool::threads`], and no two
    /// calls at the same time have the same. Returns when all are done.
    ///
    /// # Panics
    /// If a job panicked.
    pub(crate) fn run(&mut self, jobs: usize, work: &Work<'_>) {
        let helpers = self.threads.len().min(jobs.saturating_sub(1));
        if helpers == 0 {
            (0..jobs).for_each(|job| work(job, 0));
            return;
        }
        // SAFETY: only the lifetime is changed; we return after every worker has let go of it.
        let erased = Erased(unsafe { std::mem::transmute::<*const Work<'_>, *const Work<'static>>(work) });
        self.shared.begin(erased, jobs, helpers);
        let mine = catch_unwind(AssertUnwindSafe(|| self.shared.take_jobs(jobs, 0, work)));
        self.shared.wait_for_workers();
        let broken = self.shared.broken.swap(false, AcqRel);
        if let Err(panic) = mine {
            std::panic::resume_unwind(panic);
        }
        assert!(!broken, "a worker thread panicked");
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        {
            let mut step = self.shared.lock();
            step.stop = true;
            self.shared.round.fetch_add(1, Release);
        }
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Step> {
        self.step.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn begin(&self, work: Erased, jobs: usize, workers: usize) {
        let mut step = self.lock();
        *step = Step { work: Some(work), jobs, workers, stop: false };
        self.next_job.store(0, Relaxed);
        self.busy.store(workers, Release);
        self.round.fetch_add(1, Release);
        drop(step);
        self.changed.notify_all();
    }

    fn take_jobs(&self, jobs: usize, worker: usize, work: &Work<'_>) {
        loop {
            let job = self.next_job.fetch_add(1, Relaxed);
            if job >= jobs {
                return;
            }
            work(job, worker);
        }
    }

    fn wait_for_workers(&self) {
        let mut looks = 0;
        while self.busy.load(Acquire) != 0 {
            looks += 1;
            if self.spin && looks < 1 << 16 { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
    }

    fn serve(&self, worker: usize) {
        let mut seen = 0;
        loop {
            for _ in 0..if self.spin { LOOKS } else { 0 } {
                if self.round.load(Acquire) != seen {
                    break;
                }
                std::hint::spin_loop();
            }
            let mut step = self.lock();
            while self.round.load(Acquire) == seen {
                step = self.changed.wait(step).unwrap_or_else(|poisoned| poisoned.into_inner());
            }
            seen = self.round.load(Acquire);
            if step.stop {
                return;
            }
            let (work, jobs, takes_part) = (step.work, step.jobs, worker <= step.workers);
            drop(step);
            let (true, Some(work)) = (takes_part, work) else { continue };
            // SAFETY: `Pool::run` waits for `busy` to reach zero before the closure dies, and we count down after.
            let work = unsafe { &*work.0 };
            if catch_unwind(AssertUnwindSafe(|| self.take_jobs(jobs, worker, work))).is_err() {
                self.broken.store(true, Release);
            }
            self.busy.fetch_sub(1, AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_runs_once_on_a_worker_of_its_own() {
        for threads in [0, 1, 2, 5] {
            let mut pool = Pool::new(threads);
            for jobs in [0, 1, 2, 3, 50] {
                let count: Vec<AtomicUsize> = (0..jobs).map(|_| AtomicUsize::new(0)).collect();
                let active: Vec<AtomicUsize> = (0..pool.threads()).map(|_| AtomicUsize::new(0)).collect();
                pool.run(jobs, &|job, worker| {
                    assert_eq!(active[worker].fetch_add(1, SeqCst), 0);
                    count[job].fetch_add(1, SeqCst);
                    active[worker].fetch_sub(1, SeqCst);
                });
                assert!(count.iter().all(|n| n.load(SeqCst) == 1));
            }
        }
    }

    /// Where a panic ends the program, as on WebAssembly, nothing reaches anybody.
    #[cfg(panic = "unwind")]
    #[test]
    fn a_panic_reaches_the_caller_and_leaves_the_pool_usable() {
        let mut pool = Pool::new(3);
        let fails = |pool: &mut Pool| pool.run(9, &|job, _| assert_ne!(job, 7, "told to"));
        assert!(catch_unwind(AssertUnwindSafe(|| fails(&mut pool))).is_err());
        let done = AtomicUsize::new(0);
        pool.run(9, &|_, _| _ = done.fetch_add(1, SeqCst));
        assert_eq!(done.load(SeqCst), 9);
    }
}
