//! A folder of pictures, decoded when first wanted and kept while there is room.

use impasto_core::Image;
use impasto_media::{folder, resize, still};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Pictures with a side below this are skipped: nothing can be learned from them.
const SMALLEST_SIDE_PX: usize = 32;
/// Fewer pictures than this are worth a warning.
const FEW: usize = 50;
/// Kept pictures are reduced to a shorter side of at most this: crops are smaller anyway.
const KEPT_SIDE_PX: usize = 640;
/// Endings of files that are taken for pictures.
const ENDINGS: [&str; 10] = ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "tif", "tiff", "bmp", "gif"];

/// Why there is nothing to train on.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The folder cannot be read.
    #[error("cannot read the folder {path}: {source}; check the spelling")]
    Io {
        /// The folder.
        path: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// No picture in it.
    #[error("{0} holds no pictures (JPEG, PNG, WebP, TIFF, BMP or GIF); name a folder of {1}")]
    Empty(String, &'static str),
    /// One picture only.
    #[error("{0} holds one picture; a network learns from many: some hundreds of {1} at least")]
    One(String, &'static str),
    /// None of the pictures can be read.
    #[error("none of the {count} pictures in {path} can be read; the first says: {first}")]
    AllBroken {
        /// The folder.
        path: String,
        /// Their number.
        count: usize,
        /// The first one's trouble.
        first: String,
    },
}

/// A folder of pictures, and how often they are drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// Its path.
    pub path: PathBuf,
    /// Each picture is drawn so many times as often as one of a folder of weight 1.
    pub weight: usize,
}

impl From<PathBuf> for Folder {
    /// Of weight 1.
    fn from(path: PathBuf) -> Self {
        Self { path, weight: 1 }
    }
}

/// The pictures of some folders and their subfolders, in the order of their paths.
pub struct Library {
    paths: Vec<PathBuf>,
    /// The pictures to draw from: each picture as often as its folder's weight says.
    places: Vec<usize>,
    kept: Vec<Mutex<Slot>>,
    what: &'static str,
    room_bytes: AtomicUsize,
    broken: AtomicUsize,
    /// Files that could not be read and why, until somebody asks.
    untold: Mutex<Vec<String>>,
}

#[derive(Clone)]
enum Slot {
    Unseen,
    Kept(Arc<Image>),
    Broken,
}

impl Library {
    /// Lists `folders`; `what` names their kind in messages. Decoded pictures are kept up to `room_bytes`.
    pub fn open(folders: &[Folder], what: &'static str, room_bytes: usize) -> Result<Self, LibraryError> {
        let (mut paths, mut places, mut untold) = (Vec::new(), Vec::new(), Vec::new());
        for folder in folders {
            let (found, skipped) = list(&folder.path)?;
            untold.extend(skipped);
            places.extend((0..found.len() * folder.weight).map(|i| paths.len() + i % found.len()));
            paths.extend(found);
        }
        let shown = folders.iter().map(|f| f.path.display().to_string()).collect::<Vec<_>>().join(", ");
        match paths.len() {
            0 => return Err(LibraryError::Empty(shown, what)),
            1 => return Err(LibraryError::One(shown, what)),
            _ => {}
        }
        let kept = paths.iter().map(|_| Mutex::new(Slot::Unseen)).collect();
        let (room_bytes, untold) = (room_bytes.into(), Mutex::new(untold));
        let library = Self { paths, places, kept, what, room_bytes, broken: 0.into(), untold };
        library.check(shown)?;
        Ok(library)
    }

    /// Pictures that are already decoded.
    pub fn of_images(images: Vec<Image>) -> Self {
        Self::of_shared(images.into_iter().map(Arc::new).collect())
    }

    /// Decoded pictures that others have too.
    pub fn of_shared(images: Vec<Arc<Image>>) -> Self {
        let paths = (0..images.len()).map(|i| PathBuf::from(format!("picture {i}"))).collect();
        let places = (0..images.len()).collect();
        let kept = images.into_iter().map(|image| Mutex::new(Slot::Kept(image))).collect();
        let (what, untold) = ("pictures", Mutex::default());
        Self { paths, places, kept, what, room_bytes: 0.into(), broken: 0.into(), untold }
    }

    /// Adds decoded pictures.
    pub fn add(&mut self, images: Vec<Image>) {
        for image in images {
            self.places.push(self.paths.len());
            self.paths.push(PathBuf::from(format!("picture {}", self.paths.len())));
            self.kept.push(Mutex::new(Slot::Kept(Arc::new(image))));
        }
    }

    /// One of the first readable pictures proves that there is something.
    fn check(&self, shown: String) -> Result<(), LibraryError> {
        let mut first = None;
        for (at, path) in self.paths.iter().enumerate() {
            match decode(path) {
                Ok(_) => return Ok(()),
                Err(e) => {
                    *self.kept[at].lock().expect("nobody else has it yet") = Slot::Broken;
                    first.get_or_insert(format!("{}: {e}", path.display()));
                    self.leave_out(at, &e);
                }
            }
        }
        let count = self.paths.len();
        Err(LibraryError::AllBroken { path: shown, count, first: first.unwrap_or_default() })
    }

    /// Number of files, readable or not.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// A word of warning, if there are too few pictures for a network that is to paint others.
    pub fn few(&self) -> Option<String> {
        let (count, what) = (self.len(), self.what);
        (count < FEW).then(|| {
            format!("only {count} {what}: the network will do well on these, and badly on others; some hundreds are wanted")
        })
    }

    /// Files that turned out unreadable or too small so far.
    pub fn broken(&self) -> usize {
        self.broken.load(Ordering::Relaxed)
    }

    fn leave_out(&self, at: usize, why: &str) {
        self.broken.fetch_add(1, Ordering::Relaxed);
        let line = format!("{}: {why}", self.paths[at].display());
        self.untold.lock().expect("nobody panics while holding it").push(line);
    }

    /// Files that could not be read since this was asked last, each with the reason.
    pub fn newly_broken(&self) -> Vec<String> {
        std::mem::take(&mut *self.untold.lock().expect("nobody panics while holding it"))
    }

    /// Path of picture `at`.
    pub fn path(&self, at: usize) -> &Path {
        &self.paths[at]
    }

    /// Number of places to draw from: with folders of weight 1 the number of files.
    pub fn places(&self) -> usize {
        self.places.len()
    }

    /// Takes up to `count` readable pictures out, spread evenly: they are not drawn any more. At least half of the pictures stay.
    pub fn hold_out(&mut self, count: usize) -> Vec<Arc<Image>> {
        let count = count.min(self.len() / 2);
        let mut out: Vec<(usize, Arc<Image>)> = vec![];
        for i in 0..count {
            let near = (0..self.len() / count).map(|by| i * self.len() / count + by);
            out.extend(near.filter_map(|at| self.try_get(at).map(|image| (at, image))).next());
        }
        self.places.retain(|place| out.iter().all(|(at, _)| at != place));
        out.into_iter().map(|(_, image)| image).collect()
    }

    /// The picture at place `at` of [`Self::places`], or the next one after it that can be read; and which file it is.
    ///
    /// # Panics
    /// If none can be read any more.
    pub fn get(&self, at: usize) -> (usize, Arc<Image>) {
        let places = self.places.iter().cycle().skip(at).take(self.places.len());
        let found = places.copied().find_map(|which| self.try_get(which).map(|image| (which, image)));
        found.expect("pictures that could be read are still there: were the files removed during the run?")
    }

    fn try_get(&self, at: usize) -> Option<Arc<Image>> {
        let mut slot = self.kept[at].lock().expect("decoding does not panic");
        match &*slot {
            Slot::Kept(image) => return Some(image.clone()),
            Slot::Broken => return None,
            Slot::Unseen => {}
        }
        let image = match decode(&self.paths[at]) {
            Ok(image) => image,
            Err(why) => {
                *slot = Slot::Broken;
                self.leave_out(at, &why);
                return None;
            }
        };
        let image = Arc::new(image);
        let bytes = image.rgb().len();
        let taken = self
            .room_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(bytes));
        if taken.is_ok() {
            *slot = Slot::Kept(image.clone());
        }
        Some(image)
    }
}

