//! The networks and styles inside the program.

use impasto_core::{Model, Style};
use std::sync::{Arc, LazyLock};

/// The light network, half precision; `MODEL_CARD.md` says how it came about.
const LIGHT: &[u8] = include_bytes!("../models/light.safetensors");

macro_rules! style_files {
    ($($name:literal)*) => { [$(include_bytes!(concat!("../models/styles/", $name, ".style")).as_slice()),*] };
}

/// In the order in which they are shown; the list with its provenance is `models/styles.tsv`.
const STYLES: [&[u8]; 33] = style_files![
    "starry-night" "waves" "mosaic" "kiss" "water-lilies" "cypresses" "red-blue-horse" "deluge"
    "flower-girl" "two-women" "tableau" "figures" "three-horses" "nihonbashi" "phoenix" "cat-ghost"
    "etching" "woodcut" "fresco" "illumination" "melancholy" "dream" "joyfulness" "irises"
    "rhone" "antibes" "port-en-bessin" "sainte-victoire" "shipwreck" "cotopaxi" "jungle" "portrait"
    "garden"
];

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

/// The styles of the built-in network, in the order in which they are shown.
pub fn styles() -> Vec<Style> {
    STYLES.iter().map(|bytes| Style::from_bytes(bytes).expect("a test has read it")).collect()
}

/// The built-in style of that name.
pub fn style(name: &str) -> Option<Style> {
    styles().into_iter().find(|style| style.provenance.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn the_built_in_styles_fit_it_and_have_names_and_provenance() {
        let (model, styles) = (light(), styles());
        assert!(styles.len() >= 24);
        for style in &styles {
            style.check(&model).unwrap();
            assert!(style.provenance.source.contains("public domain"), "{:?}", style.provenance);
        }
        let names: HashSet<_> = styles.iter().map(|style| style.provenance.name.as_str()).collect();
        assert_eq!(names.len(), styles.len());
        let listed = include_str!("../models/styles.tsv").lines().filter_map(|line| line.split('\t').next());
        assert!(
            listed.eq(styles.iter().map(|style| style.provenance.name.as_str())),
            "styles.tsv lists the same"
        );
        assert!(style("starry-night").is_some() && style("none").is_none());
    }
}
