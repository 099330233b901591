//! The lowest priority for the thread that learns, and for those that it starts.

/// Gives this thread, and threads that it starts from now on, what others leave. On Linux alone: elsewhere priorities stay as they are.
#[cfg(target_os = "linux")]
pub(super) fn lower() {
    const LOWEST: i32 = 19;
    // On Linux the number 0 means the calling thread. A sandbox may forbid it; then the thread learns at the usual priority.
    let _ = rustix::process::setpriority_process(None, LOWEST);
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
        assert_eq!(below.join().unwrap(), (19, 19));
        assert_eq!(getpriority_process(None).unwrap(), before);
    }
}
