//! Names of styles as people type them: `Starry Night`, `starrynight` and `starry` all mean `starry-night`.

use crate::builtin;
use std::sync::LazyLock;

/// Built-in styles: the name, its plain form, and the plain form of its title and painter.
static KNOWN: LazyLock<Vec<(String, String, String)>> = LazyLock::new(|| {
    let known = |style: crate::Provenance| (style.name.clone(), plain(&style.name), plain(&style.source));
    builtin::names().into_iter().map(known).collect()
});

/// The shortest beginning of a name that counts as the name.
const SHORTEST: usize = 3;
/// Names that are proposed for one that is not known.
const PROPOSED: usize = 3;

/// The built-in name that is meant: itself whatever its case, spaces and dashes, or the only one that begins so.
pub fn built_in(typed: &str) -> Option<&'static str> {
    let wanted = plain(typed);
    if let Some((name, ..)) = KNOWN.iter().find(|(name, form, _)| name == typed || *form == wanted) {
        return Some(name);
    }
    let mut begins =
        KNOWN.iter().filter(|(_, form, _)| wanted.len() >= SHORTEST && form.starts_with(&wanted));
    match (begins.next(), begins.next()) {
        (Some((name, ..)), None) => Some(name),
        _ => None,
    }
}

/// The built-in names nearest to one that is not known, the nearest first.
pub fn nearest(typed: &str) -> Vec<&'static str> {
    let wanted = plain(typed);
    let mut rated: Vec<_> =
        KNOWN.iter().map(|(name, form, source)| (likeness(&wanted, form, source), name.as_str())).collect();
    rated.sort_by(|a, b| b.0.total_cmp(&a.0));
    rated.into_iter().take(PROPOSED).map(|(_, name)| name).collect()
}

/// 1 is the same; a name that holds the other, or whose title or painter does, is near.
fn likeness(wanted: &str, form: &str, source: &str) -> f64 {
    let alike =
        strsim::normalized_damerau_levenshtein(wanted, form).max(strsim::jaro_winkler(wanted, form) - 0.2);
    let holds = wanted.len() >= SHORTEST && (form.contains(wanted) || wanted.contains(form));
    let titled = wanted.len() >= SHORTEST && source.contains(wanted);
    alike + f64::from(u8::from(holds)) + 0.9 * f64::from(u8::from(titled))
}

/// Letters and digits, in lower case.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_they_are_typed() {
        for typed in ["starry-night", "Starry Night", "starrynight", "STARRY_NIGHT", "starry", "star"] {
            assert_eq!(built_in(typed), Some("starry-night"), "{typed}");
        }
        // Too short, or the beginning of none or of two.
        for typed in ["st", "t", "sta", "", "nobody", "waves2"] {
            assert_eq!(built_in(typed), None, "{typed}");
        }
    }

    #[test]
    fn what_is_near_is_proposed() {
        assert_eq!(nearest("stary-nigth")[0], "starry-night");
        assert_eq!(nearest("wave")[0], "waves");
        assert_eq!(nearest("mosiac")[0], "mosaic");
        assert!(nearest("van gogh").contains(&"starry-night"), "{:?}", nearest("van gogh"));
        assert_eq!(nearest("x").len(), 3);
    }
}
