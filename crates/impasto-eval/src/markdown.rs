//! Reports as tables to read.

use crate::config::shown_size;
use crate::figures::Metric;
use crate::figures::Values;
use crate::film::{ClipReport, FilmFigures};
use crate::limit::LimitReport;
use crate::report::{ModelReport, Report, RoundReport};
use std::fmt::Write;

/// Name of the candidate that targets are measured against.
const ADAIN: &str = "adain";

/// The whole page `docs/quality.md`: definitions, command and machine, the figures and the distance to the targets.
pub fn page(report: &Report, command: &str, machine: &str) -> String {
    let mut head =
        format!("Made by `{command}` on {machine}; engine `{}`, seed {}. ", report.engine, report.seed);
    head += &format!(
        "{} photos and {} paintings; pair `k` of `n` is number \
         `p = floor(k * {} / n)`: photo `p div {}`, painting `p mod {}`, both sorted by name, central parts; paintings are squares of \
         the photo's shorter side. The seed is that of the noise.\n\n",
        report.contents.len(),
        report.styles.len(),
        report.contents.len() * report.styles.len(),
        report.styles.len(),
        report.styles.len()
    );
    let mut page = format!("# Quality\n\n{}", wrapped(&head));
    page += &wrapped(&explanation());
    page += &figures(report);
    page += &targets(report);
    page
}

/// Longest line of prose, characters.
const LINE: usize = 120;

/// The text with lines broken between words; those of a list are indented.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let indent = if line.starts_with("* ") { "  " } else { "" };
        let mut width = 0;
        for word in line.split(' ') {
            let len = word.chars().count();
            if width > 0 && width + 1 + len > LINE {
                out += &format!("\n{indent}");
                width = indent.len();
            } else if width > 0 {
                out.push(' ');
                width += 1;
            }
            out += word;
            width += len;
        }
        out.push('\n');
    }
    out
}

/// The figures that are no [`Metric`].
const OTHERS: &str = "\
* **warp**: mean difference (of 255) between the pastiche of a moved view and the moved pastiche, for a pan by (5, 3) px, a zoom by \
3 % and a turn by 2 degrees. Lower is steadier.
* **identity**: PSNR in dB of a photo painted in its own style. Higher is better.
* **GMAC, ms, MiB**: billions of multiply-accumulates in convolutions, median time, and memory that painting added to the process \
(without the weights as loaded), for one frame with its style encoded; **params** are the painter's, in millions.
* **optimised**: no network, but the photo itself moved by 200 gradient steps down the balanced covariances of the VGG-19 and the content: \
the limit, minutes a picture.
* **still places** of films: mean change (of 255) from frame to frame where 9 x 9 px of the film change by less than 3. **warp error**: \
mean difference to the frame before, moved along with the camera, where that predicts the film within 6. **sharpness**: mean absolute \
Laplacian of luma, the price of holding still. **steady** is the dial of `impasto video`.
";

/// Definitions of all figures.
fn explanation() -> String {
    let one = |metric: &Metric| format!("* **{}**: {}\n", metric.label(), metric.about());
    Metric::ALL.iter().map(one).collect::<String>() + OTHERS + "\n"
}

/// Two tables a size, and one a film.
pub fn figures(report: &Report) -> String {
    let rounds = report.rounds.iter().map(round_tables);
    rounds.chain(report.clips.iter().map(clip_table)).collect()
}

fn round_tables(round: &RoundReport) -> String {
    let mut text = format!("## {} pairs at {}\n\n", round.pairs, shown_size(round.size()));
    text += &metrics_head();
    for result in &round.results {
        text += &metrics_row(&result.model, &result.figures.values);
    }
    let _ = writeln!(text, "\nThe paintings' own lattice: {:.3}.\n", round.painting_lattice);
    text += HEAD;
    for result in &round.results {
        text += &row(result);
    }
    text += "\n";
    if let Some(limit) = &round.limit {
        text += &limit_table(round, limit);
    }
    text
}

/// The limit beside every model, at the limit's pairs.
fn limit_table(round: &RoundReport, limit: &LimitReport) -> String {
    let size = shown_size(round.size());
    let mut text = format!("### Beside the limit: {} of these pairs at {size}\n\n", limit.pairs.len());
    text += &metrics_head();
    for result in &round.results {
        text += &metrics_row(&result.model, &limit.values_beside(&result.pairs));
    }
    text + &metrics_row(&limit.name, &limit.values()) + "\n"
}

/// A table's head for [`metrics_row`]s.
fn metrics_head() -> String {
    let labels: Vec<&str> = Metric::ALL.iter().map(|metric| metric.label()).collect();
    format!("| model | {} |\n|---{}|\n", labels.join(" | "), "|---".repeat(labels.len()))
}

