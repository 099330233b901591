//! Films and cameras.

use crate::error::{ImpastoCode, give, guarded, reference, writable};
use crate::picture::{ImpastoPicture, pair};
use crate::style::ImpastoStyle;
use crate::stylizer::{ImpastoDials, ImpastoStylizer, dials};
use impasto::{Image, Session};
use std::sync::{Mutex, PoisonError};

/// Paints the frames of one film or camera, in their order, and holds the painting still from frame to frame.
pub struct ImpastoSession {
    inner: Mutex<Session>,
}

/// Begins a film or camera. The session keeps the model, so the stylizer may be freed.
///
/// # Safety
/// `stylizer` is NULL or live, `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn impasto_session_new(
    stylizer: *const ImpastoStylizer,
    out: *mut *mut ImpastoSession,
) -> ImpastoCode {
    guarded(|| {
        writable(out)?;
        // SAFETY: the caller promises it.
        let stylizer = unsafe { reference(stylizer, "stylizer")? };
        let inner = Mutex::new(stylizer.inner.session());
        // SAFETY: the caller promises it.
        unsafe { give(out, ImpastoSession { inner }) };
        Ok(())
    })
}

/// Paints the next frame into `painted`, which has its size and may be the same memory. `dials` may be NULL. Style, dials and size
/// may change from frame to frame; a new size starts afresh.
///
/// # Safety
/// Pointers are NULL or point to live things; the memory of both pictures is as large as their numbers say, and nobody else
/// uses that of `painted` meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn impasto_session_paint(
    session: *const ImpastoSession,
    style: *const ImpastoStyle,
    dials: *const ImpastoDials,
    frame: *const ImpastoPicture,
    painted: *const ImpastoPicture,
) -> ImpastoCode {
    guarded(|| {
        // SAFETY: the caller promises all of them.
        unsafe {
            let session = reference(session, "session")?;
            let style = reference(style, "style")?;
            let (frame, painted) = pair(reference(frame, "frame")?, reference(painted, "painted")?)?;
            let dials = self::dials(dials)?;
            let mut image = Image::black(1, 1);
            let mut inner = session.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.paint(&frame.to_image(), &style.inner, &dials, &mut image)?;
            painted.write(&image, &frame);
        }
        Ok(())
    })
}

/// Forgets what was carried from earlier frames: for a cut that the session cannot see.
///
/// # Safety
/// `session` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn impasto_session_reset(session: *const ImpastoSession) -> ImpastoCode {
    guarded(|| {
        // SAFETY: the caller promises it.
        let session = unsafe { reference(session, "session")? };
        session.inner.lock().unwrap_or_else(PoisonError::into_inner).reset();
        Ok(())
    })
}

/// Frees a session.
///
/// # Safety
/// `session` is NULL, or came from `impasto_session_new` and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn impasto_session_free(session: *mut ImpastoSession) {
    if !session.is_null() {
        // SAFETY: the caller promises that it came from a `Box` and is freed once.
        drop(unsafe { Box::from_raw(session) });
    }
}
