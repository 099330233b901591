//! Photos larger than memory, without seams.
//!
//! AdaIN's statistics are those of the whole picture, so tiles cannot simply be painted by themselves. So it goes in passes, one for each
//! AdaIN site in the order of the table: the layers before the site run tile by tile and their sums are added up; then, with the
//! statistics known, that AdaIN is a gain and bias per channel. The last pass runs the whole table tile by tile. Tiles overlap by
//! the receptive field, so what is kept of each is what the whole picture would have given.

use crate::{PaintError, Stylizer};
use impasto_core::{Conditions, Field, Image, Model, Network, NodeId, Op, Plan, SiteKind, Tensor, Weights};
use std::ops::Range;
use std::sync::Arc;

/// Whether the model's painter can be run in tiles.
pub(crate) fn possible(model: &Model) -> bool {
    let needs_all = |op: &Op| !matches!(op, Op::AdaIn { .. }) && op.sees_everything();
    !model.painter.nodes.iter().any(|node| needs_all(&node.op))
}

/// Passes that painting in tiles makes over the picture: once for each site whose statistics are wanted, and once to paint.
pub(crate) fn passes(model: &Model) -> usize {
    1 + model.painter.nodes.iter().filter(|node| matches!(node.op, Op::AdaIn { .. })).count()
}

/// The part of one side of a picture that a tile is responsible for, and the part that it looks at.
#[derive(Clone, Debug, PartialEq)]
struct Piece {
    keep: Range<usize>,
    see: Range<usize>,
}

/// Pieces of at most `tile` px that cover `0..len`, seeing `halo` px further; all cuts are at multiples of `align`.
fn pieces(len: usize, tile: usize, halo: usize, align: usize) -> Vec<Piece> {
    let (tile, halo) = ((tile / align).max(1) * align, halo.next_multiple_of(align));
    let piece = |start: usize| {
        let end = (start + tile).min(len);
        Piece {
            keep: start..end,
            see: start.saturating_sub(halo)..(end.next_multiple_of(align) + halo).min(len),
        }
    };
    (0..len).step_by(tile).map(piece).collect()
}

/// For each node: how many px of the picture one of its positions stands for, and how far from its own place it looks, in px.
fn reach(network: &Network) -> Vec<(usize, usize)> {
    let mut reach: Vec<(usize, usize)> = Vec::new();
    for node in &network.nodes {
        let of = |id: &NodeId| reach[*id];
        let (scale, px) = match &node.op {
            Op::Input { .. } => (1, 0),
            Op::Conv { input, kernel, stride, .. } => {
                let (scale, px) = of(input);
                (scale * stride, px + kernel / 2 * scale)
            }
            Op::MaxPool2 { input } | Op::AvgPool2 { input } => (2 * of(input).0, of(input).1 + of(input).0),
            Op::Upsample2 { input } => (of(input).0.div_ceil(2), of(input).1 + of(input).0),
            Op::Add { a, b } => (of(a).0.max(of(b).0), of(a).1.max(of(b).1)),
            Op::Concat { inputs } => inputs.iter().map(of).fold((1, 0), |a, b| (a.0.max(b.0), a.1.max(b.1))),
            Op::Relu { input }
            | Op::AdaIn { input, .. }
            | Op::Modulate { input, .. }
            | Op::Noise { input, .. }
            | Op::MeanStd { input, .. }
            | Op::Scale { input, .. } => of(input),
        };
        reach.push((scale, px));
    }
    reach
}

fn cut(photo: &Image, rows: &Range<usize>, columns: &Range<usize>) -> Image {
    Image::from_fn(columns.len(), rows.len(), |x, y| photo.pixel(columns.start + x, rows.start + y))
}

/// One painting in tiles.
pub(crate) struct Request<'a> {
    /// The photo.
    pub photo: &'a Image,
    /// The painter's weights, changed by a tuned style where it is one.
    pub weights: Arc<Weights>,
    /// The style vector.
    pub style: &'a [f32],
    /// The noise field of the whole picture and the strength at AdaIN sites.
    pub conditions: Conditions<'a>,
    /// Side of a tile, about.
    pub tile_px: usize,
}

