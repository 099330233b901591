//! A low priority for the thread that learns, and for those that it starts.

/// Gives this thread, and threads that it starts from now on, a low priority: it takes what painting leaves, and where both want a core the scheduler
/// gives painting nine parts of ten. At 19 it would get nothing on a busy machine. On Linux alone: elsewhere priorities stay as they are.
#[cfg(target_os = "linux")]
pub(super) fn lower() {
    const NICE: i32 = 10;
    // On Linux the number 0 means the calling thread. A sandbox may forbid it; then the thread learns at the usual priority.
    let _ = rustix::process::setpriority_process(None, NICE);
}

/// Nothing is done here.
#[cfg(not(target_os = "linux"))]
pub(super) fn lower() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::process::getpriority_process;

    #[test]
    fn threads_of_the_thread_are_lowered_and_others_are_not() {
        let before = getpriority_process(None).unwrap();
        let below = std::thread::spawn(|| {
            lower();
            let own = getpriority_process(None).unwrap();
            (own, std::thread::spawn(|| getpriority_process(None).unwrap()).join().unwrap())
        });
        assert_eq!(below.join().unwrap(), (10, 10));
        assert_eq!(getpriority_process(None).unwrap(), before);
    }
}
