//! Cost of a frame: time and memory.

use crate::painter::Painter;
use impasto_core::{Engine, EngineError, Model, Tensor};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Cost of one model at one size, on this machine, with this engine.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Billions of multiply-accumulates in convolutions a frame, the style encoded.
    pub gmac: f64,
    /// Median time a frame, the style encoded, milliseconds.
    pub frame_ms: f64,
    /// Median time to encode a painting, milliseconds.
    pub encode_ms: f64,
    /// Most memory that preparing and painting added to the process, bytes, without the weights as loaded; `None` where the
    /// system does not tell.
    pub added_bytes: Option<u64>,
}

/// Prepares, encodes and paints `frames` times after one that is not counted; gives the painter for further use.
pub fn measure(
    engine: &dyn Engine,
    model: &Model,
    photo: &Tensor,
    painting: &Tensor,
    frames: usize,
) -> Result<(Painter, Cost), EngineError> {
    let (width, height) = (photo.shape().width, photo.shape().height);
    let before = reset_peak().then(|| memory("VmRSS:")).flatten();
    let mut painter = Painter::new(engine, model, (width, height))?;
    let style = painter.encode(painting)?;
    painter.run(photo, &style)?;
    let encode_ms = median_ms(frames, || painter.encode(painting).map(drop))?;
    let frame_ms = median_ms(frames, || painter.run(photo, &style))?;
    let peak = before.and_then(|_| memory("VmHWM:"));
    let added_bytes = peak.zip(before).map(|(peak, before)| peak.saturating_sub(before));
    let gmac = model.painter.macs(height, width)? as f64 / 1e9;
    Ok((painter, Cost { gmac, frame_ms, encode_ms, added_bytes }))
}

fn median_ms(times: usize, mut run: impl FnMut() -> Result<(), EngineError>) -> Result<f64, EngineError> {
    let mut taken = Vec::with_capacity(times);
    for _ in 0..times.max(1) {
        let start = Instant::now();
        run()?;
        taken.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(taken))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) { (values[middle - 1] + values[middle]) / 2.0 } else { values[middle] }
}

/// Lets the system count the peak anew from here; tells whether it does.
fn reset_peak() -> bool {
    cfg!(target_os = "linux") && std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// A line of the process's status, in bytes.
fn memory(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix(key))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 100.0]), 3.0);
        assert_eq!(median(vec![4.0, 1.0, 100.0, 2.0]), 3.0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells_memory() {
        let bytes = memory("VmRSS:").unwrap();
        assert!(bytes > 1 << 18 && bytes < 1 << 44, "{bytes}");
        assert_eq!(memory("NoSuchLine:"), None);
    }
}
