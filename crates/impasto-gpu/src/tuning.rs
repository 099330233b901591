//! Measurements on an adapter, kept in a file.

use crate::plan::way::Way;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// When convolutions are measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Tuning {
    /// Never, and nothing is read: each convolution goes by a rule.
    #[default]
    Off,
    /// Never, but what the file holds is used.
    Read(PathBuf),
    /// If the file has no entry; findings are added to it.
    Measure(PathBuf),
}

/// The fastest ways found on one adapter, by layer.
pub(crate) struct Tuned {
    tuning: Tuning,
    /// Begins every line of the file: what is found holds for one adapter, driver and version only.
    adapter: String,
    ways: Mutex<BTreeMap<String, Way>>,
}

impl Tuned {
    pub fn new(tuning: Tuning, adapter: String) -> Tuned {
        let adapter = adapter.replace(['\t', '\n'], " ");
        let ways = match &tuning {
            Tuning::Off => BTreeMap::new(),
            Tuning::Read(path) | Tuning::Measure(path) => read(path, &adapter),
        };
        Tuned { tuning, adapter, ways: Mutex::new(ways) }
    }

    pub fn is_measuring(&self) -> bool {
        matches!(self.tuning, Tuning::Measure(_))
    }

    /// The way for a layer, if it is known.
    pub fn way(&self, layer: &str) -> Option<Way> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner).get(layer).copied()
    }

    /// Notes the way for a layer, in the file too. A file that cannot be written costs only the next measurement.
    pub fn note(&self, layer: &str, way: Way) {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner).insert(layer.into(), way);
        if let Tuning::Measure(path) = &self.tuning {
            let _ = append(path, &format!("{}\t{layer}\t{way}\n", self.adapter));
        }
    }
}

/// The lines of this adapter; others, and those that make no sense, are left out.
fn read(path: &Path, adapter: &str) -> BTreeMap<String, Way> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = |line: &str| {
        let mut words = line.split('\t');
        let (found, layer, way) = (words.next()?, words.next()?, words.next()?);
        (found == adapter).then_some((layer.to_owned(), way.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

fn append(path: &Path, line: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // One write: several programs may append at once.
    std::fs::OpenOptions::new().create(true).append(true).open(path)?.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_found_again_on_the_same_adapter() {
        let folder = std::env::temp_dir().join(format!("impasto-tuning-{}", std::process::id()));
        let path = folder.join("deeper").join("gpu.tsv");
        let measuring = Tuned::new(Tuning::Measure(path.clone()), "a card\t1".into());
        assert_eq!(measuring.way("conv"), None);
        measuring.note("conv", Way::Direct);
        append(&path, "a card 1\tbroken\tspiral\nnonsense\n").unwrap();
        let reading = Tuned::new(Tuning::Read(path.clone()), "a card\t1".into());
        assert_eq!((reading.way("conv"), reading.way("broken")), (Some(Way::Direct), None));
        assert_eq!(Tuned::new(Tuning::Read(path.clone()), "another".into()).way("conv"), None);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
