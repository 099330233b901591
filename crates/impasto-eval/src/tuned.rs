//! A tuned style as a model of its own, to be judged like any other.

use impasto_core::{Model, ModelError, Network, NetworkBuilder, Padding, Style, StyleError};

/// Name of the layer that holds the style's vector.
const VECTOR: &str = "fixed_style";

/// Why a style cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum TunedError {
    /// The style belongs to another model, or is damaged.
    #[error(transparent)]
    Style(#[from] StyleError),
    /// The changed painter is unsound.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// `model` with the weights that `style` changes, and an encoder that gives the style's vector whatever the painting.
///
/// # Errors
/// When the style belongs to another model.
pub fn tuned(model: &Model, style: &Style) -> Result<Model, TunedError> {
    style.check(model)?;
    let mut weights = match style.update() {
        Some(update) => update.applied(&model.weights, 1.0).map_err(StyleError::from)?,
        None => (*model.weights).clone(),
    };
    let vector = style.vector();
    weights.insert(format!("{VECTOR}.weight"), vec![vector.len(), 6, 1, 1], vec![0.0; 6 * vector.len()]);
    weights.insert(format!("{VECTOR}.bias"), vec![vector.len()], vector.to_vec());
    Ok(Model::new(
        &style.provenance.name,
        model.painter.clone(),
        encoder(vector.len()),
        weights,
        model.strength,
        &model.license,
        serde_json::json!({"source": style.provenance.source}),
    )?)
}

/// Means and deviations of the painting's colours, times zero, plus the vector.
fn encoder(len: usize) -> Network {
    let mut b = NetworkBuilder::new("fixed style");
    let x = b.input(3);
    let x = b.mean_std(x, 0.0, false);
    b.conv(VECTOR, x, len, 1, 1, Padding::Zero);
    b.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::painter::Painter;
    use impasto_core::model::StrengthKind;
    use impasto_core::reference::ReferenceEngine;
    use impasto_core::style::{Provenance, Update};
    use impasto_core::weights::Weight;
    use impasto_core::{Shape, Tensor, Weights};

    /// Paints `gain * (mix * photo) + bias`, whose mix is the identity and whose style is that of `unpainted`.
    fn model() -> Model {
        let mut painter = NetworkBuilder::new("small").fit_picture(1);
        let x = painter.input(3);
        let x = painter.conv("mix", x, 3, 1, 1, Padding::Zero);
        painter.modulate("site", x, 3);
        let mut weights = Weights::new();
        let identity = (0..9).map(|i| if i % 4 == 0 { 1.0 } else { 0.0 }).collect();
        weights.insert("mix.weight", vec![3, 3, 1, 1], identity);
        weights.insert("mix.bias", vec![3], vec![0.0; 3]);
        weights.insert("own.weight", vec![6, 6, 1, 1], vec![0.0; 36]);
        weights.insert("own.bias", vec![6], vec![0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        let mut encoder = NetworkBuilder::new("small encoder");
        let x = encoder.input(3);
        let x = encoder.mean_std(x, 0.0, false);
        encoder.conv("own", x, 6, 1, 1, Padding::Zero);
        let record = serde_json::json!({});
        let (painter, encoder) = (painter.finish(), encoder.finish());
        Model::new("small", painter, encoder, weights, StrengthKind::Features, "CC0-1.0", record).unwrap()
    }

    fn style(model: &Model) -> Style {
        let provenance = Provenance { name: "wave".into(), source: "drawn".into() };
        let vector = vec![0.1, 0.0, 0.0, 0.5, 1.0, 1.0];
        let mut update = Update::new();
        update.insert("mix.bias", Weight { shape: vec![3], values: vec![0.0, 0.25, 0.0] });
        Style::new(model, provenance, vector).unwrap().tuned(model, update).unwrap()
    }

    #[test]
    fn a_tuned_model_paints_with_the_styles_vector_and_weights_whatever_the_painting() {
        let model = model();
        let tuned = tuned(&model, &style(&model)).unwrap();
        assert_eq!(tuned.name, "wave");
        let mut painter = Painter::new(&ReferenceEngine, &tuned, (12, 9)).unwrap();
        let flat = |side, value| Tensor::from_fn(side, move |_, _, _| value);
        let code = painter.encode(&flat(Shape::new(3, 9, 9), 0.9)).unwrap();
        assert_eq!(code, [0.1, 0.0, 0.0, 0.5, 1.0, 1.0]);
        let pastiche = painter.paint(&flat(Shape::new(3, 9, 12), 0.4), &code).unwrap();
        let found: Vec<f32> = (0..3).map(|c| pastiche.row(c, 4)[6]).collect();
        assert!(found.iter().zip([0.3, 0.65, 0.4]).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
    }

    #[test]
    fn a_style_of_another_model_is_refused() {
        let style = style(&model());
        let error = tuned(&crate::baseline::unpainted(), &style).unwrap_err().to_string();
        assert!(error.contains("made for model small") && error.contains("styles make"), "{error}");
    }
}
