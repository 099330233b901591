//! The range and channel order of pictures as a map over channels, to fold into both ends of a table.

use impasto_core::lower::Map;

/// A picture of 3 channels times `gain`, its channels turned around if `reversed`.
pub(crate) fn pixel_map(gain: f64, reversed: bool) -> Map {
    let taken = |c: usize| if reversed { 2 - c } else { c };
    (0..3).map(|c| (0..3).map(|k| if k == taken(c) { gain } else { 0.0 }).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::conformance::{Case, Tolerance, cases, compare, run};
    use impasto_core::lower::Folded;
    use impasto_core::reference::ReferenceEngine;
    use impasto_core::{Shape, Tensor};
    use std::sync::Arc;

    /// Folding moves roundings only.
    const TOLERANCE: Tolerance = Tolerance { of_peak: 2e-5 };

    fn painted(case: &Case, folded: &Folded<'_>, input: Tensor) -> Tensor {
        let (network, weights) = (folded.network.clone(), Arc::new(folded.weights()));
        run(&ReferenceEngine, &Case { network, weights, input, ..case.clone() }).unwrap()
    }

    fn mapped(map: &Map, x: &Tensor) -> Tensor {
        let value = |c: usize, v, u| {
            (0..map[c].len()).map(|k| map[c][k] * f64::from(x.row(k, v)[u])).sum::<f64>() as f32
        };
        Tensor::from_fn(Shape { channels: map.len(), ..x.shape() }, value)
    }

    #[test]
    fn pixel_maps_go_into_both_ends_of_every_painter() {
        let mut tried = 0;
        for case in cases().into_iter().filter(|c| c.network.crop) {
            let mut folded = Folded::new(&case.network, &case.weights);
            folded.map_input(&pixel_map(1.0 / 255.0, true));
            folded.map_output(&pixel_map(255.0, true));
            let expected = mapped(&pixel_map(255.0, true), &run(&ReferenceEngine, &case).unwrap());
            let input = mapped(&pixel_map(255.0, true), &case.input);
            compare(&expected, &painted(&case, &folded, input), TOLERANCE)
                .unwrap_or_else(|e| panic!("{}: {e}", case.name));
            tried += 1;
        }
        assert!(tried >= 8, "{tried}");
    }
}
