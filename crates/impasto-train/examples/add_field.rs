//! Gives a light model a noise field that is silent, and its styles the numbers for it:
//! `cargo run --release -p impasto-train --example add_field -- MODEL STYLES-FOLDER NEW-MODEL NEW-STYLES-FOLDER`
//!
//! The painter's table gets the field behind every site, with random weights of deviation 0.3; the style encoder's last layer gets rows of
//! zeros for the field's gains, so that every style paints as it did before. Training and tuning can then raise the gains.

use impasto_core::conformance::Random;
use impasto_core::light::{LightShape, painter};
use impasto_core::weights::Precision;
use impasto_core::{Model, Network, Op, Style, Weights};
use std::path::Path;

/// Deviation of the field's weights.
const DEVIATION: f32 = 0.3;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [model, styles, new_model, new_styles] = &words[..] else {
        return Err("usage: add_field MODEL STYLES-FOLDER NEW-MODEL NEW-STYLES-FOLDER".into());
    };
    let old = Model::load(Path::new(model))?;
    let table = painter(&LightShape { field: true, ..LightShape::default() });
    let plain = painter(&LightShape { field: false, ..LightShape::default() });
    if old.painter != plain {
        return Err("the model must have the light network's usual shape, without a field".into());
    }
    let new = with_field(&old, table)?;
    new.save(Path::new(new_model), Precision::F16)?;
    // Styles name the model by what its file holds.
    let new = Model::load(Path::new(new_model))?;
    std::fs::create_dir_all(new_styles)?;
    for entry in std::fs::read_dir(styles)? {
        let path = entry?.path();
        let style = Style::from_bytes(&std::fs::read(&path)?)?;
        style.check(&old)?;
        let vector = carried(style.vector(), &old.painter, &new.painter, 1);
        let style = Style::new(&new, style.provenance, vector)?;
        std::fs::write(Path::new(new_styles).join(path.file_name().unwrap_or_default()), style.to_bytes())?;
    }
    Ok(())
}

fn with_field(old: &Model, table: Network) -> Result<Model, Box<dyn std::error::Error>> {
    let mut weights: Weights = (*old.weights).clone();
    let mut random = Random::new(1);
    for (id, node) in table.nodes.iter().enumerate() {
        let Op::Noise { grains, .. } = &node.op else { continue };
        let channels = table.shapes(64, 64)?[id].channels;
        let values = (0..channels * grains.len()).map(|_| DEVIATION * random.normal()).collect();
        weights.insert(format!("{}.weight", node.name), vec![channels, grains.len()], values);
    }
    let mut encoder = old.encoder.clone();
    let head = encoder.nodes.last_mut().ok_or("the encoder has layers")?;
    let Op::Conv { out_channels, .. } = &mut head.op else {
        return Err("the encoder ends in a layer".into());
    };
    *out_channels = table.style_len();
    for part in ["weight", "bias"] {
        let name = format!("{}.{part}", head.name);
        let weight = weights.get_mut(&name).ok_or("the encoder's last layer has weights")?;
        let row = weight.values.len() / old.painter.style_len();
        weight.values = carried(&weight.values, &old.painter, &table, row);
        weight.shape[0] = table.style_len();
    }
    let training = old.training.clone();
    Ok(Model::new(&old.name, table, encoder, weights, old.strength, &old.license, training)?)
}

/// `values`, `row` for each number of a style, with zeros for sites that `before` has not.
fn carried(values: &[f32], before: &Network, after: &Network, row: usize) -> Vec<f32> {
    let mut carried = vec![0.0; row * after.style_len()];
    for (i, site) in after.sites.iter().enumerate() {
        let Some(its) = before.sites.iter().position(|other| other == site) else { continue };
        let (to, from) = (after.site_range(i), before.site_range(its));
        carried[row * to.start..row * to.end].copy_from_slice(&values[row * from.start..row * from.end]);
    }
    carried
}
