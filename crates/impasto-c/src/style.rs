//! Styles.

use crate::error::{Fault, ImpastoCode, give, guarded, null, reference, text, writable};
use crate::picture::ImpastoPicture;
use crate::stylizer::ImpastoStylizer;
use impasto::{Provenance, Style, builtin};
use std::ffi::{CString, c_char};
use std::sync::LazyLock;

/// The style of a painting.
pub struct ImpastoStyle {
    pub(crate) inner: Style,
}

static NAMES: LazyLock<Vec<CString>> = LazyLock::new(|| {
    let name = |style: Provenance| CString::new(style.name).expect("names hold no zero");
    builtin::names().into_iter().map(name).collect()
});

/// Number of styles that are inside.
#[unsafe(no_mangle)]
pub extern "C" fn impasto_builtin_count() -> usize {
    NAMES.len()
}

/// The name of the built-in style at `index`, in the order in which they are shown; NULL beyond the last. It lives as long as the
/// program.
#[unsafe(no_mangle)]
pub extern "C" fn impasto_builtin_name(index: usize) -> *const c_char {
    NAMES.get(index).map_or(std::ptr::null(), |name| name.as_ptr())
}

/// The style that `word` means: a built-in name, or the path of a `.style` file or of a painting (in UTF-8). A painting is brought to
/// `style_px` on its shorter side; fewer px give finer strokes, 0 keeps its size, 512 is usual.
///
/// # Safety
/// `stylizer` is NULL or live, `word` is NULL or ends with a zero, `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn impasto_style_read(
    stylizer: *const ImpastoStylizer,
    word: *const c_char,
    style_px: u32,
    out: *mut *mut ImpastoStyle,
) -> ImpastoCode {
    guarded(|| {
        writable(out)?;
        // SAFETY: the caller promises both.
        let (stylizer, word) = unsafe { (reference(stylizer, "stylizer")?, text(word, "word")?) };
        let inner = stylizer.inner.style(word, style_px as usize)?;
        // SAFETY: the caller promises it.
        unsafe { give(out, ImpastoStyle { inner }) };
        Ok(())
    })
}

/// Takes the style of a painting. `style_px` is that of `impasto_style_read`. Do it once for each painting, not for each frame.
///
/// # Safety
/// Pointers are NULL or point to live things; the painting's memory is as large as its numbers say; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn impasto_style_encode(
    stylizer: *const ImpastoStylizer,
    painting: *const ImpastoPicture,
    style_px: u32,
    out: *mut *mut ImpastoStyle,
) -> ImpastoCode {
    guarded(|| {
        writable(out)?;
        // SAFETY: the caller promises all of them.
        let (stylizer, image) = unsafe {
            let painting = reference(painting, "painting")?.checked("painting")?;
            (reference(stylizer, "stylizer")?, painting.to_image())
        };
        let provenance = Provenance { name: "style".into(), source: "a picture in memory".into() };
        let inner = stylizer.inner.style_of(&image, provenance, style_px as usize)?;
        // SAFETY: the caller promises it.
        unsafe { give(out, ImpastoStyle { inner }) };
        Ok(())
    })
}

/// Mixes `count` styles of one model by their weights, which need not add up to 1.
///
/// # Safety
/// `styles` and `weights` are NULL or point to `count` of them, each style NULL or live; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn impasto_style_mix(
    styles: *const *const ImpastoStyle,
    weights: *const f32,
    count: usize,
    out: *mut *mut ImpastoStyle,
) -> ImpastoCode {
    guarded(|| {
        writable(out)?;
        if styles.is_null() || weights.is_null() {
            return Err(null(if styles.is_null() { "styles" } else { "weights" }));
        }
        if count > isize::MAX as usize / size_of::<usize>() {
            return Err(Fault::new(
                ImpastoCode::Argument,
                format!("{count} styles are too many; pass their true number"),
            ));
        }
        // SAFETY: the caller promises both, and their size was checked.
        let (styles, weights) = unsafe {
            (std::slice::from_raw_parts(styles, count), std::slice::from_raw_parts(weights, count))
        };
        // SAFETY: the caller promises each.
        let part = |(style, weight): (&*const ImpastoStyle, &f32)| unsafe {
            Ok((&reference(*style, "a style of the mix")?.inner, *weight))
        };
        let parts = styles.iter().zip(weights).map(part).collect::<Result<Vec<_>, Fault>>()?;
        let inner = Style::mix(&parts)?;
        // SAFETY: the caller promises it.
        unsafe { give(out, ImpastoStyle { inner }) };
        Ok(())
    })
}

/// Frees a style.
///
/// # Safety
/// `style` is NULL, or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn impasto_style_free(style: *mut ImpastoStyle) {
    if !style.is_null() {
        // SAFETY: the caller promises that it came from a `Box` and is freed once.
        drop(unsafe { Box::from_raw(style) });
    }
}
