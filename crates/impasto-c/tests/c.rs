//! The header is that of the code, and C programs compiled with it run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of the library that cargo has just built: that of this test program.
fn libraries() -> PathBuf {
    env::current_exe().unwrap().parent().unwrap().to_path_buf()
}

/// A fresh folder under the system's temporary one.
fn folder(name: &str) -> PathBuf {
    let folder = env::temp_dir().join(format!("impasto-c-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn words(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

/// Compiles a program against the shared library; `None` where there is no C compiler that takes a GNU compiler's arguments.
fn compiled(source: &str, into: &Path) -> Option<PathBuf> {
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".into());
    if cfg!(windows) || Command::new(&compiler).arg("--version").output().is_err() {
        println!("skipped: there is no C compiler `{compiler}` here");
        return None;
    }
    let program = into.join("program");
    let output = Command::new(compiler)
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-pthread"])
        .arg("-I")
        .arg(root().join("include"))
        .arg(root().join(source))
        .arg("-L")
        .arg(libraries())
        .arg("-limpasto_c")
        .arg(format!("-Wl,-rpath,{}", libraries().display()))
        .arg("-o")
        .arg(&program)
        .output()
        .unwrap();
    assert!(output.status.success(), "{source} does not compile: {}", words(&output));
    Some(program)
}

/// `.ci/bindings header` compares every byte with what cbindgen makes; this needs no cbindgen.
#[test]
fn the_header_declares_all_functions() {
    let header = fs::read_to_string(root().join("include/impasto.h")).unwrap();
    let declared = |name: &str| header.matches(&format!("{name}(")).count() > 0;
    let mut functions = vec![];
    for file in fs::read_dir(root().join("src")).unwrap() {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        let names = source.split("extern \"C\" fn ").skip(1).filter_map(|rest| rest.split('(').next());
        functions.extend(names.map(str::to_string));
    }
    assert!(functions.len() >= 15, "{functions:?}");
    for name in &functions {
        assert!(declared(name), "include/impasto.h has no {name}; run .ci/bindings header --write");
    }
    let all = header.matches("impasto_").count();
    assert!(all >= functions.len() && header.contains("IMPASTO_CODE_BUG = 6"), "{all}");
}

#[test]
fn the_example_paints() {
    let folder = folder("example");
    let Some(program) = compiled("examples/paint.c", &folder) else { return };
    let output = Command::new(&program).arg("mosaic").current_dir(&folder).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    assert!(words(&output).contains("painted on cpu"), "{}", words(&output));
    let [photo, painted] = ["photo.ppm", "painted.ppm"].map(|file| fs::read(folder.join(file)).unwrap());
    assert_eq!(photo.len(), "P6 161 120 255\n".len() + 3 * 161 * 120);
    assert_eq!(painted.len(), photo.len());
    let change: u64 = photo.iter().zip(&painted).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    assert!(change > 5 * photo.len() as u64, "the painting is next to the photo: {change}");
    let output = Command::new(&program).arg("mosiac").current_dir(&folder).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(words(&output).starts_with("error 3: there is no style `mosiac`"), "{}", words(&output));
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn misuse_is_a_code() {
    let folder = folder("misuse");
    let Some(program) = compiled("tests/misuse.c", &folder) else { return };
    let output = Command::new(&program).current_dir(&folder).output().unwrap();
    assert!(output.status.success() && words(&output).contains("all passed"), "{}", words(&output));
    fs::remove_dir_all(&folder).unwrap();
}