/// Paints in tiles. The model must be one for which this is [`possible`].
pub(crate) fn paint(stylizer: &Stylizer, request: &Request) -> Result<Image, PaintError> {
    let (mut painter, mut vector) = (stylizer.model().painter.clone(), request.style.to_vec());
    let tiles = Tiles::new(stylizer, request);
    for site in 0..painter.nodes.len() {
        if let Op::AdaIn { input, eps, unbiased, .. } = painter.nodes[site].op {
            let range = style_range(&painter, site);
            let sums = tiles.sums(&painter.truncated(input), &vector, range.len() / 2)?;
            let strength = request.conditions.strength;
            let known = sums.gain_and_bias(&request.style[range.clone()], strength, eps, unbiased);
            vector[range].copy_from_slice(&known);
            painter = with_modulation(&painter, site);
        }
    }
    tiles.painted(&painter, &vector)
}

/// Cuts of a photo.
struct Tiles<'a> {
    stylizer: &'a Stylizer,
    request: &'a Request<'a>,
    /// Of each node, as [`reach`] has it.
    reach: Vec<(usize, usize)>,
    /// Cuts are at multiples of this many px.
    align: usize,
}

impl<'a> Tiles<'a> {
    fn new(stylizer: &'a Stylizer, request: &'a Request<'a>) -> Self {
        let painter = &stylizer.model().painter;
        let reach = reach(painter);
        let coarsest = reach.iter().map(|r| r.0).max().unwrap_or(1).max(painter.multiple);
        Self { stylizer, request, reach, align: coarsest.next_multiple_of(painter.multiple) }
    }

    /// Rows and columns of all tiles, which see `halo` px further than they keep.
    fn grid(&self, halo: usize) -> impl Iterator<Item = (Piece, Piece)> {
        let Request { photo, tile_px, .. } = self.request;
        let rows = pieces(photo.height(), *tile_px, halo, self.align);
        let columns = pieces(photo.width(), *tile_px, halo, self.align);
        rows.into_iter()
            .flat_map(move |row| columns.clone().into_iter().map(move |column| (row.clone(), column)))
    }

    /// The noise field belongs to the picture, not to the tile.
    fn conditions<'v>(&self, style: &'v [f32], rows: &Piece, columns: &Piece) -> Conditions<'v> {
        let Conditions { strength, smoothing, field, .. } = self.request.conditions;
        let origin = [columns, rows].map(|piece| piece.see.start as i32);
        Conditions { style, strength, smoothing, field: Field { origin, ..field } }
    }

    fn plan(&self, network: &Network, rows: &Piece, columns: &Piece) -> Result<Box<dyn Plan>, PaintError> {
        self.stylizer.plan_with(network, &self.request.weights, rows.see.len(), columns.see.len())
    }

    /// Sums over what the last node of `network` makes of the whole picture.
    fn sums(&self, network: &Network, vector: &[f32], channels: usize) -> Result<Sums, PaintError> {
        let (scale, halo) = self.reach[network.output()];
        let style = &vector[..network.style_len()];
        let mut sums = Sums::new(channels);
        for (rows, columns) in self.grid(halo) {
            let tile = cut(self.request.photo, &rows.see, &columns.see).to_tensor();
            let mut plan = self.plan(network, &rows, &columns)?;
            let mut features = Tensor::zeros(plan.output_shape());
            plan.run(&tile, &self.conditions(style, &rows, &columns), &mut features)?;
            sums.add(&features, &kept(&rows, scale), &kept(&columns, scale));
        }
        Ok(sums)
    }

    /// The picture, once no site needs its statistics any more.
    fn painted(&self, network: &Network, vector: &[f32]) -> Result<Image, PaintError> {
        let photo = self.request.photo;
        let mut out = Image::black(photo.width(), photo.height());
        for (rows, columns) in self.grid(self.reach[network.output()].1) {
            let tile = cut(photo, &rows.see, &columns.see);
            let mut painted = Image::black(tile.width(), tile.height());
            let mut plan = self.plan(network, &rows, &columns)?;
            plan.run_image(&tile, &self.conditions(vector, &rows, &columns), &mut painted)?;
            paste(&mut out, &painted, &rows, &columns);
        }
        Ok(out)
    }
}

