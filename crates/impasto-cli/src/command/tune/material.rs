//! Paintings and photos, from what was typed.

use crate::console::Console;
use crate::styles;
use anyhow::{Context, Result, bail};
use impasto::{Image, scene};
use impasto_media::video::{self, InputOptions, convert};
use impasto_media::{folder, resize, still};
use impasto_train::data::{Folder, Library};
use impasto_train::tune;
use std::path::{Path, PathBuf};

/// Decoded photos are kept up to this many bytes.
const ROOM_BYTES: usize = 400 << 20;
/// Scenes that are drawn where no photos are given.
const DRAWN: usize = 16;
/// With fewer photos than this, scenes that the program draws are learned from too.
const FEW: usize = 12;
/// Paintings of a folder that are learned from, and their shorter side, px, at most.
const MOST_PAINTINGS: usize = 64;
const PAINTING_PX: usize = 1024;
/// Frames of a film that are kept, spread evenly over those that are looked at, and their shorter side, px, at most.
const FILM_FRAMES: usize = 64;
const FILM_LOOKED_AT: usize = 4000;
const FILM_PX: usize = 400;

/// The paintings that `paths` name: pictures, and folders of works by one hand.
pub fn paintings(paths: &[PathBuf], console: &Console) -> Result<Vec<Image>> {
    let mut found = vec![];
    for path in paths {
        if path.is_dir() {
            found.extend(painting_folder(path, console)?);
        } else {
            let painting = styles::painting(path)?;
            tune::check(&painting).with_context(|| path.display().to_string())?;
            found.push(sized(painting, PAINTING_PX));
        }
    }
    if found.len() > MOST_PAINTINGS {
        console.note(format!("{} paintings: the first {MOST_PAINTINGS} are learned from", found.len()));
        found.truncate(MOST_PAINTINGS);
    }
    Ok(found)
}

/// The paintings of a folder; those that cannot be used are told and left out.
fn painting_folder(path: &Path, console: &Console) -> Result<Vec<Image>> {
    let shown = path.display();
    let listing = folder::list(path).with_context(|| format!("cannot read the folder {shown}"))?;
    let (mut found, mut first) = (vec![], None);
    for picture in listing.pictures.iter().take(2 * MOST_PAINTINGS) {
        let read = styles::painting(&picture.path).and_then(|image| {
            tune::check(&image).with_context(|| picture.path.display().to_string())?;
            Ok(image)
        });
        match read {
            Ok(image) => found.push(sized(image, PAINTING_PX)),
            Err(why) => {
                console.note(format!("left out: {why:#}"));
                first.get_or_insert(why);
            }
        }
    }
    match (found.is_empty(), first) {
        (true, Some(why)) => Err(why.context(format!("none of the pictures in {shown} can be learned from"))),
        (true, None) => {
            bail!("{shown} holds no pictures; name a painting, or a folder of paintings by one hand")
        }
        (false, _) => Ok(found),
    }
}

/// Pictures to learn on: folders of photos, photos and films; without any, scenes that the program draws.
pub fn photos(paths: &[PathBuf], console: &Console) -> Result<Library> {
    let (folders, files): (Vec<&PathBuf>, Vec<&PathBuf>) = paths.iter().partition(|path| !path.is_file());
    let mut library = match folders.is_empty() {
        true => Library::of_images(vec![]),
        false => {
            let folders: Vec<Folder> = folders.into_iter().cloned().map(Folder::from).collect();
            Library::open(&folders, "photos", ROOM_BYTES)?
        }
    };
    for file in files {
        library.add(frames(file)?);
    }
    let own = library.len();
    if own < FEW {
        if own > 0 {
            let photos = if own == 1 { "one photo".into() } else { format!("only {own} photos") };
            console.note(format!("{photos}: scenes that the program draws are learned from too"));
        }
        library.add(drawn());
    }
    for line in library.newly_broken() {
        console.note(format!("left out: {line}"));
    }
    Ok(library)
}

/// The photo in a file, or frames of the film in it.
fn frames(path: &Path) -> Result<Vec<Image>> {
    if let Ok(photo) = still::read(path) {
        return Ok(vec![sized(photo.image, FILM_PX)]);
    }
    let shown = path.display();
    let opened = video::open(path, &InputOptions::default());
    let mut source = opened.with_context(|| format!("{shown} is neither a photo nor a film"))?.source;
    let (mut kept, mut stride) = (vec![], 1);
    for number in 0..FILM_LOOKED_AT {
        // A film that is cut short is used as far as it goes.
        let Ok(Some(frame)) = source.read() else { break };
        if number % stride != 0 {
            continue;
        }
        let info = source.info();
        kept.push(sized(convert::upright(frame.pixels, info, info.width, info.height), FILM_PX));
        if kept.len() > FILM_FRAMES {
            kept = kept.into_iter().step_by(2).collect();
            stride *= 2;
        }
    }
    if kept.is_empty() {
        bail!("{shown} holds no frame that can be read; name another film, or a folder of photos");
    }
    Ok(kept)
}

fn sized(image: Image, most_px: usize) -> Image {
    let large = image.width().min(image.height()) > most_px;
    if large { resize::resize_shorter_side(&image, most_px) } else { image }
}

/// The demo scene at several times of its day and sizes.
pub fn drawn() -> Vec<Image> {
    let size = |i: usize| if i.is_multiple_of(2) { (640, 360) } else { (480, 480) };
    (0..DRAWN).map(|i| scene::draw(size(i).0, size(i).1, 3.7 * i as f32)).collect()
}