/// Every metric of one model; a dash where it was not measured.
fn metrics_row(model: &str, values: &Values) -> String {
    let cell = |metric: &Metric| match values[*metric] {
        value if value.is_nan() => " - |".into(),
        value => format!(" {value:.*} |", metric.digits()),
    };
    format!("| {model} |{}\n", Metric::ALL.iter().map(cell).collect::<String>())
}

/// The two lines above `row`s.
pub const HEAD: &str = "\
| model | warp: pan, zoom, turn | identity | params | GMAC | ms | MiB |
|---|---|---|---|---|---|---|
";

/// One model's steadiness and cost.
fn row(ModelReport { model, figures: f, cost, parameters, .. }: &ModelReport) -> String {
    let [pan, zoom, turn] = f.warp;
    let memory = cost.added_bytes.map_or("-".into(), |b| format!("{:.0}", b as f64 / f64::from(1 << 20)));
    format!(
        "| {model} | {pan:.2}, {zoom:.2}, {turn:.2} | {:.1} | {:.3} | {:.2} | {:.1} | {memory} |\n",
        f.identity_db,
        *parameters as f64 / 1e6,
        cost.gmac,
        cost.frame_ms,
    )
}

fn clip_table(clip: &ClipReport) -> String {
    let mut text = format!(
        "## {}: {} frames of {}x{} px, in the styles {}\n\n",
        clip.clip,
        clip.frames,
        clip.width,
        clip.height,
        clip.styles.join(", ")
    );
    text += "| model | steady | still places | warp error | sharpness |\n|---|---|---|---|---|\n";
    text += &clip_row("the film itself", "", &clip.unpainted);
    for result in &clip.results {
        text += &clip_row(&result.model, &result.steady.to_string(), &result.figures);
    }
    text + "\n"
}

fn clip_row(model: &str, steady: &str, figures: &FilmFigures) -> String {
    let some = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.2}"));
    format!(
        "| {model} | {steady} | {} | {} | {:.1} |\n",
        some(figures.still),
        some(figures.warp),
        figures.sharpness
    )
}

