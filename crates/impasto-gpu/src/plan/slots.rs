//! Activations that are never alive together share memory.

use impasto_core::Shape;
use impasto_core::lower::Lowered;

/// Buffers on the device, and which of them each activation lives in.
#[derive(Debug, PartialEq)]
pub(crate) struct Slots {
    /// Quads that each buffer holds.
    pub quads: Vec<usize>,
    /// Buffer of each activation; `usize::MAX` where no step touches it.
    pub of: Vec<usize>,
}

/// Quads of four channels in a map of this shape.
pub(crate) fn quads(shape: Shape) -> usize {
    shape.channels.div_ceil(4) * shape.area()
}

/// Walks the steps once: an activation takes the smallest free buffer that holds it, else the largest free one grows, else a
/// new one is made. A step never writes where it reads.
pub(crate) fn slots(lowered: &Lowered) -> Slots {
    let lives = lowered.lifetimes();
    let ends_at = |buffer: usize, at: usize| lives[buffer].is_some_and(|(_, last)| last == at);
    let mut slots = Slots { quads: vec![], of: vec![usize::MAX; lowered.buffers.len()] };
    let mut free: Vec<usize> = vec![];
    for (at, step) in lowered.steps.iter().enumerate() {
        let (read, written) = (step.reads(), step.writes());
        if let Some(buffer) = written.filter(|&buffer| slots.of[buffer] == usize::MAX) {
            slots.of[buffer] = take(&mut free, &mut slots.quads, quads(lowered.buffers[buffer]));
        }
        let mut ended: Vec<usize> = read.into_iter().chain(written).filter(|&b| ends_at(b, at)).collect();
        ended.sort_unstable();
        ended.dedup();
        free.extend(ended.into_iter().map(|buffer| slots.of[buffer]));
    }
    slots
}

fn take(free: &mut Vec<usize>, sizes: &mut Vec<usize>, needed: usize) -> usize {
    let fitting = (0..free.len()).filter(|&i| sizes[free[i]] >= needed).min_by_key(|&i| sizes[free[i]]);
    match fitting.or_else(|| (0..free.len()).max_by_key(|&i| sizes[free[i]])) {
        Some(i) => {
            let slot = free.swap_remove(i);
            sizes[slot] = sizes[slot].max(needed);
            slot
        }
        None => {
            sizes.push(needed);
            sizes.len() - 1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::kernels::Kernels;
    use impasto_core::light::{LightShape, painter};
    use impasto_core::lower::lower;

    #[test]
    fn no_step_writes_what_it_reads_or_what_lives_on() {
        let network = painter(&LightShape::default());
        let lowered = lower(&network, &network.shapes(96, 160).unwrap(), &Kernels);
        let slots = slots(&lowered);
        let mut holds = vec![usize::MAX; slots.quads.len()];
        for step in &lowered.steps {
            for buffer in step.reads() {
                assert_eq!(holds[slots.of[buffer]], buffer, "overwritten before {step:?}");
            }
            if let Some(buffer) = step.writes() {
                holds[slots.of[buffer]] = buffer;
                assert!(slots.quads[slots.of[buffer]] >= quads(lowered.buffers[buffer]));
            }
        }
        assert!(slots.quads.len() < lowered.buffers.len() / 2, "{slots:?}");
    }
}
