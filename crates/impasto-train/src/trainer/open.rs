//! Opens what a run is made from.

use super::error::TrainError;
use super::settings::{Judge, Material, TrainConfig};
use super::tables::Tables;
use crate::data::{Library, Source, centre_square, drawn};
use crate::init;
use crate::loss_network::{LossNetwork, LossNetworkError};
use impasto_core::Random;
use impasto_core::{Image, Model, Network, Weights};
use impasto_cpu::CpuEngine;
use impasto_import::{ImportError, Pictures, import_plain_vgg, import_vgg};
use std::path::Path;
use std::sync::Arc;

/// Decoded pictures are kept up to this, for photos and for paintings.
const ROOM_BYTES: [usize; 2] = [400 << 20, 1200 << 20];
/// Drawn photos and paintings.
const DRAWN: [usize; 2] = [24, 16];
/// Photos on which a VGG as published is normalised, and their side, px.
const NORMALISED_ON: usize = 48;
const NORMALISED_PX: usize = 256;
/// Pairs on which a channel must have answered once, not to be revived.
const HEARD_PAIRS: u64 = 64;

/// The files that [`Material`] names, opened.
pub(super) struct Opened {
    pub photos: Arc<Library>,
    pub paintings: Arc<Library>,
    pub loss: LossNetwork,
    pub held_out: Option<[Library; 2]>,
    /// Things to tell.
    pub notes: Vec<String>,
}

pub(super) fn open(material: &Material, judge: Judge) -> Result<Opened, TrainError> {
    let Material::Files { photos, paintings, vgg, held_out } = material else {
        return Ok(Opened {
            photos: Arc::new(Library::of_images(drawn::photos(DRAWN[0]))),
            paintings: Arc::new(Library::of_images(drawn::paintings(DRAWN[1]))),
            loss: LossNetwork::random(1),
            held_out: None,
            notes: vec![],
        });
    };
    let one = |folder: &Path, what| Library::open(&[folder.to_path_buf().into()], what, 0);
    let libraries = [
        Library::open(photos, "photos", ROOM_BYTES[0])?,
        Library::open(paintings, "paintings", ROOM_BYTES[1])?,
    ];
    let held_out = match held_out {
        Some((photos, paintings)) => Some([one(photos, "photos")?, one(paintings, "paintings")?]),
        None => None,
    };
    let mut notes: Vec<String> = libraries.iter().filter_map(Library::few).collect();
    let loss = match vgg {
        Some(vgg) => loss_network((vgg, judge), &libraries[0], &mut notes)?,
        None => LossNetwork::builtin(),
    };
    let [photos, paintings] = libraries.map(Arc::new);
    Ok(Opened { photos, paintings, loss, held_out, notes })
}

/// Reads the file; a VGG as published is normalised on some of the run's photos, if it is to be.
fn loss_network(
    (vgg, judge): (&Path, Judge),
    photos: &Library,
    notes: &mut Vec<String>,
) -> Result<LossNetwork, TrainError> {
    let cannot = |e: ImportError| LossNetworkError::from(e);
    if LossNetwork::is_judge_file(vgg) {
        return Ok(LossNetwork::load_judge(vgg).map_err(LossNetworkError::from)?);
    }
    if judge == Judge::Plain {
        let (kind, weights) = import_plain_vgg(vgg).map_err(cannot)?;
        notes.push(format!("the loss network is {kind}, taken as it is"));
        return Ok(LossNetwork::unchecked(&weights)?);
    }
    let weights = match import_vgg(vgg, None) {
        Err(ImportError::NeedsPictures { .. }) => {
            let images = sample(photos);
            let engine = CpuEngine::new().map_err(|e| TrainError::Settings(e.to_string()))?;
            let read =
                import_vgg(vgg, Some(Pictures { images: &images, engine: &engine })).map_err(cannot)?;
            notes.push(format!(
                "the loss network is {}, normalised on {} of the photos; {} of its channels never answered",
                read.kind, read.pictures, read.silent_channels
            ));
            read.weights
        }
        read => read.map_err(cannot)?.weights,
    };
    let loss = LossNetwork::normalised(&weights)?;
    notes.extend(loss.suspicion());
    Ok(loss)
}

/// Photos evenly spread over their names, squares.
fn sample(photos: &Library) -> Vec<Image> {
    let count = photos.len().min(NORMALISED_ON);
    let one = |i: usize| {
        Image::from_tensor(&centre_square(&photos.get(i * photos.places() / count).1, NORMALISED_PX))
    };
    (0..count).map(one).collect()
}

