//! Reports as tables to read.

use crate::report::{ModelReport, Report, RoundReport};
use std::fmt::Write;

/// Names of the entrants that the targets are measured against.
const ADAIN: &str = "adain";
const MICROAST: &str = "microast";

/// The whole page `docs/quality.md`: what is measured, by which command and machine, the figures and the distance to the targets.
pub fn page(report: &Report, command: &str, machine: &str) -> String {
    let mut page = String::from("# Quality\n\n");
    page += &format!("Made by `{command}` on {machine}; engine `{}`, seed {}. ", report.engine, report.seed);
    page += &format!(
        "{} photos and {} paintings; pair `k` of `n` is number \
         `p = floor(k * {} / n)`: photo `p div {}`, painting `p mod {}`, both sorted by name, central squares.\n\n",
        report.contents.len(),
        report.styles.len(),
        report.contents.len() * report.styles.len(),
        report.styles.len(),
        report.styles.len()
    );
    page += EXPLANATION;
    page += &figures(report);
    page += &targets(report);
    page
}

const EXPLANATION: &str = "\
* **content**: mean squared error of the painting's relu4_1 to the AdaIN target (the photo's relu4_1 with the painting's mean and \
standard deviation). Lower is better.
* **style**: over relu1_1, relu2_1, relu3_1, relu4_1 of the normalised VGG-19, the sum of the mean squared errors of mean and of \
standard deviation. Lower is better.
* **SSIM** of luma to the photo. Higher keeps more of the photo.
* **flicker**: mean difference (of 255) between two paintings whose photos differ by noise of sigma 2. Lower is steadier.
* **warp**: mean difference (of 255) between the painting of a moved view and the moved painting, for a pan by (5, 3) px, a zoom by \
3 % and a turn by 2 degrees. Lower is steadier.
* **identity**: PSNR in dB of a photo painted in its own style. Higher is better.
* **GMAC, ms, MiB**: billions of multiply-accumulates in convolutions, median time, and memory that painting added to the process \
(without the weights as loaded), for one square frame with its style encoded; **params** are the painter's, in millions.

";

/// One table a size.
pub fn figures(report: &Report) -> String {
    report.rounds.iter().map(round_table).collect()
}

/// The two lines above [`row`]s.
pub const HEAD: &str = "\
| model | content | style | SSIM | flicker | warp: pan, zoom, turn | identity | params | GMAC | ms | MiB |
|---|---|---|---|---|---|---|---|---|---|---|
";

fn round_table(round: &RoundReport) -> String {
    let mut table = format!("## {} pairs at {} px\n\n", round.pairs, round.size_px);
    table += HEAD;
    for result in &round.results {
        table += &row(result);
    }
    table + "\n"
}

/// One model's line of a table.
pub fn row(ModelReport { model, figures: f, cost, parameters, .. }: &ModelReport) -> String {
    let [pan, zoom, turn] = f.warp;
    let memory = cost.added_bytes.map_or("-".into(), |b| format!("{:.0}", b as f64 / f64::from(1 << 20)));
    format!(
        "| {model} | {:.3} | {:.3} | {:.3} | {:.3} | {pan:.2}, {zoom:.2}, {turn:.2} | {:.1} | {:.3} | {:.2} | {:.1} | {memory} |\n",
        f.content,
        f.style,
        f.ssim,
        f.flicker,
        f.identity_db,
        *parameters as f64 / 1e6,
        cost.gmac,
        cost.frame_ms,
    )
}

/// How far each other model is from the targets, where both AdaIN and MicroAST were judged; else nothing.
pub fn targets(report: &Report) -> String {
    let mut text = String::new();
    for round in &report.rounds {
        let (Some(adain), Some(microast)) = (round.find(ADAIN), round.find(MICROAST)) else { continue };
        let ours =
            |r: &&ModelReport| ![ADAIN, MICROAST, "distilled", "unpainted"].contains(&r.model.as_str());
        for result in round.results.iter().filter(ours) {
            let _ = writeln!(
                text,
                "| {} at {} px {}",
                result.model,
                round.size_px,
                target_cells(result, adain, microast)
            );
        }
    }
    if text.is_empty() {
        return text;
    }
    let head = "| model | style / AdaIN's (at most 1.15) | content / MicroAST's (at most 0.80) | SSIM - MicroAST's (at least 0.03) | \
                flicker / AdaIN's (at most 0.45) | ahead of MicroAST in |\n|---|---|---|---|---|---|\n";
    format!("## Distance to the targets\n\n{head}{text}\n")
}

fn target_cells(ours: &ModelReport, adain: &ModelReport, microast: &ModelReport) -> String {
    let (f, a, m) = (&ours.figures, &adain.figures, &microast.figures);
    let cell = |value: f64, met: bool| format!("{value:.3}{}", if met { " met" } else { "" });
    let (style, content) = (f.style / a.style, f.content / m.content);
    let (ssim, flicker) = (f.ssim - m.ssim, f.flicker / a.flicker);
    let ahead = [f.content < m.content, f.style < m.style, f.ssim > m.ssim, f.flicker < m.flicker];
    format!(
        "| {} | {} | {} | {} | {} of 4 |",
        cell(style, style <= 1.15),
        cell(content, content <= 0.80),
        cell(ssim, ssim >= 0.03),
        cell(flicker, flicker <= 0.45),
        ahead.iter().filter(|&&ahead| ahead).count()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Cost;
    use crate::report::Figures;

    fn result(model: &str, content: f64, style: f64, ssim: f64, flicker: f64) -> ModelReport {
        ModelReport {
            model: model.into(),
            id: "0".into(),
            parameters: 250_000,
            figures: Figures { content, style, ssim, flicker, identity_db: 20.0, warp: [1.0, 2.0, 3.0] },
            cost: Cost { gmac: 1.5, frame_ms: 8.25, encode_ms: 1.0, added_bytes: Some(3 << 20) },
            pairs: vec![],
        }
    }

    fn report(results: Vec<ModelReport>) -> Report {
        let rounds = vec![RoundReport { size_px: 256, pairs: 100, results }];
        Report { engine: "e".into(), seed: 3, contents: vec!["a".into()], styles: vec!["b".into()], rounds }
    }

    #[test]
    fn a_row_shows_every_figure() {
        let text = figures(&report(vec![result("light", 1.2344, 0.5, 0.25, 1.0)]));
        let row =
            "| light | 1.234 | 0.500 | 0.250 | 1.000 | 1.00, 2.00, 3.00 | 20.0 | 0.250 | 1.50 | 8.2 | 3 |";
        assert!(text.contains(row), "{text}");
    }

    #[test]
    fn targets_are_judged_against_both_baselines() {
        let baselines = || vec![result("adain", 0.8, 0.4, 0.3, 3.0), result("microast", 1.5, 0.8, 0.48, 2.0)];
        let mut results = baselines();
        results.push(result("light", 1.2, 0.48, 0.50, 1.2));
        let text = targets(&report(results));
        assert!(
            text.contains("| light at 256 px | 1.200 | 0.800 met | 0.020 | 0.400 met | 4 of 4 |"),
            "{text}"
        );
        assert_eq!(targets(&report(vec![result("light", 1.2, 0.48, 0.50, 1.2)])), "");
        assert_eq!(targets(&report(baselines())), "", "baselines are not judged against themselves");
    }
}