/// A figure that ours should reach: its head, and its value and whether that is enough, from ours, AdaIN's and the paintings' own lattice.
type Target = (&'static str, fn(&Values, &Values, f64) -> (f64, bool));

const TARGETS: [Target; 6] = [
    ("texture left (at most 0.28)", |own, _, _| at_most(own[Metric::TextureLeft], 0.28)),
    ("Gram left (at most 0.25)", |own, _, _| at_most(own[Metric::GramLeft], 0.25)),
    ("transport left (at most 0.27)", |own, _, _| at_most(own[Metric::TransportLeft], 0.27)),
    ("structure / AdaIN's (at most 1)", |own, adain, _| {
        at_most(own[Metric::Structure] / adain[Metric::Structure], 1.0)
    }),
    ("lattice - the paintings' (at most 0.05)", |own, _, paintings| {
        at_most(own[Metric::Lattice] - paintings, 0.05)
    }),
    ("flicker / AdaIN's (at most 0.3)", |own, adain, _| {
        at_most(own[Metric::Flicker] / adain[Metric::Flicker], 0.3)
    }),
];

fn at_most(value: f64, target: f64) -> (f64, bool) {
    (value, value <= target)
}

/// Other people's networks, and the one that does nothing.
const BASELINES: [&str; 4] = [ADAIN, "microast", "distilled", "unpainted"];

/// Distance of each of our models to the targets, where AdaIN was judged too; else nothing.
pub fn targets(report: &Report) -> String {
    let mut text = String::new();
    for round in &report.rounds {
        let Some(adain) = round.find(ADAIN) else { continue };
        for result in round.results.iter().filter(|r| !BASELINES.contains(&r.model.as_str())) {
            let (own, adain) = (&result.figures.values, &adain.figures.values);
            let cell = |(_, of): &Target| {
                let (value, met) = of(own, adain, round.painting_lattice);
                format!(" {value:.3}{} |", if met { " met" } else { "" })
            };
            let cells: String = TARGETS.iter().map(cell).collect();
            let _ = writeln!(text, "| {} at {} |{cells}", result.model, shown_size(round.size()));
        }
    }
    if text.is_empty() {
        return text;
    }
    let heads = TARGETS.map(|(head, _)| head).join(" | ");
    format!(
        "## Distance to the targets\n\n| model | {heads} |\n|---{}|\n{text}\n",
        "|---".repeat(TARGETS.len())
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Cost;
    use crate::film::ClipFigures;
    use crate::report::{Figures, PairFigures};

    fn result(model: &str, content: f64, style: f64, ssim: f64, flicker: f64) -> ModelReport {
        let values = Values::from_fn(|metric| match metric {
            Metric::Content => content,
            Metric::Style => style,
            Metric::Ssim => ssim,
            Metric::Flicker => flicker,
            Metric::TextureLeft => 0.28,
            Metric::GramLeft => 0.25,
            Metric::TransportLeft => 0.27,
            Metric::Colours => 0.5,
            Metric::Structure => 0.6,
            Metric::Lattice => 0.1,
            Metric::PhaseVariance => 0.126,
        });
        ModelReport {
            model: model.into(),
            id: "0".into(),
            parameters: 250_000,
            figures: Figures { values, identity_db: 20.0, warp: [1.0, 2.0, 3.0] },
            cost: Cost { gmac: 1.5, frame_ms: 8.25, encode_ms: 1.0, added_bytes: Some(3 << 20) },
            pairs: vec![],
        }
    }

    fn report(results: Vec<ModelReport>) -> Report {
        let rounds = vec![RoundReport {
            width: 256,
            height: 256,
            pairs: 100,
            painting_lattice: 0.08,
            results,
            limit: None,
        }];
        Report {
            engine: "e".into(),
            seed: 3,
            contents: vec!["a".into()],
            styles: vec!["b".into()],
            rounds,
            clips: vec![],
        }
    }

    #[test]
    fn prose_is_wrapped_and_defines_every_figure() {
        let page = page(&report(vec![]), "impasto eval --model light", "a machine");
        let prose = page.lines().filter(|line| !line.starts_with('|'));
        assert!(prose.map(|line| line.chars().count()).all(|len| len <= LINE), "{page}");
        for metric in Metric::ALL {
            assert!(page.contains(&format!("\n* **{}**: ", metric.label())), "{}", metric.key());
        }
        assert_eq!(wrapped("* a b\n\nc"), "* a b\n\nc\n");
        let long = "word ".repeat(40);
        assert!(wrapped(&format!("* {long}")).lines().nth(1).unwrap().starts_with("  word"));
    }

    #[test]
    fn rows_show_every_figure() {
        let text = figures(&report(vec![result("light", 1.2344, 0.5, 0.25, 1.0)]));
        let row =
            "| light | 0.280 | 0.250 | 0.270 | 0.500 | 0.600 | 0.250 | 0.100 | 0.13 | 1.00 | 1.234 | 0.500 |";
        assert!(text.contains(row), "{text}");
        assert!(text.contains("| light | 1.00, 2.00, 3.00 | 20.0 | 0.250 | 1.50 | 8.2 | 3 |"), "{text}");
        assert!(text.contains("own lattice: 0.080") && text.contains("100 pairs at 256 px"), "{text}");
    }

    #[test]
    fn the_limit_stands_beside_the_same_pairs() {
        let pair = |gram: f64, flicker: f64| {
            let values = Values::from_fn(|metric| if metric == Metric::Flicker { flicker } else { gram });
            PairFigures { content_index: 0, style_index: 0, values }
        };
        let mut light = result("light", 1.0, 1.0, 1.0, 1.0);
        light.pairs = vec![pair(0.9, 1.0), pair(0.5, 1.0), pair(0.3, 1.0)];
        let mut report = report(vec![light]);
        let pairs = vec![pair(0.125, f64::NAN), pair(0.125, f64::NAN)];
        report.rounds[0].limit = Some(LimitReport { name: "optimised".into(), positions: vec![1, 2], pairs });
        let text = figures(&report);
        let (_, table) =
            text.split_once("### Beside the limit: 2 of these pairs at 256 px").expect("a table");
        assert!(
            table.contains("| light | 0.400 | 0.400 |") && table.contains("| 0.40 | - | 0.400 |"),
            "{table}"
        );
        assert!(table.contains("| optimised | 0.125 | 0.125 |"), "{table}");
    }

    #[test]
    fn films_have_a_table_with_the_film_itself() {
        let film = |still| FilmFigures { still, warp: Some(2.5), sharpness: 9.94 };
        let clip = ClipReport {
            clip: "walk".into(),
            width: 640,
            height: 360,
            frames: 20,
            styles: vec!["waves".into()],
            unpainted: film(Some(0.5)),
            results: vec![ClipFigures { model: "light".into(), steady: 0.6, figures: film(None) }],
        };
        let text = figures(&Report { clips: vec![clip], ..report(vec![]) });
        assert!(text.contains("walk: 20 frames of 640x360 px, in the styles waves"), "{text}");
        assert!(text.contains("| the film itself |  | 0.50 | 2.50 | 9.9 |"), "{text}");
        assert!(text.contains("| light | 0.6 | - | 2.50 | 9.9 |"), "{text}");
    }

    #[test]
    fn targets_are_judged_against_adain_and_the_paintings() {
        let adain = || result("adain", 0.8, 0.4, 0.3, 3.0);
        let text = targets(&report(vec![adain(), result("light", 1.2, 0.48, 0.50, 1.2)]));
        let row = "| light at 256 px | 0.280 met | 0.250 met | 0.270 met | 1.000 met | 0.020 met | 0.400 |";
        assert!(text.contains(row), "{text}");
        assert_eq!(targets(&report(vec![result("light", 1.2, 0.48, 0.50, 1.2)])), "");
        assert_eq!(targets(&report(vec![adain()])), "", "baselines are not judged against themselves");
    }
}
