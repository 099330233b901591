//! A case for every kind of layer, which the compiler keeps complete.

use super::Case;
use crate::network::{NetworkBuilder, NodeId, Op, Padding};

/// Defines [`kind`] and [`every_op`] from one list. `kind` has no other arm, so a variant of [`Op`] that is not in the list does not compile.
macro_rules! kinds {
    ($($variant:ident: $rows:expr,)*) => {
        /// Name of an operation's kind.
        pub fn kind(op: &Op) -> &'static str {
            match op {
                $(Op::$variant { .. } => stringify!($variant),)*
            }
        }

        /// For every kind of [`Op`], its name and a case whose table holds it. Each engine, the trainer and the exporter has a test
        /// that walks this list, so that a new kind of layer must be taught to all of them.
        pub fn every_op() -> Vec<(&'static str, Case)> {
            vec![$((stringify!($variant), case(stringify!($variant), $rows)),)*]
        }
    };
}

kinds! {
    Input: |_, x| x,
    Conv: |b, x| b.conv("conv", x, CHANNELS, 3, 1, Padding::Replicate),
    Relu: |b, x| b.relu(x),
    MaxPool2: |b, x| b.max_pool2(x),
    AvgPool2: |b, x| b.avg_pool2(x),
    Upsample2: |b, x| b.upsample2(x),
    Add: |b, x| {
        let other = b.conv("other", x, CHANNELS, 3, 1, Padding::Replicate);
        b.add(x, other)
    },
    AdaIn: |b, x| b.adain("site", x, CHANNELS, 1e-5),
    Modulate: |b, x| b.modulate("site", x, CHANNELS),
    Noise: |b, x| b.noise("site", x, CHANNELS, 1, &[1, 2]),
    MeanStd: |b, x| b.mean_std(x, 1e-5, false),
    Concat: |b, x| {
        let other = b.conv("other", x, CHANNELS, 3, 1, Padding::Replicate);
        b.concat(&[x, other])
    },
    // Read beside its input, so that it cannot be folded into a convolution.
    Scale: |b, x| {
        let scaled = b.scale(x, -0.75, 0.25);
        b.add(x, scaled)
    },
}

/// Channels of the features that each kind works on.
const CHANNELS: usize = 16;

/// Features of a small picture, then the rows of `kind`, then a convolution (1x1, so that vectors pass too).
fn case(kind: &str, rows: impl FnOnce(&mut NetworkBuilder, NodeId) -> NodeId) -> Case {
    let mut b = NetworkBuilder::new(kind);
    let x = b.input(3);
    let x = b.conv("features", x, CHANNELS, 3, 1, Padding::Reflect);
    let x = rows(&mut b, x);
    b.conv("last", x, 3, 1, 1, Padding::Zero);
    Case::new(kind, b.finish(), 12, 10, 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_holds_its_kind() {
        let kinds: Vec<&str> = every_op().iter().map(|(name, _)| *name).collect();
        assert_eq!(kinds.len(), kinds.iter().collect::<std::collections::HashSet<_>>().len());
        for (name, case) in every_op() {
            assert!(case.network.nodes.iter().any(|node| kind(&node.op) == name), "{name}");
        }
    }
}
