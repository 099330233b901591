//! A model and an engine.

use crate::error::{Fault, ImpastoCode, give, guarded, reference, text, writable};
use crate::picture::{ImpastoPicture, pair};
use crate::style::ImpastoStyle;
use impasto::{Dials, EngineChoice, Stylizer, files};
use std::ffi::{CString, c_char};

/// A model and an engine: takes styles from paintings, and paints.
pub struct ImpastoStylizer {
    pub(crate) inner: Stylizer,
    engine: CString,
}

/// Settings of a painting besides the style; `impasto_dials()` gives the usual ones.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ImpastoDials {
    /// 0..1: how much of the style; usually 1.
    pub strength: f32,
    /// 0..1: how much of the photo's colours; usually 0.
    pub keep_color: f32,
    /// 0..1: how calm a session keeps the painting from frame to frame; usually 0.6. `impasto_paint` does not heed it.
    pub steady: f32,
    /// 0..2: how strong strokes are on flat ground; usually 1.
    pub strokes: f32,
    /// Seed of the noise field, which places the strokes; usually 0.
    pub seed: u32,
}

impl ImpastoDials {
    fn dials(self) -> Result<Dials, Fault> {
        let ImpastoDials { strength, keep_color, steady, strokes, seed } = self;
        let dials = Dials { strength, keep_color, steady, strokes, seed };
        dials.check()?;
        Ok(dials)
    }
}

/// The usual dials.
#[unsafe(no_mangle)]
pub extern "C" fn impasto_dials() -> ImpastoDials {
    let Dials { strength, keep_color, steady: _, strokes, seed } = Dials::default();
    ImpastoDials { strength, keep_color, steady: impasto::steady::DEFAULT, strokes, seed }
}

/// The dials behind a pointer; NULL means the usual ones.
///
/// # Safety
/// A pointer that is not NULL must point to dials.
pub(crate) unsafe fn dials(dials: *const ImpastoDials) -> Result<Dials, Fault> {
    // SAFETY: the caller promises it.
    unsafe { dials.as_ref() }.copied().unwrap_or_else(|| impasto_dials()).dials()
}

/// Makes a stylizer. `model` is "light", which is inside, or the path of a model file; NULL means "light". `engine` is "auto", "cpu",
/// "gpu" or "reference"; NULL means "auto". `threads` of the CPU engine; 0 is one a core.
///
/// # Safety
/// `model` and `engine` are NULL or end with a zero; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn impasto_stylizer_new(
    model: *const c_char,
    engine: *const c_char,
    threads: u32,
    out: *mut *mut ImpastoStylizer,
) -> ImpastoCode {
    guarded(|| {
        writable(out)?;
        let word = |word: *const c_char, name, usual| {
            if word.is_null() {
                return Ok(usual);
            }
            // SAFETY: the caller promises that both words end with a zero.
            unsafe { text(word, name) }
        };
        let model = files::model(word(model, "model", "light")?)?;
        let choice = EngineChoice::from_word(word(engine, "engine", "auto")?)?;
        let inner = Stylizer::builder(model).engine(choice).threads(threads as usize).build()?;
        let engine = CString::new(inner.engine_name()).unwrap_or_default();
        // SAFETY: the caller promises it.
        unsafe { give(out, ImpastoStylizer { inner, engine }) };
        Ok(())
    })
}

/// Frees a stylizer. Styles and sessions made by it live on.
///
/// # Safety
/// `stylizer` is NULL, or came from `impasto_stylizer_new` and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn impasto_stylizer_free(stylizer: *mut ImpastoStylizer) {
    if !stylizer.is_null() {
        // SAFETY: the caller promises that it came from a `Box` and is freed once.
        drop(unsafe { Box::from_raw(stylizer) });
    }
}

/// The name of the engine, with its instruction set or adapter; NULL for NULL. It lives as long as the stylizer.
///
/// # Safety
/// `stylizer` is NULL or a live stylizer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn impasto_stylizer_engine(stylizer: *const ImpastoStylizer) -> *const c_char {
    // SAFETY: the caller promises it.
    unsafe { stylizer.as_ref() }.map_or(std::ptr::null(), |stylizer| stylizer.engine.as_ptr())
}

/// Paints `photo` into `painted`, which has its size and may be the same memory. `dials` may be NULL. For the frames of a film or
/// camera use a session, which is faster and steadier.
///
/// # Safety
/// Pointers are NULL or point to live things; the memory of both pictures is as large as their numbers say, and nobody else
/// uses that of `painted` meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn impasto_paint(
    stylizer: *const ImpastoStylizer,
    style: *const ImpastoStyle,
    dials: *const ImpastoDials,
    photo: *const ImpastoPicture,
    painted: *const ImpastoPicture,
) -> ImpastoCode {
    guarded(|| {
        // SAFETY: the caller promises all of them.
        unsafe {
            let stylizer = reference(stylizer, "stylizer")?;
            let style = reference(style, "style")?;
            let (photo, painted) = pair(reference(photo, "photo")?, reference(painted, "painted")?)?;
            let dials = self::dials(dials)?;
            let image = stylizer.inner.paint(&photo.to_image(), &style.inner, &dials)?;
            painted.write(&image, &photo);
        }
        Ok(())
    })
}