/// The pictures in a folder tree, in the order of their paths, each folder once whatever links lead to it; and a line for each that looks
/// like a picture by its name and is none: a link to nothing, a pipe.
fn list(folder: &Path) -> Result<(Vec<PathBuf>, Vec<String>), LibraryError> {
    let listing = folder::list(folder).map_err(|e| LibraryError::Io {
        path: folder.display().to_string(),
        source: std::io::Error::other(e),
    })?;
    let known = |path: &Path| {
        let ending = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        ending.is_some_and(|e| ENDINGS.contains(&e.as_str()))
    };
    let pictures = listing.pictures.into_iter().map(|picture| picture.path);
    let mut found: Vec<_> = pictures.filter(|path| known(path)).collect();
    found.sort();
    let skipped = listing.skipped.iter().filter(|skipped| known(&skipped.path));
    Ok((found, skipped.map(|skipped| format!("{}: {}", skipped.path.display(), skipped.why)).collect()))
}

/// Upright, in sRGB, and at most [`KEPT_SIDE_PX`] on the shorter side.
fn decode(path: &Path) -> Result<Image, String> {
    let image = still::read(path).map_err(|e| e.to_string())?.image;
    let side = image.width().min(image.height());
    if side < SMALLEST_SIDE_PX {
        return Err(format!(
            "{}x{} px is too small: the shorter side must have {SMALLEST_SIDE_PX} px at least",
            image.width(),
            image.height()
        ));
    }
    Ok(if side > KEPT_SIDE_PX { resize::resize_shorter_side(&image, KEPT_SIDE_PX) } else { image })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn links_in_a_circle_count_once_and_pipes_do_not() {
        let root = std::env::temp_dir().join(format!("impasto-circle-{}", std::process::id()));
        std::fs::create_dir_all(root.join("deep/deeper")).unwrap();
        for name in ["a.png", "deep/b.png", "deep/deeper/c.png"] {
            image::RgbImage::new(40, 40).save(root.join(name)).unwrap();
        }
        std::os::unix::fs::symlink("..", root.join("deep/up")).unwrap();
        std::os::unix::fs::symlink(&root, root.join("deep/deeper/top")).unwrap();
        std::os::unix::fs::symlink("nothing.png", root.join("dangling.png")).unwrap();
        let pipe = std::process::Command::new("mkfifo").arg(root.join("pipe.jpg")).status();
        let library = Library::open(&[root.clone().into()], "photos", 0).unwrap();
        assert_eq!(library.len(), 3, "each picture once; pipe: {pipe:?}");
        let told = library.newly_broken();
        assert!(told.len() == 2 && told[0].contains("dangling.png: a link that leads nowhere"), "{told:?}");
        assert!(told[1].contains("pipe.jpg: a pipe"), "{told:?}");
        std::fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn pictures_that_are_held_out_are_not_drawn() {
        let images = (0..9).map(|i| Image::from_fn(40, 40, |_, _| [i; 3])).collect();
        let mut library = Library::of_images(images);
        let held: Vec<u8> = library.hold_out(3).iter().map(|image| image.pixel(0, 0)[0]).collect();
        assert_eq!((held.as_slice(), library.places()), ([0, 3, 6].as_slice(), 6));
        let drawn: Vec<u8> = (0..6).map(|at| library.get(at).1.pixel(0, 0)[0]).collect();
        assert_eq!(drawn, [1, 2, 4, 5, 7, 8]);
        assert_eq!(Library::of_images(vec![Image::black(40, 40)]).hold_out(4).len(), 0, "some must stay");
    }

    #[test]
    fn a_folder_of_weight_3_is_drawn_three_times_as_often() {
        let root = std::env::temp_dir().join(format!("impasto-weights-{}", std::process::id()));
        for (folder, count) in [("few", 2), ("many", 4)] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
            for i in 0..count {
                image::RgbImage::new(40, 40).save(root.join(folder).join(format!("{i}.png"))).unwrap();
            }
        }
        let folders = [Folder { path: root.join("few"), weight: 3 }, root.join("many").into()];
        let library = Library::open(&folders, "photos", 1 << 20).unwrap();
        assert_eq!((library.len(), library.places()), (6, 10));
        let drawn: Vec<usize> = (0..10).map(|at| library.get(at).0).collect();
        assert_eq!(drawn, [0, 1, 0, 1, 0, 1, 2, 3, 4, 5]);
        std::fs::write(root.join("few/1.png"), b"damaged now").unwrap();
        let library = Library::open(&folders, "photos", 1 << 20).unwrap();
        assert_eq!((library.get(1).0, library.broken()), (0, 1), "the next place is taken");
        let told = library.newly_broken();
        assert!(told.len() == 1 && told[0].contains("1.png: "), "{told:?}");
        assert!(library.newly_broken().is_empty());
        std::fs::remove_dir_all(&root).unwrap();
    }
}
