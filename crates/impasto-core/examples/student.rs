//! Writes the student that engines are compared on: `cargo run --release -p impasto-core --example student -- FILE`.
//!
//! A painter of the older kind, as small networks for style transfer mostly are (Johnson and others 2016): a stem at the
//! full size, most of the work in residual blocks of 64 channels at a quarter of it, up again. Its weights are random:
//! it paints nothing, and takes as long as if it did.

use impasto_core::conformance::Case;
use impasto_core::model::StrengthKind;
use impasto_core::weights::Precision;
use impasto_core::{Model, Network, NetworkBuilder, NodeId, Padding};
use std::path::Path;

const EPS: f32 = 1e-5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("name the file to write")?;
    let (painter, encoder) = (painter(), encoder());
    let mut weights = (*Case::new("painter", painter.clone(), 64, 64, 1).weights).clone();
    weights.extend((*Case::new("encoder", encoder.clone(), 64, 64, 2).weights).clone());
    let training = serde_json::json!({ "weights": "random" });
    let model =
        Model::new("student", painter, encoder, weights, StrengthKind::Features, "CC0-1.0", training)?;
    Ok(model.save(Path::new(&path), Precision::F32)?)
}

fn painter() -> Network {
    let mut b = NetworkBuilder::new("student-painter").fit_picture(4);
    let picture = b.input(3);
    let x = b.scale(picture, 4.0, -2.0);
    let x = layer(&mut b, "full", x, 16, 1);
    let x = layer(&mut b, "half", x, 32, 2);
    let mut x = layer(&mut b, "quarter", x, 64, 2);
    for block in 1..=4 {
        let y = b.conv(&format!("block{block}_a"), x, 64, 3, 1, Padding::Reflect);
        let y = b.adain(&format!("site{block}"), y, 64, EPS);
        let y = b.relu(y);
        let y = b.conv(&format!("block{block}_b"), y, 64, 3, 1, Padding::Reflect);
        x = b.add(x, y);
    }
    for (name, channels) in [("up_half", 32), ("up_full", 16)] {
        let wide = b.upsample2(x);
        x = layer(&mut b, name, wide, channels, 1);
    }
    let x = b.conv("paint", x, 3, 3, 1, Padding::Reflect);
    b.scale(x, 0.05, 0.5);
    b.finish()
}

fn layer(b: &mut NetworkBuilder, name: &str, x: NodeId, channels: usize, stride: usize) -> NodeId {
    let x = b.conv(name, x, channels, 3, stride, Padding::Reflect);
    b.relu(x)
}

/// Means and deviations of the painting's colours, and one layer.
fn encoder() -> Network {
    let mut b = NetworkBuilder::new("student-encoder");
    let picture = b.input(3);
    let colours = b.mean_std(picture, EPS, false);
    b.conv("style", colours, painter().style_len(), 1, 1, Padding::Zero);
    b.finish()
}