/// Weights to start from: those of a model, or random ones with an encoder whitened over `whitened` paintings.
pub(super) fn start_weights(
    config: &TrainConfig,
    tables: &Tables,
    source: &Source,
    whitened: usize,
    notes: &mut Vec<String>,
) -> Result<Weights, TrainError> {
    let paintings = &source.paintings;
    let mut random = Random::new(config.settings.sampling.seed);
    let learned = tables.decoder.as_ref().unwrap_or(&tables.painter);
    let mut weights = init::painter(learned, &mut random);
    if tables.decoder.is_none() {
        weights.extend(init::encoder(&tables.encoder, &tables.painter, &mut random));
    }
    if let Some(path) = &config.paths.start {
        let mut weights = started(weights, path, tables)?;
        if config.settings.revive && !config.resume && tables.decoder.is_none() {
            notes.extend(revived(tables, &mut weights, source, &mut random)?);
        }
        return Ok(weights);
    }
    if tables.decoder.is_none() {
        let side = config.settings.sampling.photo_px;
        let square = |i: usize| centre_square(&paintings.get(i * paintings.places() / whitened).1, side);
        let pictures: Vec<_> = (0..whitened).map(square).collect();
        init::whiten(&tables.encoder, &mut weights, "code1", &pictures)?;
    }
    Ok(weights)
}

/// Revives channels that are silent over some of the run's own pairs; says how many.
fn revived(
    tables: &Tables,
    weights: &mut Weights,
    source: &Source,
    random: &mut Random,
) -> Result<Option<String>, TrainError> {
    let pair = |number: u64| {
        let mut group = source.group(number);
        (group.content, group.styles.swap_remove(0).picture)
    };
    let pairs: Vec<_> = (0..HEARD_PAIRS).map(pair).collect();
    let told = init::revive(&tables.painter, &tables.encoder, weights, &pairs, random)?;
    let words: Vec<String> = told.iter().map(|(layer, count)| format!("{count} behind `{layer}`")).collect();
    Ok((!words.is_empty()).then(|| format!("revived channels that never answered: {}", words.join(", "))))
}

/// `weights` with those of the model at `path`. What the model lacks (a block more, say) stays; what it has must fit.
fn started(mut weights: Weights, path: &Path, tables: &Tables) -> Result<Weights, TrainError> {
    let cannot = |source| TrainError::Start { path: path.display().to_string(), source };
    let (mut start, _) = Weights::load(path).map_err(cannot)?;
    if let Ok(model) = Model::load(path) {
        carry_sites(&model.painter, &tables.painter, &tables.encoder, &weights, &mut start);
    }
    let none = !weights.iter().any(|(name, _)| start.get(name).is_some());
    for (name, expected) in weights.iter().filter(|(name, _)| none || start.get(name).is_some()) {
        start.expect(name, &expected.shape).map_err(cannot)?;
    }
    weights.extend(start);
    Ok(weights)
}

/// If a painter has other sites than the model to start from (a noise field, say), the encoder's last layer has other rows: sites of
/// the same name, kind and width keep the rows of `start`, others take those of `fresh`.
fn carry_sites(before: &Network, painter: &Network, encoder: &Network, fresh: &Weights, start: &mut Weights) {
    let Some(head) = encoder.nodes.last().filter(|_| before.sites != painter.sites) else { return };
    for part in ["weight", "bias"] {
        let name = format!("{}.{part}", head.name);
        let (Some(old), Some(new)) = (start.get(&name), fresh.get(&name)) else { continue };
        let row = new.values.len() / painter.style_len();
        if old.values.len() != row * before.style_len() {
            continue;
        }
        let mut values = new.values.clone();
        for (i, site) in painter.sites.iter().enumerate() {
            let Some(its) = before.sites.iter().position(|other| other == site) else { continue };
            let rows = |network: &Network, site| {
                let range = network.site_range(site);
                range.start * row..range.end * row
            };
            values[rows(painter, i)].copy_from_slice(&old.values[rows(before, its)]);
        }
        let shape = new.shape.clone();
        start.insert(name, shape, values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::SiteKind;
    use impasto_core::light::{LightShape, encoder, painter};

    #[test]
    fn a_start_without_a_noise_field_keeps_its_sites() {
        let [without, with] = [false, true].map(|field| LightShape { field, ..LightShape::tiny() });
        let mut random = Random::new(1);
        let mut weights = |shape: &LightShape| init::encoder(&encoder(shape), &painter(shape), &mut random);
        let (mut start, fresh) = (weights(&without), weights(&with));
        let old = start.get("style.bias").unwrap().values.clone();
        carry_sites(&painter(&without), &painter(&with), &encoder(&with), &fresh, &mut start);
        let bias = &start.get("style.bias").unwrap().values;
        let network = painter(&with);
        assert_eq!(bias.len(), network.style_len());
        let mut kept = vec![];
        for (i, site) in network.sites.iter().enumerate() {
            match site.kind {
                SiteKind::AdaIn | SiteKind::Modulate => kept.extend_from_slice(&bias[network.site_range(i)]),
                SiteKind::Noise => assert!(bias[network.site_range(i)].iter().all(|&gain| gain == 1.0)),
            }
        }
        assert_eq!(kept, old);
        assert_eq!(start.get("style.weight").unwrap().shape, [network.style_len(), without.code, 1, 1]);
    }
}
