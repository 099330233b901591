//! The networks and styles inside the program.

use impasto_core::Model;
#[cfg(feature = "styles")]
use impasto_core::Style;
#[cfg(feature = "styles")]
use impasto_core::style::Provenance;
#[cfg(feature = "styles")]
use impasto_styles::StyleFile;
use std::sync::{Arc, LazyLock};

/// The light network, half precision; `MODEL_CARD.md` says how it came about.
const LIGHT: &[u8] = include_bytes!("../models/light.safetensors");

static LIGHT_MODEL: LazyLock<Arc<Model>> = LazyLock::new(|| {
    Arc::new(Model::from_bytes(LIGHT, "the built-in light model").expect("a test has read it"))
});

/// The built-in network, `light`.
pub fn light() -> Arc<Model> {
    LIGHT_MODEL.clone()
}

/// The network of that name, if this build has it.
pub fn model(name: &str) -> Option<Arc<Model>> {
    (name == "light").then(light)
}

/// The styles of the built-in network, in the order in which they are shown. Each is tuned to its painting, and holds half a
/// megabyte; [`names`] tells what there is without reading them.
#[cfg(feature = "styles")]
pub fn styles() -> Vec<Style> {
    impasto_styles::all().map(|file| read(file.tuned)).collect()
}

/// The same paintings without updates, for programs that switch styles without changing weights: exported networks.
#[cfg(feature = "styles")]
pub fn quick_styles() -> Vec<Style> {
    impasto_styles::all().map(|file| read(file.quick)).collect()
}

/// Names and provenances of the built-in styles, in the order in which they are shown.
#[cfg(feature = "styles")]
pub fn names() -> Vec<Provenance> {
    let provenance = |file: StyleFile| Provenance { name: file.name.into(), source: file.source.into() };
    impasto_styles::all().map(provenance).collect()
}

/// The built-in style of that name.
#[cfg(feature = "styles")]
pub fn style(name: &str) -> Option<Style> {
    impasto_styles::find(name).map(|file| read(file.tuned))
}

#[cfg(feature = "styles")]
fn read(bytes: &[u8]) -> Style {
    Style::from_bytes(bytes).expect("a test has read it")
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(feature = "styles")]
    use std::collections::HashSet;

    #[test]
    fn the_built_in_network_is_whole_and_within_its_limits() {
        let model = model("light").unwrap();
        assert!(LIGHT.len() <= 2_800_000, "{} bytes", LIGHT.len());
        let flop = 2 * model.painter.macs(288, 512).unwrap();
        assert!(flop <= 5_000_000_000, "{flop} at 512x288");
        let of_painter = |name: &str| model.painter.weight_shapes().unwrap().iter().any(|(n, _)| n == name);
        let parameters: usize =
            model.weights.iter().filter(|(n, _)| of_painter(n)).map(|(_, w)| w.values.len()).sum();
        assert!(parameters <= 600_000, "{parameters} parameters a frame");
        assert!(self::model("classic").is_none());
    }

    #[test]
    #[cfg(feature = "styles")]
    fn the_built_in_styles_fit_it_and_are_tuned() {
        let (model, styles) = (light(), styles());
        assert!(styles.len() >= 8);
        for (style, listed) in styles.iter().zip(names()) {
            style.check(&model).unwrap();
            assert!(style.update().is_some(), "{}", listed.name);
            assert_eq!(style.provenance.name, listed.name);
            assert!(style.provenance.source.starts_with(&listed.source), "{:?}", style.provenance);
        }
        for quick in quick_styles() {
            quick.check(&model).unwrap();
            assert!(quick.update().is_none(), "{}", quick.provenance.name);
        }
        let names: HashSet<_> = styles.iter().map(|style| style.provenance.name.as_str()).collect();
        assert_eq!(names.len(), styles.len());
        assert!(style("starry-night").is_some() && style("none").is_none());
    }
}
