//! Codes, and the words of the last error of each thread.

use std::cell::RefCell;
use std::error::Error;
use std::ffi::{CStr, CString, c_char};
use std::panic::{self, AssertUnwindSafe};

/// The outcome of a call.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImpastoCode {
    /// Done.
    Ok = 0,
    /// A pointer is NULL where something must be.
    Null = 1,
    /// A size, stride, format, dial or word that cannot be meant.
    Argument = 2,
    /// No such style, a damaged one, or one of another model.
    Style = 3,
    /// A file that cannot be read.
    File = 4,
    /// The engine cannot paint: no memory, no such device.
    Engine = 5,
    /// A fault in Impasto itself; please report it with the words of `impasto_error`.
    Bug = 6,
}

/// A code with its words.
pub struct Fault {
    code: ImpastoCode,
    words: String,
}

impl Fault {
    pub fn new(code: ImpastoCode, words: impl Into<String>) -> Self {
        Self { code, words: words.into() }
    }

    /// The words of an error and of its causes, each said once.
    pub fn of(code: ImpastoCode, error: &dyn Error) -> Self {
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let more = error.to_string();
            if !words.contains(&more) {
                words = format!("{words}: {more}");
            }
            cause = error.source();
        }
        Self { code, words }
    }
}

impl From<impasto::PaintError> for Fault {
    fn from(error: impasto::PaintError) -> Self {
        use impasto::PaintError as E;
        let code = match &error {
            E::Style(_) => ImpastoCode::Style,
            E::Dial { .. } | E::Word { .. } | E::MaskSize { .. } | E::NoRegion => ImpastoCode::Argument,
            _ => ImpastoCode::Engine,
        };
        Fault::of(code, &error)
    }
}

impl From<impasto::files::FileError> for Fault {
    fn from(error: impasto::files::FileError) -> Self {
        use impasto::files::FileError as E;
        let code = match &error {
            E::NoStyle { .. } | E::Folder(_) | E::TooLarge { .. } | E::Style { .. } => ImpastoCode::Style,
            E::StyleSize { .. } => ImpastoCode::Argument,
            E::Encode { .. } => ImpastoCode::Engine,
            _ => ImpastoCode::File,
        };
        Fault::of(code, &error)
    }
}

impl From<impasto::StyleError> for Fault {
    fn from(error: impasto::StyleError) -> Self {
        Fault::of(ImpastoCode::Style, &error)
    }
}

thread_local! {
    static WORDS: RefCell<CString> = RefCell::default();
}

/// The words of this thread's last error, in UTF-8; "" where there was none. They stay until the thread's next call that fails.
#[unsafe(no_mangle)]
pub extern "C" fn impasto_error() -> *const c_char {
    WORDS.with_borrow(|words| words.as_ptr())
}

/// Runs the body of a function: keeps the words of a fault, and of a panic, for [`impasto_error`].
pub fn guarded(body: impl FnOnce() -> Result<(), Fault>) -> ImpastoCode {
    let outcome = panic::catch_unwind(AssertUnwindSafe(body));
    let fault = match outcome {
        Ok(Ok(())) => return ImpastoCode::Ok,
        Ok(Err(fault)) => fault,
        Err(panic) => {
            let words =
                panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Fault::new(ImpastoCode::Bug, format!("a fault in Impasto: {}", words.unwrap_or("unknown")))
        }
    };
    let words = CString::new(fault.words.replace('\0', " ")).unwrap_or_default();
    WORDS.set(words);
    fault.code
}

/// The value behind a pointer, or a fault that names it.
///
/// # Safety
/// A pointer that is not NULL must point to a live value.
pub unsafe fn reference<'a, T>(pointer: *const T, name: &str) -> Result<&'a T, Fault> {
    // SAFETY: the caller promises it.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(name))
}

/// Puts a new value behind `out`, which must not be NULL.
///
/// # Safety
/// A pointer that is not NULL must be one to write to.
pub unsafe fn give<T>(out: *mut *mut T, value: T) {
    // SAFETY: the caller promises it.
    unsafe { out.write(Box::into_raw(Box::new(value))) }
}

/// Refuses an `out` that is NULL, before any work is done for it.
pub fn writable<T>(out: *mut *mut T) -> Result<(), Fault> {
    if out.is_null() { Err(null("out")) } else { Ok(()) }
}

/// The fault of a pointer that is NULL.
pub fn null(name: &str) -> Fault {
    Fault::new(ImpastoCode::Null, format!("`{name}` is NULL; pass a pointer to something"))
}

/// The text behind a pointer.
///
/// # Safety
/// A pointer that is not NULL must point to bytes that end with a zero.
pub unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str, Fault> {
    if pointer.is_null() {
        return Err(null(name));
    }
    // SAFETY: the caller promises it.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str()
        .map_err(|_| Fault::new(ImpastoCode::Argument, format!("`{name}` is not UTF-8; pass text in UTF-8")))
}
