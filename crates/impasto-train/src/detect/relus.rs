//! Detectors over the network's own activations.

use super::Evidence;
use crate::walk::{Element, Kernels, Program, Tape, Value};
use impasto_core::network::{Node, NodeId, Op};

/// A layer of whose channels more than this never answer is dying.
const MOST_SILENT: f32 = 0.5;

/// Part of a ReLU's channels that never answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Silent {
    /// The layer in front of it.
    pub layer: String,
    /// The part of its channels that are 0 everywhere on all held-out pairs.
    pub part: f32,
}

/// Channels that are 0 whatever the picture get no gradient, and never come back.
pub fn dying(evidence: &Evidence) -> Option<String> {
    let silent = &evidence.validation.gallery.silent;
    let worst = silent.iter().max_by(|a, b| a.part.total_cmp(&b.part))?;
    (worst.part > MOST_SILENT).then(|| {
        format!(
            "ReLUs are dying: {:.0} % of the channels behind `{}` are 0 on every picture, get no gradient any more, and are wasted. The rate was too large: \
             start again with half of recipe.rate and twice schedule.warm_up, or give them new weights with --start MODEL --set revive=true",
            100.0 * worst.part,
            worst.layer
        )
    })
}

/// Which channels of which ReLUs have answered so far.
pub(crate) struct ReluActivity {
    relus: Vec<(NodeId, String, Vec<bool>)>,
}

impl ReluActivity {
    /// For the ReLUs over maps of a program.
    pub fn new(program: &Program) -> Self {
        let nodes = &program.network.nodes;
        let relu = |(id, node): (NodeId, &Node)| {
            let Op::Relu { input } = node.op else { return None };
            Some((id, nodes[input].name.clone(), vec![]))
        };
        Self { relus: nodes.iter().enumerate().filter_map(relu).collect() }
    }

    /// Takes down what a tape has just seen.
    pub fn record<K: Kernels>(&mut self, tape: &Tape<K>) {
        for (id, _, heard) in &mut self.relus {
            let Value::Map(map) = tape.value(*id) else { continue };
            heard.resize(map.shape().channels, false);
            for row in 0..map.shape().height {
                for pixel in map.row(row).chunks_exact(map.lanes()) {
                    heard.iter_mut().zip(pixel).for_each(|(h, v)| *h |= v.wide() > 0.0);
                }
            }
        }
    }

    /// Of each ReLU, the channels that were 0 everywhere.
    pub fn silent_channels(self) -> Vec<(NodeId, Vec<usize>)> {
        let channels = |heard: Vec<bool>| (0..heard.len()).filter(|&c| !heard[c]).collect();
        self.relus.into_iter().map(|(id, _, heard)| (id, channels(heard))).collect()
    }

    /// The silent part of each.
    pub fn silent(self) -> Vec<Silent> {
        let part = |heard: &[bool]| heard.iter().filter(|h| !**h).count() as f32 / heard.len() as f32;
        let told = self.relus.into_iter().filter(|r| !r.2.is_empty());
        told.map(|(_, layer, heard)| Silent { part: part(&heard), layer }).collect()
    }
}
