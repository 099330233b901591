//! What results are called: PHOTO in STYLE is PHOTO-STYLE, with the photo's ending where that can be written.

use impasto_media::still::OutputFormat;
use std::path::{Path, PathBuf};

/// The name of `photo` (a path or a name) painted in `style`, in the photo's own folder.
pub fn result_of(photo: &Path, style: &str) -> PathBuf {
    let stem = photo.file_stem().unwrap_or_default().to_string_lossy();
    let ending = match OutputFormat::of(photo) {
        Ok(_) => photo.extension().unwrap_or_default().to_string_lossy().into_owned(),
        Err(_) => "png".into(),
    };
    photo.with_file_name(format!("{stem}-{}.{ending}", plain(style)))
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
            ("a.jpg", "wave", "a-wave.jpg"),
            ("dir/b.c.PNG", "wave+mosaic", "dir/b.c-wave+mosaic.PNG"),
            ("old.gif", "wave", "old-wave.png"),
            ("none", "the wave / 2", "none-the_wave___2.png"),
        ];
        for (photo, style, expected) in cases {
            assert_eq!(result_of(Path::new(photo), style), Path::new(expected));
        }
    }
}
