//! Places activations in one piece of memory, so that those which are never alive together share it.

use crate::kernel::view::padded;
use crate::memory::LINE;
use impasto_core::Shape;
use impasto_core::lower::{BufferId, Lowered};

/// Offset of each activation, in values, and the total.
pub(crate) struct Layout {
    pub offsets: Vec<usize>,
    pub total: usize,
}

/// Largest first, each at the lowest place that is free for its whole life; in bf16 if `half`. `canvas` is never in memory.
pub(crate) fn layout(lowered: &Lowered, half: bool, canvas: Option<BufferId>) -> Layout {
    // In `f32`; two values of bf16 take the place of one.
    let size =
        |s: &Shape| ((s.area() * padded(s.channels, half)) >> usize::from(half)).next_multiple_of(LINE);
    let sizes: Vec<usize> = lowered.buffers.iter().map(size).collect();
    let mut lives = lowered.lifetimes();
    if let Some(canvas) = canvas {
        lives[canvas] = None;
    }
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(sizes[i]));
    let mut offsets = vec![0; sizes.len()];
    let mut placed: Vec<usize> = Vec::new();
    let mut total = 0;
    for i in order {
        let Some(life) = lives[i] else { continue };
        let meets = |j: &&usize| lives[**j].is_some_and(|other| life.0 <= other.1 && other.0 <= life.1);
        let mut taken: Vec<(usize, usize)> =
            placed.iter().filter(meets).map(|&j| (offsets[j], offsets[j] + sizes[j])).collect();
        taken.sort_unstable();
        let mut at = 0;
        for (start, end) in taken {
            if at + sizes[i] <= start {
                break;
            }
            at = at.max(end);
        }
        offsets[i] = at;
        total = total.max(at + sizes[i]);
        placed.push(i);
    }
    Layout { offsets, total }
}
