//! The ways to do a convolution, and the choice among them.

use crate::kernel::conv::{Cut, Layer, conv, cut};
use crate::kernel::direct::direct;
use crate::kernel::launch::{Launch, Maps};
use crate::kernel::winograd::{self, Scratch, winograd};
use crate::plan::kernels::fits_tiles;
use impasto_core::EngineError;
use impasto_core::lower::Conv;
use std::fmt;
use std::str::FromStr;

/// One way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Without tiles.
    Direct,
    /// By tiles, cut so.
    Tiles(Cut),
    /// The same with products in `f16`, where values are stored so. Only a measurement can choose it: there are cards on which `f16` is slow.
    Narrow(Cut),
    /// Winograd's, its products cut so.
    Winograd(Cut),
}

/// Every adapter has this much memory for a workgroup.
const SHARED_BYTES: usize = 16 << 10;

/// Cuts for 3x3 windows and many channels, in no order.
const CUTS: [Cut; 5] = [
    cut([16, 4, 4, 4, 2, 1]),
    cut([16, 2, 4, 4, 2, 1]),
    cut([16, 2, 8, 4, 2, 1]),
    cut([8, 4, 4, 8, 2, 1]),
    cut([8, 4, 2, 8, 1, 1]),
];
/// Cuts for Winograd's products.
const PRODUCT_CUTS: [Cut; 2] = [cut([16, 4, 2, 4, 2, 4]), cut([8, 4, 2, 8, 2, 4])];

impl Way {
    /// A good way without measuring.
    pub fn by_rule(conv: &Conv) -> Way {
        // Vectors have one position: a tile would stand empty.
        if !by_tiles(conv) {
            return Way::Direct;
        }
        let quads = conv.geometry.output.channels.div_ceil(4);
        let (row_threads, rows) = if conv.geometry.stride == 1 { (4, 4) } else { (4, 2) };
        let numbers = match quads {
            1 => [16, 8, 2, 1, 1, 1],
            2..=4 => [16, row_threads, rows, 2, 2, 1],
            _ => [16, row_threads, rows, 4, 2, 1],
        };
        Way::Tiles(shrunk(cut(numbers), conv))
    }

    /// All that are worth measuring, that of the rule first.
    pub fn candidates(conv: &Conv, half: bool) -> Vec<Way> {
        let first = Way::by_rule(conv);
        let mut ways = vec![first];
        if first == Way::Direct {
            return ways;
        }
        let quads = conv.geometry.output.channels.div_ceil(4);
        let cuts =
            CUTS.into_iter().filter(|cut| quads >= cut.quad_threads * cut.quads / 2 && fits(*cut, conv));
        ways.extend(cuts.map(Way::Tiles).filter(|&way| way != first));
        if half {
            let narrow = |way: &Way| if let Way::Tiles(cut) = way { Some(Way::Narrow(*cut)) } else { None };
            ways.extend(ways.iter().filter_map(narrow).collect::<Vec<_>>());
        }
        if winograd::fits(conv) {
            ways.extend(PRODUCT_CUTS.map(Way::Winograd));
        }
        ways
    }

    /// Whether the convolution can go this way: what a cache says may be stale.
    pub fn suits(self, conv: &Conv, half: bool) -> bool {
        match self {
            Way::Direct => !conv.pool,
            Way::Tiles(cut) => by_tiles(conv) && fits(cut, conv),
            Way::Narrow(cut) => half && by_tiles(conv) && fits(cut, conv),
            Way::Winograd(cut) => winograd::fits(conv) && cut.shared_bytes(1, 1, false) <= SHARED_BYTES,
        }
    }

    /// The kernels.
    ///
    /// # Errors
    /// When the driver refuses one.
    pub fn launches(
        self,
        maps: &Maps<'_>,
        spec: &Conv,
        layer: &Layer<'_>,
        scratch: &Scratch,
    ) -> Result<Vec<Launch>, EngineError> {
        match self {
            Way::Direct => Ok(vec![direct(maps, spec, layer)?]),
            Way::Tiles(cut) => Ok(vec![conv(maps, spec, layer, cut, false)?]),
            Way::Narrow(cut) => Ok(vec![conv(maps, spec, layer, cut, true)?]),
            Way::Winograd(cut) => winograd(maps, spec, layer, scratch, cut),
        }
    }
}

fn by_tiles(conv: &Conv) -> bool {
    fits_tiles(&conv.geometry) && (conv.pool || conv.geometry.output.area() > 1)
}

fn fits(cut: Cut, conv: &Conv) -> bool {
    cut.shared_bytes(conv.geometry.kernel, conv.geometry.stride, conv.pool) <= SHARED_BYTES
}

/// The same with fewer outputs a workgroup, until its memory suffices.
fn shrunk(mut cut: Cut, conv: &Conv) -> Cut {
    while !fits(cut, conv) {
        match cut {
            Cut { quads: 2.., .. } => cut.quads = 1,
            Cut { quad_threads: 2.., .. } => cut.quad_threads /= 2,
            Cut { row_threads: 2.., .. } => cut.row_threads /= 2,
            _ => break,
        }
    }
    cut
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::Direct => f.write_str("direct"),
            Way::Tiles(cut) => write!(f, "tiles {cut}"),
            Way::Narrow(cut) => write!(f, "narrow {cut}"),
            Way::Winograd(cut) => write!(f, "winograd {cut}"),
        }
    }
}

impl FromStr for Way {
    type Err = ();

    fn from_str(words: &str) -> Result<Way, ()> {
        match words.split_once(' ') {
            None if words == "direct" => Ok(Way::Direct),
            Some(("tiles", cut)) => cut.parse().map(Way::Tiles),
            Some(("narrow", cut)) => cut.parse().map(Way::Narrow),
            Some(("winograd", cut)) => cut.parse().map(Way::Winograd),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_read_as_they_are_written() {
        for way in [Way::Direct, Way::Tiles(CUTS[2]), Way::Narrow(CUTS[3]), Way::Winograd(PRODUCT_CUTS[1])] {
            assert_eq!(way.to_string().parse(), Ok(way));
        }
        for bad in ["", "tiles", "tiles 1.2", "tiles 1.2.3.4.5.x", "spiral 1.2.3.4.5.6"] {
            assert!(bad.parse::<Way>().is_err(), "{bad}");
        }
    }
}
