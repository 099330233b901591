//! Curves as inline SVG.

use std::fmt::Write;

/// Size of a chart, px, and room for its axes' words.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 52.0;
const BOTTOM: f64 = 24.0;
const TOP: f64 = 10.0;
const RIGHT: f64 = 8.0;

/// More points than this are thinned to means.
const POINTS: usize = 300;

/// One curve.
pub(super) struct Series {
    /// Its class in the page's style sheet.
    pub class: &'static str,
    /// Step and value; not finite ones are left out.
    pub points: Vec<(u64, f64)>,
}

/// A chart of `series` over steps up to `last`, or nothing if no series has a point.
pub(super) fn chart(title: &str, series: &[Series], last: u64) -> String {
    let thin: Vec<Vec<(f64, f64)>> = series.iter().map(|s| thinned(&s.points)).collect();
    let values: Vec<f64> = thin.iter().flatten().map(|p| p.1).collect();
    let Some((low, high)) = bounds(&values) else { return String::new() };
    let x = |step: f64| LEFT + (WIDTH - LEFT - RIGHT) * step / last.max(1) as f64;
    let y = |v: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - (v.clamp(low, high) - low) / (high - low));
    let mut svg = format!(
        "<figure><figcaption>{title}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">"
    );
    for part in [0.0, 0.5, 1.0] {
        let value = low + part * (high - low);
        let at = y(value);
        let end = WIDTH - RIGHT;
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{end}\"/><text x=\"{:.1}\" y=\"{:.1}\" class=\"y\">{}</text>",
            LEFT - 6.0,
            at + 4.0,
            short(value)
        );
    }
    for step in [0, last / 2, last] {
        let (at, low) = (x(step as f64), HEIGHT - 6.0);
        let class = if step == last { "x last" } else { "x" };
        let _ = write!(svg, "<text x=\"{at:.1}\" y=\"{low}\" class=\"{class}\">{step}</text>");
    }
    for (series, points) in series.iter().zip(&thin) {
        let path: Vec<String> = points.iter().map(|(s, v)| format!("{:.1} {:.1}", x(*s), y(*v))).collect();
        let _ = match path.as_slice() {
            [] => Ok(()),
            [one] => write!(svg, "<path class=\"{} dot\" d=\"M{one}h0\"/>", series.class),
            _ => write!(svg, "<path class=\"{}\" d=\"M{}\"/>", series.class, path.join("L")),
        };
    }
    svg + "</svg></figure>"
}

/// Least and largest, with room between. A few wild values at the start do not flatten the rest: the largest is at most three times
/// the value that nine of ten stay under.
fn bounds(values: &[f64]) -> Option<(f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, most) = (*sorted.first()?, *sorted.last()?);
    let usual = sorted[(sorted.len() - 1) * 9 / 10];
    let high = if usual > 0.0 { most.min(3.0 * usual) } else { most };
    let room = (high - low).max(1e-3 * high.abs()).max(1e-9);
    Some((if low >= 0.0 && low < 0.5 * high { 0.0 } else { low - 0.05 * room }, high + 0.05 * room))
}

/// Means of neighbours, so that at most [`POINTS`] are left.
fn thinned(points: &[(u64, f64)]) -> Vec<(f64, f64)> {
    let points: Vec<(f64, f64)> =
        points.iter().filter(|p| p.1.is_finite()).map(|&(step, value)| (step as f64, value)).collect();
    let each = points.len().div_ceil(POINTS).max(1);
    let mean = |of: &[(f64, f64)]| {
        let n = of.len() as f64;
        (of.iter().map(|p| p.0).sum::<f64>() / n, of.iter().map(|p| p.1).sum::<f64>() / n)
    };
    points.chunks(each).map(mean).collect()
}

/// Three significant digits.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        a if a >= 100.0 => format!("{value:.0}"),
        a if a >= 10.0 => format!("{value:.1}"),
        a if a >= 0.1 => format!("{value:.2}"),
        a if a >= 0.01 => format!("{value:.3}"),
        _ => format!("{value:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_holds_its_curve() {
        let points = (0..=1000).map(|step| (step, 1.0 / (1.0 + step as f64))).collect();
        let svg = chart("loss", &[Series { class: "train", points }], 1000);
        assert!(
            svg.contains("class=\"train\"")
                && svg.contains("aria-label=\"loss\"")
                && svg.ends_with("</figure>")
        );
        assert!(svg.matches('L').count() <= POINTS);
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn nothing_to_draw_draws_nothing() {
        assert_eq!(chart("loss", &[], 10), "");
        let wild = Series { class: "train", points: vec![(1, f64::NAN), (2, f64::INFINITY)] };
        assert_eq!(chart("loss", &[wild], 10), "");
    }

    #[test]
    fn equal_values_are_a_line_inside() {
        let svg = chart("loss", &[Series { class: "train", points: vec![(0, 0.0), (10, 0.0)] }], 10);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn numbers_are_short() {
        let shown: Vec<String> = [0.0, 1234.0, 12.34, 0.5, 0.0123, 0.0004].into_iter().map(short).collect();
        assert_eq!(shown, ["0", "1234", "12.3", "0.50", "0.012", "4e-4"]);
    }
}