/// Which positions of the features of a tile the piece keeps, where one stands for `scale` px.
fn kept(piece: &Piece, scale: usize) -> Range<usize> {
    (piece.keep.start - piece.see.start) / scale..(piece.keep.end - piece.see.start).div_ceil(scale)
}

fn paste(out: &mut Image, tile: &Image, rows: &Piece, columns: &Piece) {
    let (width, from) = (out.width(), columns.keep.start - columns.see.start);
    for y in rows.keep.clone() {
        let source = 3 * ((y - rows.see.start) * tile.width() + from);
        let target = 3 * (y * width + columns.keep.start);
        let len = 3 * columns.keep.len();
        out.rgb_mut()[target..target + len].copy_from_slice(&tile.rgb()[source..source + len]);
    }
}

/// The part of the style vector that belongs to the site of node `site`.
fn style_range(network: &Network, site: NodeId) -> Range<usize> {
    let (site, _) = network.nodes[site].op.site().expect("the node is a site");
    network.site_range(site)
}

/// The table with a gain and bias in the place of its AdaIN.
fn with_modulation(painter: &Network, site: NodeId) -> Network {
    let mut network = painter.clone();
    let Op::AdaIn { input, site: index, .. } = network.nodes[site].op else {
        unreachable!("the node is an AdaIN")
    };
    network.nodes[site].op = Op::Modulate { input, site: index };
    network.sites[index].kind = SiteKind::Modulate;
    network
}

/// Sums of values and of squares a channel.
struct Sums {
    count: f64,
    value: Vec<f64>,
    square: Vec<f64>,
}

impl Sums {
    fn new(channels: usize) -> Self {
        Self { count: 0.0, value: vec![0.0; channels], square: vec![0.0; channels] }
    }

    fn add(&mut self, features: &Tensor, rows: &Range<usize>, columns: &Range<usize>) {
        self.count += (rows.len() * columns.len()) as f64;
        for c in 0..self.value.len() {
            for y in rows.clone() {
                for &v in &features.row(c, y)[columns.clone()] {
                    self.value[c] += f64::from(v);
                    self.square[c] += f64::from(v) * f64::from(v);
                }
            }
        }
    }

    /// AdaIN with these content statistics, as `bias[C]`, `gain[C]`.
    fn gain_and_bias(&self, style: &[f32], strength: f32, eps: f32, unbiased: bool) -> Vec<f32> {
        let channels = self.value.len();
        let (n, strength) = (self.count, f64::from(strength));
        let divisor = if unbiased { (n - 1.0).max(1.0) } else { n };
        let one = |c: usize| {
            let mean = self.value[c] / n;
            let variance = (self.square[c] - n * mean * mean).max(0.0) / divisor;
            let std = (variance + f64::from(eps)).sqrt();
            let wanted = |own: f64, style: f32| own + strength * (f64::from(style) - own);
            let gain = wanted(std, style[channels + c]) / std;
            (wanted(mean, style[c]) - gain * mean, gain)
        };
        let (mut bias, gain): (Vec<f64>, Vec<f64>) = (0..channels).map(one).unzip();
        bias.extend(gain);
        bias.into_iter().map(|v| v as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_everything_once() {
        for (len, tile, halo, align) in [(100, 32, 10, 8), (7, 32, 10, 8), (64, 32, 0, 8), (65, 8, 24, 8)] {
            let pieces = pieces(len, tile, halo, align);
            let kept: Vec<usize> = pieces.iter().flat_map(|p| p.keep.clone()).collect();
            assert_eq!(kept, (0..len).collect::<Vec<_>>());
            for piece in pieces {
                assert!(
                    piece.see.start.is_multiple_of(align)
                        && (piece.see.end.is_multiple_of(align) || piece.see.end == len)
                );
                assert!(piece.see.start + halo <= piece.keep.start || piece.see.start == 0);
            }
        }
    }
}
