//! A small persistent pool of threads. A step of the plan is cut into jobs, always the same ones, whatever the
//! number of threads; who does which is left to chance, so no result may depend on it.
//!
//! Each thread has a share of jobs that follow each other, since neighbours touch the same memory and a job may fetch what its
//! successor needs. Who is done with its own share takes jobs from the ends of the others'.
//!
//! A worker takes part in a step by entering its round while that is open. The caller, when no job is left, closes the round and waits
//! only for those inside: a worker that is still waking up, which may take as long as a step, holds nobody up.
//!
//! Why not rayon: steps are a few hundred microseconds apart, so workers should look for the next step for a
//! moment before they sleep, and nothing may be allocated in a frame. Both are hard to promise on top of a
//! work-stealing pool, and this is a page.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use thread::Thread;

/// Number of looks of a waiting thread before it sleeps: some 200 microseconds, longer than any step that one thread does alone.
/// WebAssembly has no instruction that waits, so a look there takes a few nanoseconds.
const LOOKS: usize = if cfg!(target_arch = "wasm32") { 100_000 } else { 4000 };

/// The state of the current round, in one word that is changed at once: workers inside, whether it is open, and its number.
const INSIDE: u64 = OPEN - 1;
const OPEN: u64 = 1 << 31;
const ROUND: u64 = !(OPEN | INSIDE);

type Work<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// The threads. Dropping it ends them.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    threads: Vec<Thread>,
}

struct Shared {
    /// The step being worked on.
    step: Mutex<Step>,
    changed: Condvar,
    /// See [`ROUND`].
    gate: AtomicU64,
    /// Of each thread.
    shares: Vec<Share>,
    /// Workers that have begun to wait.
    started: AtomicUsize,
    broken: AtomicBool,
    /// Whether there is a processor for each thread.
    spin: bool,
    /// The caller's processor.
    caller: AtomicUsize,
}

struct Step {
    work: Option<Erased>,
    /// Workers that take part in this round.
    workers: usize,
    /// Workers that sleep.
    asleep: usize,
    stop: bool,
}

/// Jobs that follow each other: the first in the lower half of the word, the one behind the last in the upper. On a cache line of
/// its own, and the line beside.
#[repr(align(128))]
struct Share(AtomicU64);

impl Share {
    fn fill(&self, jobs: Range<usize>) {
        self.0.store((jobs.end as u64) << 32 | jobs.start as u64, Relaxed);
    }

    /// Takes the first job.
    fn first(&self) -> Option<usize> {
        self.take(|rest| rest + 1).map(|rest| rest as u32 as usize)
    }

    /// Takes the last job.
    fn last(&self) -> Option<usize> {
        self.take(|rest| rest - (1 << 32)).map(|rest| (rest >> 32) as usize - 1)
    }

