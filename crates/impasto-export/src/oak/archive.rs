//! Luxonis' NNArchive: a tar.xz of `config.json` and the network's file.

use super::chip::Chip;
use serde_json::{Value, json};
use std::io::Write;

/// The configuration, version 1.0, for the network's file `path` inside the archive. `precision` is
/// `float32` for ONNX and `float16` for compiled blobs.
pub fn config(chip: &Chip, name: &str, path: &str, style_len: usize, precision: &str) -> Value {
    let (width, height) = chip.image();
    let [channels, out_height, out_width] = chip.output();
    let style_type = if precision == "float16" { "float16" } else { "float32" };
    let mut inputs = vec![json!({
        "name": "image",
        "dtype": "uint8",
        "input_type": "image",
        "shape": [1, 3, height, width],
        "layout": "NCHW",
        "preprocessing": {
            "mean": [0.0, 0.0, 0.0],
            "scale": [1.0, 1.0, 1.0],
            "reverse_channels": null,
            "interleaved_to_planar": null,
            "dai_type": "RGB888p",
        },
    })];
    if style_len > 0 {
        inputs.push(json!({
            "name": "style",
            "dtype": style_type,
            "input_type": "raw",
            "shape": [1, style_len, 1, 1],
            "layout": "NCHW",
            "preprocessing": {
                "mean": null, "scale": null, "reverse_channels": null,
                "interleaved_to_planar": null, "dai_type": null,
            },
        }));
    }
    json!({
        "config_version": "1.0",
        "model": {
            "metadata": { "name": name, "path": path, "precision": precision },
            "inputs": inputs,
            "outputs": [{
                "name": "picture",
                "dtype": style_type,
                "shape": [1, channels, out_height, out_width],
                "layout": "NCHW",
            }],
            "heads": [],
        },
    })
}

/// The bytes of the archive. The same input gives the same bytes: no time, no owner.
pub fn archive(config: &Value, path: &str, network: &[u8]) -> std::io::Result<Vec<u8>> {
    let options = lzma_rust2::XzOptions::with_preset(6);
    let mut tar = tar::Builder::new(lzma_rust2::XzWriter::new(Vec::new(), options)?);
    let config = serde_json::to_vec_pretty(config)?;
    for (name, data) in [("config.json", config.as_slice()), (path, network)] {
        let mut header = tar::Header::new_ustar();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, data)?;
    }
    let mut xz = tar.into_inner()?;
    xz.flush()?;
    xz.finish()
}
