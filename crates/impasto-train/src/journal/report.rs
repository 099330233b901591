//! The report: one HTML file that needs nothing else.

use super::chart::{Series, chart};
use super::entry::{Entry, Figures};
use crate::learner::LOSSES;
use crate::progress::Steps;
use std::fmt::Write;

/// At most this many sheets are inside.
const SHEETS: usize = 8;

const STYLE: &str = "
:root{--back:#fbfaf7;--ink:#222;--pale:#8a8578;--line:#e4e0d6;--one:#b4552d;--two:#2d6f8f;--bad:#fff0d8}
@media(prefers-color-scheme:dark){:root{--back:#1b1a18;--ink:#e8e4da;--pale:#9a9488;--line:#37342f;--one:#e58a5c;--two:#6fb3d2;--bad:#4a3a1c}}
body{background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem}
h1{font-size:1.5rem;margin:0}p{margin:.4rem 0}.pale{color:var(--pale)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(20rem,1fr));gap:1rem;margin:1.5rem 0}
figure{margin:0}figcaption{font-weight:600}svg{width:100%;height:auto;display:block}
svg path{fill:none;stroke-width:1.6;stroke-linejoin:round}.grid{stroke:var(--line);stroke-width:1}.dot{stroke-width:5;stroke-linecap:round}
.train{stroke:var(--one)}.held{stroke:var(--two)}b.train{color:var(--one)}b.held{color:var(--two)}
svg text{fill:var(--pale);font-size:11px}text.y{text-anchor:end}text.x{text-anchor:middle}text.last{text-anchor:end}
.bad{background:var(--bad);border-radius:.4rem;padding:.5rem .8rem}img{width:100%;height:auto;display:block;border-radius:.3rem}";

/// The page. `sheet` gives the JPEG of a step's sheet, if it is still there.
pub(super) fn page(title: &str, entries: &[Entry], sheet: &dyn Fn(u64) -> Option<Vec<u8>>) -> String {
    let steps: Vec<&Steps> =
        entries.iter().filter_map(|e| if let Entry::Steps(s) = e { Some(s) } else { None }).collect();
    let figures: Vec<&Figures> =
        entries.iter().filter_map(|e| if let Entry::Validated(f) = e { Some(f) } else { None }).collect();
    let done = steps.last().is_some_and(|s| s.step == s.steps);
    // A run under way asks to be looked at again.
    let again = if done { "" } else { "<meta http-equiv=\"refresh\" content=\"30\">" };
    let title = escaped(title);
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">{again}\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1>"
    );
    page += &state(entries, &steps);
    page += &warnings(entries);
    page += &charts(&steps, &figures);
    page += &sheets(&figures, sheet);
    page + "</html>\n"
}

fn state(entries: &[Entry], steps: &[&Steps]) -> String {
    let mut text = String::new();
    if let Some(s) = steps.last() {
        let left = if s.step == s.steps {
            "done".into()
        } else {
            format!("{:.0} min left", s.remaining_secs / 60.0)
        };
        let _ =
            write!(text, "<p>Step {} of {}, {left}; {:.1} samples/s.", s.step, s.steps, s.samples_per_second);
        let [photos, paintings] = s.broken;
        if photos + paintings > 0 {
            let _ =
                write!(text, " Left out, as they cannot be read: {photos} photos, {paintings} paintings.");
        }
        text += "</p>";
    }
    for entry in entries {
        if let Entry::Started { step, pictures: [photos, paintings], device, .. } = entry {
            let how = if *step == 0 { "Begun".into() } else { format!("Gone on after step {step}") };
            let device = escaped(device);
            let _ = write!(
                text,
                "<p class=\"pale\">{how}: {photos} photos, {paintings} paintings, computed in {device}.</p>"
            );
        }
    }
    text
}

fn warnings(entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        if let Entry::Warning { step, message } = entry {
            let _ = write!(text, "<p class=\"bad\">Step {step}: {}</p>", escaped(message));
        }
    }
    text
}

fn charts(steps: &[&Steps], figures: &[&Figures]) -> String {
    let last = steps.iter().map(|s| s.steps).chain(figures.iter().map(|f| f.step)).max().unwrap_or(1);
    let train = |value: &dyn Fn(&Steps) -> f64| Series {
        class: "train",
        points: steps.iter().map(|s| (s.step, value(s))).collect(),
    };
    // A loss that is not asked for is exactly 0, and no point.
    let held = |value: fn(&Figures) -> f32| Series {
        class: "held",
        points: figures.iter().map(|f| (f.step, f64::from(value(f)))).collect(),
    };
    let number = |value: fn(&Steps) -> f64| vec![train(&value)];
    let mut all: Vec<(&str, Vec<Series>)> = LOSSES
        .iter()
        .map(|loss| {
            let mut series = vec![train(&|s| match (loss.value)(&s.report) {
                0.0 => f64::NAN,
                value => f64::from(value),
            })];
            // Validations measure three of them on held-out pairs.
            series.extend(match loss.name {
                "style" => Some(held(|f| f.style)),
                "content" => Some(held(|f| f.content)),
                "ssim" => Some(held(|f| 1.0 - f.ssim)),
                _ => None,
            });
            (loss.title, series)
        })
        .collect();
    all.extend([
        ("Flicker under noise, of 255", vec![held(|f| f.flicker)]),
        ("Length of the gradient", number(|s| f64::from(s.report.gradient_norm))),
        ("Weight of the style loss", number(|s| f64::from(s.style_weight))),
        ("Rate", number(|s| f64::from(s.rate))),
        ("Samples per second", number(|s| s.samples_per_second)),
    ]);
    let drawn: String = all.iter().map(|(title, series)| chart(title, series, last)).collect();
    format!(
        "<p><b class=\"train\">training</b>, means between records; <b class=\"held\">held-out pairs</b></p><div class=\"charts\">{drawn}</div>"
    )
}

/// The newest sheet, and some earlier ones evenly spread.
fn sheets(figures: &[&Figures], sheet: &dyn Fn(u64) -> Option<Vec<u8>>) -> String {
    let mut text = String::new();
    let count = figures.len();
    let shown = (0..count.min(SHEETS)).map(|i| count - 1 - i * count / count.min(SHEETS));
    for figures in shown.map(|at| figures[at]) {
        let Some(jpeg) = sheet(figures.step) else { continue };
        let _ = write!(
            text,
            "<h2>Step {}</h2><p class=\"pale\">photo, painting, pastiche; content {:.3}, style {:.3}, SSIM {:.3}, flicker {:.2}</p>\
             <img loading=\"lazy\" alt=\"held-out pairs after step {}\" src=\"data:image/jpeg;base64,{}\">",
            figures.step,
            figures.content,
            figures.style,
            figures.ssim,
            figures.flicker,
            figures.step,
            base64(&jpeg)
        );
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, i| bits << 8 | u32::from(*three.get(i).unwrap_or(&0)));
        for i in 0..4 {
            let sign = SIGNS[(bits >> (18 - 6 * i)) as usize & 63];
            text.push(if i <= three.len() { char::from(sign) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, coded) in cases {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn words_from_outside_stay_words() {
        let entry = Entry::Warning { step: 3, message: "<script>".into() };
        let page = page("a & b", &[entry], &|_| None);
        assert!(page.contains("&lt;script&gt;") && page.contains("a &amp; b") && !page.contains("<script>"));
    }
}