    /// Takes a job away if there is one, and gives what there was.
    fn take(&self, less: impl Fn(u64) -> u64) -> Option<u64> {
        let take = |rest: u64| ((rest as u32 as u64) < rest >> 32).then(|| less(rest));
        self.0.fetch_update(Relaxed, Relaxed, take).ok()
    }
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
        let spin = thread::is_processor_for_each(helpers + 1);
        let shared = Arc::new(Shared {
            step: Mutex::new(Step { work: None, workers: 0, asleep: 0, stop: false }),
            changed: Condvar::new(),
            gate: AtomicU64::new(0),
            shares: (0..=helpers).map(|_| Share(AtomicU64::new(0))).collect(),
            started: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            spin,
            caller: AtomicUsize::new(0),
        });
        let spawn = |worker: usize| {
            let shared = Arc::clone(&shared);
            Thread::start(worker, move || shared.serve(worker))
        };
        // A system that refuses more threads leaves us with fewer.
        let threads: Vec<_> = (1..=helpers).map_while(|worker| spawn(worker).ok()).collect();
        // What a thread allocates when it starts must not fall into a frame.
        while shared.started.load(Acquire) < threads.len() {
            std::thread::yield_now();
        }
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
        // SAFETY: only the lifetime is changed; we return after the round was closed and every worker inside has let go of it.
        let erased = Erased(unsafe { std::mem::transmute::<*const Work<'_>, *const Work<'static>>(work) });
        self.shared.begin(erased, jobs, helpers);
        let mine = catch_unwind(AssertUnwindSafe(|| self.shared.take_jobs(0, helpers, work)));
        self.shared.close();
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
            self.shared.next_round(0);
        }
        self.shared.changed.notify_all();
        self.threads.drain(..).for_each(Thread::join);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Step> {
        self.step.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A new round, which is open if `open` is [`OPEN`]. The step must be locked, and nobody be inside.
    fn next_round(&self, open: u64) {
        let round = (self.gate.load(Relaxed) & ROUND).wrapping_add(2 * OPEN);
        self.gate.store(round | open, Release);
    }

    fn begin(&self, work: Erased, jobs: usize, workers: usize) {
        let mut step = self.lock();
        (step.work, step.workers) = (Some(work), workers);
        for (thread, share) in self.shares.iter().enumerate().take(workers + 1) {
            share.fill(thread * jobs / (workers + 1)..(thread + 1) * jobs / (workers + 1));
        }
        self.next_round(OPEN);
        let asleep = step.asleep;
        drop(step);
        if asleep > 0 {
            self.caller.store(processor::current(), Relaxed);
            self.changed.notify_all();
        }
    }

    /// Goes inside the current round if it is open.
    fn enter(&self) -> bool {
        let inside = |gate: u64| (gate & OPEN != 0).then_some(gate + 1);
        self.gate.fetch_update(AcqRel, Acquire, inside).is_ok()
    }

    /// Does jobs until there are none left.
    fn take_jobs(&self, worker: usize, workers: usize, work: &Work<'_>) {
        while let Some(job) = self.shares[worker].first() {
            work(job, worker);
        }
        for other in (0..=workers).filter(|&other| other != worker) {
            while let Some(job) = self.shares[other].last() {
                work(job, worker);
            }
        }
    }

    /// Lets no more workers into the round, and waits for those inside.
    fn close(&self) {
        self.gate.fetch_and(!OPEN, AcqRel);
        let mut looks = 0;
        while self.gate.load(Acquire) & INSIDE != 0 {
            looks += 1;
            if self.spin && looks < 1 << 16 { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
    }

    /// The step of the next round after `seen`, once there is one.
    fn next_step(&self, seen: u64) -> MutexGuard<'_, Step> {
        let changed = || self.gate.load(Acquire) & ROUND != seen;
        for _ in 0..if self.spin { LOOKS } else { 0 } {
            if changed() {
                break;
            }
            std::hint::spin_loop();
        }
        let mut step = self.lock();
        if changed() {
            return step;
        }
        while !changed() {
            step.asleep += 1;
            step = self.changed.wait(step).unwrap_or_else(|poisoned| poisoned.into_inner());
            step.asleep -= 1;
        }
        drop(step);
        if self.spin {
            processor::leave(self.caller.load(Relaxed));
        }
        self.lock()
    }

    fn serve(&self, worker: usize) {
        let mut seen = 0;
        self.started.fetch_add(1, Release);
        loop {
            let step = self.next_step(seen);
            // Rounds change only while the step is locked.
            seen = self.gate.load(Acquire) & ROUND;
            if step.stop {
                return;
            }
            let takes_part = worker <= step.workers && self.enter();
            let (work, workers) = (step.work, step.workers);
            drop(step);
            let (true, Some(work)) = (takes_part, work) else { continue };
            // SAFETY: `Pool::run` closes the round and waits for us before the closure dies; we leave it below.
            let work = unsafe { &*work.0 };
            if catch_unwind(AssertUnwindSafe(|| self.take_jobs(worker, workers, work))).is_err() {
                self.broken.store(true, Release);
            }
            self.gate.fetch_sub(1, AcqRel);
        }
    }
}

/// Threads of the system.
#[cfg(not(all(target_arch = "wasm32", target_feature = "atomics")))]
mod thread {
    use std::io;
    use std::thread::{Builder, JoinHandle, available_parallelism};

    pub(super) struct Thread(JoinHandle<()>);

    impl Thread {
        pub(super) fn start(worker: usize, work: impl FnOnce() + Send + 'static) -> io::Result<Thread> {
            Builder::new().name(format!("impasto-cpu-{worker}")).spawn(work).map(Thread)
        }

        pub(super) fn join(self) {
            let _ = self.0.join();
        }
    }

    pub(super) fn is_processor_for_each(threads: usize) -> bool {
        available_parallelism().is_ok_and(|processors| processors.get() >= threads)
    }
}

/// Threads that the page lends, which has counted the processors.
#[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
mod thread {
    pub(super) struct Thread(crate::lent::Thread);

    impl Thread {
        pub(super) fn start(_worker: usize, work: impl FnOnce() + Send + 'static) -> std::io::Result<Thread> {
            crate::lent::Thread::start(work).map(Thread)
        }

        pub(super) fn join(self) {
            self.0.join();
        }
    }

    pub(super) fn is_processor_for_each(_threads: usize) -> bool {
        true
    }
}

/// Linux may wake a thread on the processor of the one that wakes it, though others are idle. There the two take turns, for a whole
/// frame: of light at 512x288, two threads then took 9 to 12 ms instead of 5.
#[cfg(all(target_os = "linux", not(miri)))]
mod processor {
    use rustix::thread::{sched_getaffinity, sched_getcpu, sched_setaffinity};

    /// The calling thread's.
    pub(super) fn current() -> usize {
        sched_getcpu()
    }

    /// Moves the calling thread if it runs there and may run elsewhere. It may come back.
    pub(super) fn leave(processor: usize) {
        if sched_getcpu() != processor {
            return;
        }
        let Ok(allowed) = sched_getaffinity(None) else { return };
        let mut others = allowed;
        others.unset(processor);
        // Refused, it stays where it is, which is only slower.
        if others.count() > 0 && sched_setaffinity(None, &others).is_ok() {
            let _ = sched_setaffinity(None, &allowed);
        }
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod processor {
    pub(super) fn current() -> usize {
        0
    }

    pub(super) fn leave(_processor: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_gives_each_job_once_from_both_ends() {
        let share = Share(AtomicU64::new(0));
        assert_eq!((share.first(), share.last()), (None, None));
        share.fill(3..6);
        assert_eq!([share.first(), share.last(), share.first()], [Some(3), Some(5), Some(4)]);
        assert_eq!((share.first(), share.last()), (None, None));
    }

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

    /// Rounds so short that workers come late to most of them, and some while others end.
    #[test]
    fn no_job_is_lost_or_done_twice_by_workers_that_come_late() {
        let mut pool = Pool::new(4);
        let count: Vec<AtomicUsize> = (0..4).map(|_| AtomicUsize::new(0)).collect();
        for round in 1..=if cfg!(miri) { 20 } else { 5000 } {
            pool.run(count.len(), &|job, _| _ = count[job].fetch_add(1, Relaxed));
            assert!(count.iter().all(|n| n.load(Relaxed) == round));
        }
    }

    /// On WebAssembly a panic ends the program, and nothing reaches anybody.
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
