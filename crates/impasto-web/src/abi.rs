//! The page for JavaScript: seven functions over bytes, without generated glue.
//!
//! The caller writes a request's JSON and its bytes into memory from [`impasto_alloc`], calls [`impasto_answer`], and
//! reads JSON and bytes of the answer where [`impasto_reply`] says. All calls but [`impasto_lend`] come from one thread.
#![expect(unsafe_code, reason = "this is the border: JavaScript hands in addresses")]

use crate::{Page, Reply, Request, WebError};
use serde_json::json;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[link(wasm_import_module = "impasto")]
unsafe extern "C" {
    /// The panic's words, before the program ends with a trap.
    fn panicked(text: *const u8, length: usize);
}

struct Border {
    page: Page,
    json: Vec<u8>,
    bytes: Vec<u8>,
}

static BORDER: Mutex<Option<Border>> = Mutex::new(None);

fn border() -> MutexGuard<'static, Option<Border>> {
    BORDER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Memory for a request, `length` bytes; [`impasto_answer`] frees it.
#[unsafe(no_mangle)]
extern "C" fn impasto_alloc(length: usize) -> *mut u8 {
    Box::into_raw(vec![0_u8; length].into_boxed_slice()).cast()
}

/// # Safety
/// Memory must come from [`impasto_alloc`] with that length, and be used no more.
unsafe fn taken(start: *mut u8, length: usize) -> Vec<u8> {
    // SAFETY: as the caller says, it is a boxed slice of that length.
    unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(start, length)) }.into_vec()
}

/// Answers a request; 0, or 1 where the JSON is `{"error": …}`.
///
/// # Safety
/// Both pieces of memory must come from [`impasto_alloc`] with these lengths; they are freed here.
#[unsafe(no_mangle)]
unsafe extern "C" fn impasto_answer(json: *mut u8, json_length: usize, bytes: *mut u8, length: usize) -> u32 {
    // SAFETY: as the caller says.
    let (json, bytes) = unsafe { (taken(json, json_length), taken(bytes, length)) };
    let mut border = border();
    let Border { page, json: reply, bytes: reply_bytes } = border.get_or_insert_with(|| {
        std::panic::set_hook(Box::new(|panic| {
            let text = panic.to_string();
            // SAFETY: the text lives while the host reads it.
            unsafe { panicked(text.as_ptr(), text.len()) };
        }));
        Border { page: Page::default(), json: vec![], bytes: vec![] }
    });
    let answer = Request::read(&json).and_then(|request| page.answer(request, &bytes));
    let failed = answer.is_err();
    let error = |why: WebError| Reply::from(json!({ "error": why.to_string() }));
    let Reply { json, bytes } = answer.unwrap_or_else(error);
    (*reply, *reply_bytes) = (json.to_string().into_bytes(), bytes);
    failed.into()
}

/// Address or length of the answer: 0 and 1 of the JSON, 2 and 3 of the bytes. They hold until the next request.
#[unsafe(no_mangle)]
extern "C" fn impasto_reply(part: u32) -> usize {
    let border = border();
    let Some(border) = border.as_ref() else { return 0 };
    match part {
        0 => border.json.as_ptr() as usize,
        1 => border.json.len(),
        2 => border.bytes.as_ptr() as usize,
        3 => border.bytes.len(),
        _ => 0,
    }
}

/// Lends the calling worker to the engine as a thread; never returns.
#[unsafe(no_mangle)]
extern "C" fn impasto_lend() {
    impasto_cpu::lent::lend()
}

/// Lent threads that are free.
#[unsafe(no_mangle)]
extern "C" fn impasto_lent() -> usize {
    impasto_cpu::lent::free()
}
