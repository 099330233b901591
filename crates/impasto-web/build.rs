//! Puts the site into the program: the folder that `IMPASTO_SITE` names, as `web/build.sh` makes it. Without it there is none.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-env-changed=IMPASTO_SITE");
    let folder = env::var_os("IMPASTO_SITE").filter(|name| !name.is_empty()).map(PathBuf::from);
    let list = folder.as_deref().map_or_else(String::new, list);
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names it")).join("site_files.rs");
    fs::write(out, format!("&[{list}]")).expect("cargo's own folder can be written");
}

/// Name and bytes of each file, as Rust.
fn list(folder: &Path) -> String {
    let why = "IMPASTO_SITE must name the folder that web/build.sh has made, as an absolute path";
    assert!(folder.is_absolute() && folder.join("index.html").is_file(), "{why}, found {}", folder.display());
    println!("cargo:rerun-if-changed={}", folder.display());
    let files = fs::read_dir(folder).expect(why).map(|entry| entry.expect(why).path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.is_file()).collect();
    files.sort();
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned).expect(why);
    files.iter().map(|path| format!("({:?}, include_bytes!({path:?}).as_slice()),", name(path))).collect()
}
