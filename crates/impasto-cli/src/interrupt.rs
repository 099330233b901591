//! Ctrl-C: the file being written is finished, then the program ends. A second Ctrl-C does not wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{process, thread};

/// What a shell expects of a program that SIGINT ended.
const EXIT_CODE: i32 = 130;

/// Held while something is written.
static WRITING: Mutex<()> = Mutex::new(());
static ASKED: AtomicBool = AtomicBool::new(false);

/// Keep this while a file is written: Ctrl-C then waits, so that no half of a file stays.
pub fn hold() -> MutexGuard<'static, ()> {
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether Ctrl-C was pressed. Whoever keeps [`hold`] for long looks here, tidies up, and then [`leave`]s.
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// Ends the program as Ctrl-C does.
pub fn leave() -> ! {
    process::exit(EXIT_CODE)
}

/// The same as a flag, for work on other threads.
pub fn flag() -> &'static AtomicBool {
    &ASKED
}

/// Listens for Ctrl-C (SIGINT), SIGTERM and SIGHUP.
pub fn install() {
    let handler = || {
        if ASKED.swap(true, Ordering::SeqCst) {
            process::exit(EXIT_CODE);
        }
        thread::spawn(|| {
            let _written = hold();
            process::exit(EXIT_CODE);
        });
    };
    // Where no handler can be installed, Ctrl-C ends the program at once, as it always did.
    let _ = ctrlc::set_handler(handler);
}
