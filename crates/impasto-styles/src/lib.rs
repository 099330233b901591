//! The built-in styles of Impasto's `light` network.
//!
//! Each is a `.style` file, version 2: the style's vector, and the low-rank update that `impasto tune` has learned for its
//! painting. Beside it lies a quick file of 6 KB, the vector alone for the network as it is, for programs that switch styles
//! without changing weights. `styles.tsv` lists name, painting, steps and provenance; `make-styles` makes the files anew. They
//! have a crate of their own because a package may hold 10 MB, and are read by `impasto::builtin`.
#![forbid(unsafe_code)]

/// A built-in style.
#[derive(Clone, Copy, Debug)]
pub struct StyleFile {
    /// Its name, as it is typed: lower case, words joined by `-`.
    pub name: &'static str,
    /// Painter, title, year and rights of the painting.
    pub source: &'static str,
    /// The tuned `.style` file.
    pub tuned: &'static [u8],
    /// The `.style` file without an update.
    pub quick: &'static [u8],
}

/// Name, painting, steps and provenance, one style a line, separated by tabs.
const LIST: &str = include_str!("../styles.tsv");

/// Name, tuned file, quick file.
type File = (&'static str, &'static [u8], &'static [u8]);

macro_rules! files {
    ($($name:literal)*) => {
        [$((
            $name,
            include_bytes!(concat!("../styles/", $name, ".style")),
            include_bytes!(concat!("../quick/", $name, ".style")),
        )),*]
    };
}

/// In the order of `styles.tsv`, which is the order in which they are shown.
const FILES: [File; 25] = files![
    "starry-night" "waves" "mosaic" "etching" "kiss" "red-blue-horse" "woodcut" "metzinger" "water-lilies"
    "sunflowers" "fuji" "composition" "udnie" "self-portrait" "adele" "crows" "irises" "flower-girl" "phoenix"
    "deluge" "joyfulness" "red-horse" "suprematism" "antibes" "vineyard"
];

/// All built-in styles, in the order in which they are shown.
pub fn all() -> impl ExactSizeIterator<Item = StyleFile> {
    FILES.iter().map(|&(name, tuned, quick)| StyleFile { name, source: source(name), tuned, quick })
}

/// The built-in style of that name.
pub fn find(name: &str) -> Option<StyleFile> {
    all().find(|style| style.name == name)
}

fn source(name: &str) -> &'static str {
    let line = LIST.lines().find(|line| line.split('\t').next() == Some(name));
    line.and_then(|line| line.split('\t').nth(3)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_and_the_files_are_the_same() {
        let listed = LIST.lines().filter_map(|line| line.split('\t').next());
        assert!(listed.eq(all().map(|style| style.name)));
    }

    #[test]
    fn every_style_has_its_rights_and_the_package_fits() {
        for style in all() {
            assert!(style.source.contains("public domain"), "{}: {}", style.name, style.source);
        }
        let bytes: usize = all().map(|style| style.tuned.len() + style.quick.len()).sum();
        assert!(bytes <= 9_800_000, "{bytes} bytes: a package may hold 10 MB");
    }

    #[test]
    fn styles_are_found_by_name() {
        assert_eq!(find("waves").unwrap().name, "waves");
        assert!(find("Waves").is_none() && find("").is_none());
    }
}
