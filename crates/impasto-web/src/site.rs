//! The files of the site, where the program was built with them.

/// Name and bytes of each file; empty where the program was built without `IMPASTO_SITE`. The service worker, which gives a
/// new version away, stands last: whoever writes them in this order never announces what is not there.
pub fn files() -> Vec<(&'static str, &'static [u8])> {
    const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/site_files.rs"));
    let mut files = FILES.to_vec();
    files.sort_by_key(|(name, _)| *name == "sw.js");
    files
}
