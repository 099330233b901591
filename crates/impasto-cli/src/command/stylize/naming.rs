//! What results are called: PHOTO in STYLE is PHOTO-STYLE, with the photo's ending where that can be written.

use impasto_media::still::OutputFormat;
use std::path::{Path, PathBuf};

/// The longest name of a file, in bytes, on most file systems.
const MOST_BYTES: usize = 255;

/// The name of `photo` (a path or a name) painted in `style`, in the photo's own folder. A photo whose ending cannot be
/// kept has it in its name where `whole` is set, so that `logo.gif` and `logo.png` stay apart.
pub fn result_of(photo: &Path, style: &str, whole: bool) -> PathBuf {
    let mut stem = photo.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let ending = photo.extension().unwrap_or_default().to_string_lossy().into_owned();
    let kept = OutputFormat::of(photo).is_ok();
    if whole && !kept && !ending.is_empty() {
        stem = format!("{stem}-{ending}");
    }
    let ending = if kept { ending } else { "png".into() };
    photo.with_file_name(fitted(&stem, &format!("-{}", plain(style)), &ending))
}

/// The name of what compares photo and result.
pub fn comparison_of(result: &Path, ending: Option<&str>) -> PathBuf {
    let own = result.extension().unwrap_or_default().to_string_lossy();
    beside(result, "-compare", ending.unwrap_or(&own))
}

/// `STEM TAIL.ENDING` beside a file, cut where it would be too long.
pub fn beside(file: &Path, tail: &str, ending: &str) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    file.with_file_name(fitted(&stem, tail, ending))
}

/// `STEM TAIL.ENDING` in at most [`MOST_BYTES`]: a stem that is too long is cut, and gets a number of its own.
fn fitted(stem: &str, tail: &str, ending: &str) -> String {
    let name = format!("{stem}{tail}.{ending}");
    if name.len() <= MOST_BYTES {
        return name;
    }
    // FNV-1a of the whole name, so that two long ones that begin alike stay apart.
    let hash = name.bytes().fold(0x811c_9dc5u32, |hash, b| (hash ^ u32::from(b)).wrapping_mul(0x0100_0193));
    let tail = format!("~{hash:08x}{}.{ending}", shortened(tail, 100));
    format!("{}{tail}", shortened(stem, MOST_BYTES.saturating_sub(tail.len())))
}

/// The first characters, in at most so many bytes.
fn shortened(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    &text[..end]
}

/// Whether `tail`, the end of a result's name, names one of `styles` or a mix of them.
pub fn is_mix_of(tail: &str, styles: &[String]) -> bool {
    let is_style = |part: &str| styles.iter().any(|style| plain(style) == part);
    !tail.is_empty() && tail.split('+').all(is_style)
}

/// The name without what file systems or shells take amiss.
fn plain(name: &str) -> String {
    let fits = |c: char| c.is_alphanumeric() || "-_+.,".contains(c);
    name.chars().map(|c| if fits(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_stays_where_it_can_be_written() {
        let cases = [
            ("a.jpg", "wave", false, "a-wave.jpg"),
            ("dir/b.c.PNG", "wave+mosaic", false, "dir/b.c-wave+mosaic.PNG"),
            ("old.gif", "wave", false, "old-wave.png"),
            ("old.gif", "wave", true, "old-gif-wave.png"),
            ("old.png", "wave", true, "old-wave.png"),
            ("none", "the wave / 2", false, "none-the_wave___2.png"),
        ];
        for (photo, style, whole, expected) in cases {
            assert_eq!(result_of(Path::new(photo), style, whole), Path::new(expected));
        }
        assert_eq!(comparison_of(Path::new("d/a-wave.jpg"), None), Path::new("d/a-wave-compare.jpg"));
        assert_eq!(comparison_of(Path::new("a-wave.jpg"), Some("html")), Path::new("a-wave-compare.html"));
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let name = |end: &str| format!("{}{end}.png", "\u{e9}".repeat(120));
        let of = |end: &str| result_of(Path::new(&name(end)), "starry-night", false);
        let (a, b) = (of("0123456"), of("0123457"));
        assert_ne!(a, b);
        for result in [a, b, result_of(Path::new(&"x".repeat(255)), &"y".repeat(300), false)] {
            let shown = result.to_string_lossy().into_owned();
            assert!(shown.len() <= 255 && shown.ends_with(".png"), "{shown}");
        }
    }

    #[test]
    fn ends_of_names_are_styles_or_not() {
        let styles = ["waves".to_string(), "kiss".into(), "my style".into()];
        for tail in ["waves", "waves+kiss", "my_style"] {
            assert!(is_mix_of(tail, &styles), "{tail}");
        }
        for tail in ["", "1", "waves-2", "waves+", "wave"] {
            assert!(!is_mix_of(tail, &styles), "{tail}");
        }
    }
}
