//! Photos larger than memory, without seams.
//!
//! AdaIN's statistics are those of the whole picture, so tiles cannot simply be painted by themselves. With one AdaIN
//! site it goes in two passes: first the layers before the site run tile by tile and their sums are added up; then, with
//! the statistics known, AdaIN is a gain and bias per channel, and the whole table runs tile by tile. Tiles overlap by
//! the receptive field, so what is kept of each is what the whole picture would have given.

use crate::{Dials, PaintError, Stylizer};
use impasto_core::{Conditions, Field, Image, Model, Network, NodeId, Op, SiteKind, Tensor};
use std::ops::Range;

/// Whether the model's painter can be run in tiles.
pub(crate) fn possible(model: &Model) -> bool {
    let Some((site, ..)) = site_node(&model.painter) else { return false };
    model.painter.nodes.iter().enumerate().all(|(id, node)| id == site || !node.op.sees_everything())
}

/// The only site beside those of the noise field, if it is an AdaIN: its node, what it reads, its eps, and whether its variance is unbiased.
fn site_node(network: &Network) -> Option<(NodeId, NodeId, f32, bool)> {
    let find = |(id, node): (NodeId, &impasto_core::Node)| {
        let Op::AdaIn { input, eps, unbiased, .. } = node.op else { return None };
        Some((id, input, eps, unbiased))
    };
    let site = network.nodes.iter().enumerate().find_map(find);
    let others = network.sites.iter().filter(|site| site.kind != SiteKind::Noise).count();
    if others == 1 { site } else { None }
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

/// Paints `photo` in tiles of about `tile_px`. The model must be one for which this is [`possible`].
pub(crate) fn paint(
    stylizer: &Stylizer,
    photo: &Image,
    style: &[f32],
    dials: &Dials,
    tile_px: usize,
) -> Result<Image, PaintError> {
    let painter = &stylizer.model().painter;
    let (site, before, eps, unbiased) =
        site_node(painter).expect("the caller has asked whether it is possible");
    let reach = reach(painter);
    let scale = reach[before].0;
    let align =
        reach.iter().map(|r| r.0).max().unwrap_or(1).max(painter.multiple).next_multiple_of(painter.multiple);
    let halo = reach[painter.output()].1;
    // The noise field belongs to the picture, not to the tile.
    let conditions = |style, rows: &Piece, columns: &Piece| {
        let field = Field {
            seed: dials.seed,
            origin: [columns, rows].map(|p| p.see.start as i32),
            strokes: dials.strokes,
        };
        Conditions { strength: dials.strength, field, ..Conditions::new(style) }
    };
    let grid = |halo| {
        let rows = pieces(photo.height(), tile_px, halo, align);
        let columns = pieces(photo.width(), tile_px, halo, align);
        rows.into_iter()
            .flat_map(move |row| columns.clone().into_iter().map(move |column| (row.clone(), column)))
    };

    let encoder = painter.truncated(before);
    let range = style_range(painter, site);
    let mut sums = Sums::new(range.len() / 2);
    for (rows, columns) in grid(reach[before].1) {
        let tile = cut(photo, &rows.see, &columns.see).to_tensor();
        let mut plan = stylizer.plan(&encoder, rows.see.len(), columns.see.len())?;
        let mut features = Tensor::zeros(plan.output_shape());
        plan.run(&tile, &conditions(&style[..encoder.style_len()], &rows, &columns), &mut features)?;
        sums.add(&features, &kept(&rows, scale), &kept(&columns, scale));
    }

    let mut vector = style.to_vec();
    vector[range.clone()].copy_from_slice(&sums.gain_and_bias(&style[range], dials.strength, eps, unbiased));
    let modulated = with_modulation(painter, site);
    let mut out = Image::black(photo.width(), photo.height());
    for (rows, columns) in grid(halo) {
        let tile = cut(photo, &rows.see, &columns.see);
        let mut painted = Image::black(tile.width(), tile.height());
        let mut plan = stylizer.plan(&modulated, tile.height(), tile.width())?;
        plan.run_image(&tile, &conditions(&vector, &rows, &columns), &mut painted)?;
        paste(&mut out, &painted, &rows, &columns);
    }
    Ok(out)
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
