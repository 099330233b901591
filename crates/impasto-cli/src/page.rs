//! Pages that stand alone: pictures are inside them, and nothing is fetched.

use impasto::Image;
use impasto_media::still::{self, OutputFormat, Still, WriteOptions};
use std::fmt::Write;

/// A picture of a page, its name, and the command that paints it at full size.
pub struct Shown {
    /// The picture.
    pub image: Image,
    /// Its name.
    pub label: String,
    /// A command to copy; none for the photo itself.
    pub command: Option<String>,
}

const SHEET: &str = include_str!("page/sheet.html");
const WATCHED: &str = include_str!("page/watched.html");
const SLIDER: &str = include_str!("page/slider.html");

/// A page with all pictures, each with its command.
pub fn sheet(title: &str, pictures: &[Shown]) -> anyhow::Result<String> {
    let mut figures = String::new();
    for Shown { image, label, command } in pictures {
        let (source, label) = (data_uri(image)?, escaped(label));
        write!(figures, "<figure><img src=\"{source}\" alt=\"{label}\"><figcaption><b>{label}</b>")?;
        if let Some(command) = command {
            write!(figures, "<code>{}</code><button>copy</button>", escaped(command))?;
        }
        figures += "</figcaption></figure>\n";
    }
    Ok(SHEET.replace("{title}", &escaped(title)).replace("{figures}", &figures))
}

/// A page about a run: a line of words, the figures so far as a curve, and pictures. While the run goes on, it reloads itself.
pub fn watched(
    title: &str,
    words: &str,
    figures: &[f32],
    pictures: &[Shown],
    goes_on: bool,
) -> anyhow::Result<String> {
    let mut shown = String::new();
    for Shown { image, label, .. } in pictures {
        let (source, label) = (data_uri(image)?, escaped(label));
        writeln!(
            shown,
            "<figure><img src=\"{source}\" alt=\"{label}\"><figcaption>{label}</figcaption></figure>"
        )?;
    }
    let refresh = if goes_on { "<meta http-equiv=\"refresh\" content=\"5\">\n" } else { "" };
    Ok(WATCHED
        .replace("{title}", &escaped(title))
        .replace("{words}", &escaped(words))
        .replace("{refresh}", refresh)
        .replace("{chart}", &chart(figures))
        .replace("{figures}", &shown))
}

/// A curve of values between 0 and the largest; nothing of fewer than two.
fn chart(values: &[f32]) -> String {
    if values.len() < 2 {
        return String::new();
    }
    let most = values.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let point = |(i, value): (usize, &f32)| {
        format!("{:.1},{:.1}", 600.0 * i as f32 / (values.len() - 1) as f32, 95.0 - 90.0 * value / most)
    };
    let points: Vec<_> = values.iter().enumerate().map(point).collect();
    format!(
        "<svg viewBox=\"0 0 600 100\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"style that is left, from {:.2} to {:.2}\"><polyline points=\"{}\"/></svg>\n",
        values[0],
        values[values.len() - 1],
        points.join(" ")
    )
}

/// A page that shows `after` over `before`, with a border to draw.
pub fn slider(title: &str, before: &Image, after: &Image) -> anyhow::Result<String> {
    Ok(SLIDER
        .replace("{title}", &escaped(title))
        .replace("{width}", &before.width().to_string())
        .replace("{before}", &data_uri(before)?)
        .replace("{after}", &data_uri(after)?))
}

fn data_uri(image: &Image) -> anyhow::Result<String> {
    let options = WriteOptions { quality: 88, ..WriteOptions::default() };
    let jpeg = still::encode(&Still::from_image(image.clone()), OutputFormat::Jpeg, options)?;
    Ok(format!("data:image/jpeg;base64,{}", base64(&jpeg)))
}

/// RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let word = three.iter().enumerate().fold(0u32, |word, (i, &b)| word | u32::from(b) << (16 - 8 * i));
        for i in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= three.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (text, expected) in cases {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }

    #[test]
    fn pages_hold_their_pictures_and_no_markup_of_names() {
        let shown = |label: &str| Shown {
            image: Image::black(8, 8),
            label: label.into(),
            command: Some("impasto stylize 'a<b>.jpg'".into()),
        };
        let page = sheet("a <b>", &[shown("waves"), shown("<i>")]).unwrap();
        assert_eq!(page.matches("data:image/jpeg;base64,/9j/").count(), 2);
        assert!(page.contains("&lt;i&gt;") && page.contains("a&lt;b&gt;.jpg") && !page.contains("<i>"));
        let slider = slider("x", &Image::black(8, 8), &Image::black(8, 8)).unwrap();
        assert!(!slider.contains("{before}") && !slider.contains("{title}"));
        assert_eq!(slider.matches("base64,").count(), 2);
        let watched = |goes_on| watched("a", "<b>", &[1.0, 0.5], &[shown("waves")], goes_on).unwrap();
        assert!(watched(true).contains("refresh") && !watched(false).contains("refresh"));
        assert!(
            watched(true).contains("points=\"0.0,5.0 600.0,50.0\"") && watched(true).contains("&lt;b&gt;")
        );
        for page in [page, slider] {
            assert!(!page.contains("http"), "nothing is fetched");
        }
    }
}
